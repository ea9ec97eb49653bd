/* Softmax regression: the scores of rows, their best classes, and a block of steps of descent.

   Python sees three functions of objects that give buffers. Rows are shared out to a few threads in
   blocks; every sum is made in one order, so the bits of a result depend neither on how many
   threads there are, nor on how many steps are taken in one call. No label is used before it was
   checked; of what types and shapes arrays are, kernel/functions.py sees to. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#if !defined(_WIN32)
#define HAVE_THREADS 1
#include <pthread.h>
#include <signal.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>
#endif

#if defined(__clang__)
#define UNROLLED _Pragma("unroll")
#define WIDE ""
#else
#define UNROLLED _Pragma("GCC unroll 16")
#define WIDE ",prefer-vector-width=512"
#endif
#define TILE 10       /* classes whose sums are in registers at once */
#define PANEL 16      /* rows of a block */
#define FEATURES 256 /* of which W is laid out at once, in a processor's nearest cache */
#define CHUNK 2048    /* rows whose scores are held at once */

typedef struct {
    const char *x;     /* rows, `stride` bytes apart */
    Py_ssize_t stride, n_rows, n_in, n_out;
    Py_ssize_t first, last;      /* of the rows that are worked on */
    const void *w;               /* W as the user has it */
    void *b;
    void *memory, *rows, *scaled, *dw; /* W, W scaled, and gradients: n_out rows of `width` numbers */
    Py_ssize_t width;
    const int32_t *y;            /* labels; none if only scores are wanted */
    const void *weights;         /* of the classes; none if all are 1 */
    int64_t *classes;            /* where the best class of each row goes, if that is wanted */
    void *z, *losses, *db;       /* z holds the scores from row `z_first` on */
    void *out;                   /* where W after the steps goes, or the gradient by it */
    Py_ssize_t z_first;
    Py_ssize_t ahead;            /* bytes from a panel to the one that its thread takes next */
    double scale, rate;          /* of x; of a step of descent, 0 for the bare gradients */
} Job;

typedef void Task(const Job *, Py_ssize_t);
typedef struct {
    Task *lay_out, *lay_back, *score_panel, *gradient_slice;
    Py_ssize_t columns, lanes; /* features of a slice, and of a vector */
} Loops;

#define PASTE2(a, b, c, d) a##_##b##_##c##_##d
#define PASTE(a, b, c, d) PASTE2(a, b, c, d)
#define NAME(f) PASTE(f, CELL, REAL, SET)

#if defined(__x86_64__)
#include <immintrin.h>
#define SET avx512
#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma" WIDE)))
#define BYTES 64
#define FROM_BYTES(c) _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32((__m128i)(c)))
#define ROWS 2
#include "kernel_types.h"
#define SET avx2
#define TARGET __attribute__((target("avx2,fma")))
#define BYTES 32
#define FROM_BYTES(c) _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)(c))))
#define ROWS 1
#include "kernel_types.h"
#endif
#define SET plain
#define TARGET
#define BYTES 16
#define FROM_BYTES(c) \
    __builtin_convertvector(__builtin_convertvector(c, NAME(ints)), NAME(vector))
#define ROWS 2
#include "kernel_types.h"

/* ---- Threads: helpers take blocks as they are free; nobody waits for one that holds none. ---- */

#if HAVE_THREADS
#define MAX_HELPERS 63
#define SPIN_NS 100000 /* so long a helper looks for the next block before it sleeps */

static struct {
    pthread_mutex_t caller;       /* held by whose job it is; who does not get it works alone */
    pthread_mutex_t mutex;        /* for those asleep */
    pthread_cond_t wake;
    int n_helpers;
    atomic_int n_asleep, n_wanted;
    /* Number of the phase, its blocks, and the next of these, in one word: a block that was taken
       belongs to the phase that is under way, and that ends only once the block is done. */
    _Atomic uint64_t ticket;
    _Atomic Py_ssize_t n_done;
    Task *task;
    const Job *job;
} pool = {.caller = PTHREAD_MUTEX_INITIALIZER, .mutex = PTHREAD_MUTEX_INITIALIZER,
          .wake = PTHREAD_COND_INITIALIZER};

#define BLOCKS(ticket) ((ticket) >> 18 & 0x3ffff)
#define NEXT(ticket) ((ticket)&0x3ffff)
#define MAX_BLOCKS 0x3ffff

static int take_block(void)
{
    uint64_t ticket = atomic_load(&pool.ticket);
    while (NEXT(ticket) < BLOCKS(ticket))
        if (atomic_compare_exchange_weak(&pool.ticket, &ticket, ticket + 1)) {
            pool.task(pool.job, NEXT(ticket));
            atomic_fetch_add(&pool.n_done, 1);
            return 1;
        }
    return 0;
}

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

static void *help(void *number)
{
    int i = (int)(intptr_t)number;
    for (;;) {
        int64_t end = now() + SPIN_NS;
        while (now() < end) {
            if (i < atomic_load(&pool.n_wanted) && take_block())
                end = now() + SPIN_NS;
            else
                for (int n = 0; n < 16; n++)
                    relax();
        }
        pthread_mutex_lock(&pool.mutex);
        atomic_fetch_add(&pool.n_asleep, 1);
        uint64_t ticket = atomic_load(&pool.ticket);
        while (NEXT(ticket) >= BLOCKS(ticket) || i >= atomic_load(&pool.n_wanted)) {
            pthread_cond_wait(&pool.wake, &pool.mutex);
            ticket = atomic_load(&pool.ticket);
        }
        atomic_fetch_sub(&pool.n_asleep, 1);
        pthread_mutex_unlock(&pool.mutex);
    }
    return NULL;
}

static void after_fork(void) /* a child has none of its parent's threads */
{
    pthread_mutex_init(&pool.caller, NULL);
    pthread_mutex_init(&pool.mutex, NULL);
    pthread_cond_init(&pool.wake, NULL);
    pool.n_helpers = 0;
    atomic_store(&pool.n_asleep, 0);
    atomic_store(&pool.ticket, 0);
}

static void start_helpers(int n)
{
    atomic_store(&pool.n_wanted, n);
    for (; pool.n_helpers < n && pool.n_helpers < MAX_HELPERS; pool.n_helpers++) {
        pthread_t thread;
        sigset_t all, before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are Python's */
        int failed = pthread_create(&thread, NULL, help, (void *)(intptr_t)pool.n_helpers);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (failed)
            return;
        pthread_detach(thread);
    }
}

static void in_blocks(const Job *job, Task *task, Py_ssize_t n, int together)
{
    if (!together || n < 2 || n > MAX_BLOCKS) {
        for (Py_ssize_t i = 0; i < n; i++)
            task(job, i);
        return;
    }
    pool.task = task;
    pool.job = job;
    atomic_store(&pool.n_done, 0);
    uint64_t phase = (atomic_load(&pool.ticket) >> 36) + 1;
    atomic_store(&pool.ticket, phase << 36 | (uint64_t)n << 18);
    if (atomic_load(&pool.n_asleep)) {
        pthread_mutex_lock(&pool.mutex);
        pthread_cond_broadcast(&pool.wake);
        pthread_mutex_unlock(&pool.mutex);
    }
    while (take_block())
        ;
    for (int spins = 0; atomic_load(&pool.n_done) < n; spins++)
        spins < 1000 ? relax() : (void)sched_yield();
}
#else
static void in_blocks(const Job *job, Task *task, Py_ssize_t n, int together)
{
    (void)together;
    for (Py_ssize_t i = 0; i < n; i++)
        task(job, i);
}
#endif

/* ---- A job: W is laid out for the loops, then chunk after chunk of the rows is worked off, step
   after step. ---- */

typedef struct {
    const int64_t *starts; /* the first row of each step */
    Py_ssize_t n;
    double *costs;
} Steps;

static void work(Job *job, const Loops *loops, int is_double, const Steps *steps, int n_threads)
{
    int together = 0;
#if HAVE_THREADS
    double products = (double)job->n_rows * job->n_in * job->n_out;
    together = n_threads > 1 && products > 100000 && !pthread_mutex_trylock(&pool.caller);
    if (together)
        start_helpers(n_threads - 1);
#endif
    const char *x = job->x;
    const int32_t *y = job->y;
    job->ahead = (together ? n_threads : 1) * PANEL * job->stride;
    Py_ssize_t n_parts = (job->n_in + FEATURES - 1) / FEATURES;
    in_blocks(job, loops->lay_out, n_parts, together);
    for (Py_ssize_t step = 0; step < steps->n; step++) {
        job->x = x + steps->starts[step] * job->stride;
        job->y = y ? y + steps->starts[step] : NULL;
        for (job->first = 0; job->first < job->n_rows; job->first = job->last) {
            job->last = job->n_rows - job->first < CHUNK ? job->n_rows : job->first + CHUNK;
            if (job->y || job->classes)
                job->z_first = job->first;
            Py_ssize_t n = job->last - job->first;
            in_blocks(job, loops->score_panel, (n + PANEL - 1) / PANEL, together);
            if (job->y)
                in_blocks(job, loops->gradient_slice,
                          (job->n_in + loops->columns - 1) / loops->columns + 1, together);
        }
        double cost = 0;
        for (Py_ssize_t i = 0; y && i < job->n_rows; i++)
            cost += is_double ? ((double *)job->losses)[i] : ((float *)job->losses)[i];
        if (y)
            steps->costs[step] = cost / job->n_rows;
    }
    if (y)
        in_blocks(job, loops->lay_back, n_parts, together);
#if HAVE_THREADS
    if (together)
        pthread_mutex_unlock(&pool.caller);
#endif
}

/* ---- What Python sees ---- */

#define LOOPS(cell, real, set, bytes, rows) \
    {lay_out_##cell##_##real##_##set, lay_back_##cell##_##real##_##set, \
     score_panel_##cell##_##real##_##set, gradient_slice_##cell##_##real##_##set, \
     rows * bytes / sizeof(real), bytes / sizeof(real)}
#define ALL_LOOPS(set, bytes, rows) \
    {#set, \
     {{LOOPS(float, float, set, bytes, rows), LOOPS(uint8_t, float, set, bytes, rows)}, \
      {LOOPS(double, double, set, bytes, rows), LOOPS(uint8_t, double, set, bytes, rows)}}}
static const struct {
    const char *name;
    Loops of[2][2]; /* by whether W is of doubles, and x of bytes */
} loops_of_sets[] = {
#if defined(__x86_64__)
    ALL_LOOPS(avx512, 64, 2),
    ALL_LOOPS(avx2, 32, 1),
#endif
    ALL_LOOPS(plain, 16, 2),
};
#define N_SETS (int)(sizeof loops_of_sets / sizeof *loops_of_sets)
static int the_set = -1; /* chosen when the module is loaded */

static int usable(int set)
{
#if defined(__x86_64__)
    if (set == 0)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    if (set == 1)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
    return set < N_SETS;
}

/* Memory that is kept for the next call: from the operating system, each page of it would be
   zeroed anew. It begins with its size. */
#if HAVE_THREADS
static _Atomic(void *) kept;
#define SWAP_KEPT(memory) atomic_exchange(&kept, memory)
#else
#define SWAP_KEPT(memory) (memory)
#endif

static void *take_memory(Py_ssize_t size)
{
    void *memory = SWAP_KEPT(NULL);
    if (!memory || *(Py_ssize_t *)memory < size) {
        free(memory);
        if ((memory = malloc(size)))
            *(Py_ssize_t *)memory = size;
    }
    return memory;
}

/* Memory for W, W scaled, and its gradient, as a row of `width` numbers for each class. */
static int allocate(Job *job, Py_ssize_t real, Py_ssize_t lanes)
{
    job->width = (job->n_in + lanes - 1) / lanes * lanes;
    if (job->width > PY_SSIZE_T_MAX / real / 4 / (job->n_out + 1))
        return -1;
    Py_ssize_t size = (job->width * job->n_out * real + 63) & ~(Py_ssize_t)63;
    job->memory = take_memory(3 * size + 127);
    /* At a multiple of 64 bytes, no vector lies on two cache lines. */
    job->rows = (void *)(((uintptr_t)job->memory + 127) & ~(uintptr_t)63);
    job->scaled = (char *)job->rows + size;
    job->dw = (char *)job->scaled + size;
    return job->memory ? 0 : -1;
}

/* From x, W and b: scores, or the best classes; given labels, costs, and W and b after steps. */
static PyObject *run(PyObject *args, char kind)
{
    static const int64_t zero[1] = {0};
    const char *formats[] = {"y*y*y*w*nndi", "y*y*y*w*nndiw*y*y*w*d|z*"};
    Py_buffer x, w, b, out, b_out = {0}, y = {0}, starts = {0}, costs = {0}, weights = {0};
    Job job = {0};
    int n_threads, failed = 0;
    void *scratch = NULL;
    PyObject *result = NULL;
    if (!PyArg_ParseTuple(args, formats[kind == 'd'], &x, &w, &b, &out, &job.n_rows, &job.n_out,
                          &job.scale, &n_threads, &b_out, &y, &starts, &costs, &job.rate, &weights))
        return NULL;
    /* kernel/functions.py gives arrays that go together; their lengths tell of what types they are. */
    Steps steps = {zero, 1, NULL};
    Py_ssize_t n = job.n_rows, n_all = y.obj ? y.len / 4 : n, n_out = job.n_out;
    if (n < 1 || n_all < n || w.len < 1 || (weights.obj && weights.len != b.len))
        goto misfit;
    Py_ssize_t real = b.len / n_out;
    job.n_in = w.len / b.len;
    Py_ssize_t cell = x.len / n_all / job.n_in;
    if (kind == 'd')
        steps = (Steps){starts.buf, starts.len / 8, costs.buf};
    for (Py_ssize_t step = 0; kind == 'd' && step < steps.n; step++) {
        if (steps.starts[step] < 0 || steps.starts[step] > n_all - n)
            goto misfit;
        for (Py_ssize_t i = steps.starts[step]; i < steps.starts[step] + n; i++)
            if (((uint32_t *)y.buf)[i] >= (uint64_t)n_out) {
                PyErr_Format(PyExc_ValueError, "row %zd has the label %d: labels must be 0 to %zd",
                             i, (int)((int32_t *)y.buf)[i], n_out - 1);
                goto done;
            }
    }
    job.x = x.buf;
    job.stride = job.n_in * cell;
    job.w = w.buf;
    job.b = b.buf;
    job.y = y.buf;
    job.weights = weights.buf;
    job.z = job.out = out.buf;
    job.classes = kind == 'c' ? out.buf : NULL;
    const Loops *loops = &loops_of_sets[the_set].of[real == 8][cell == 1];
    Py_BEGIN_ALLOW_THREADS
    if (kind != 's') { /* a chunk of scores at a time */
        job.losses = scratch = malloc(((n < CHUNK ? n : CHUNK) * n_out + n + n_out) * real);
        failed = !scratch;
    }
    failed = failed || allocate(&job, real, loops->lanes);
    if (!failed) {
        if (kind != 's')
            job.z = (char *)scratch + (n + n_out) * real;
        if (kind == 'd') {
            /* b after the steps, or its gradient: the other is in the scratch. */
            job.db = job.rate ? (char *)scratch + n * real : b_out.buf;
            job.b = job.rate ? memcpy(b_out.buf, b.buf, b.len) : b.buf;
        }
        work(&job, loops, real == 8, &steps, n_threads);
    }
    Py_END_ALLOW_THREADS
    result = failed ? PyErr_NoMemory() : (Py_INCREF(Py_None), Py_None);
    goto done;
misfit:
    PyErr_SetString(PyExc_ValueError, "n_rows, starts, weights and the arrays do not go together");
done:
    free(SWAP_KEPT(job.memory));
    free(scratch);
    Py_buffer *all[] = {&x, &w, &b, &out, &b_out, &y, &starts, &costs, &weights};
    for (int i = 0; i < 9; i++)
        PyBuffer_Release(all[i]);
    return result;
}

#define FUNCTION(name, kind)                               \
    static PyObject *name(PyObject *self, PyObject *args) \
    {                                                      \
        (void)self;                                        \
        return run(args, kind);                            \
    }
FUNCTION(scores, 's')
FUNCTION(classes, 'c')
FUNCTION(descend, 'd')

static PyMethodDef functions[] = {
    {"scores", scores, METH_VARARGS,
     "scores(x, W, b, z, n_rows, n_out, scale, n_threads): z = scale * x W + b"},
    {"classes", classes, METH_VARARGS,
     "classes(x, W, b, classes, n_rows, n_out, scale, n_threads): the best class of each row"},
    {"descend", descend, METH_VARARGS,
     "descend(x, W, b, new_W, n_rows, n_out, scale, n_threads, new_b, y, starts, costs, rate,\n"
     "weights=None): steps of descent on n_rows rows from each of `starts` on, and their costs.\n"
     "With a rate of 0, the gradients come in place of new W and b."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_kernel", NULL, -1, functions,
                                    NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__kernel(void)
{
    const char *wanted = getenv("LOGREG_KERNEL_SET"); /* for the tests of each set */
    for (int i = N_SETS - 1; i >= 0; i--)
        if (usable(i) && (!wanted || !strcmp(wanted, loops_of_sets[i].name)))
            the_set = i;
    if (the_set < 0)
        the_set = N_SETS - 1;
#if HAVE_THREADS
    pthread_atfork(NULL, NULL, after_fork);
#endif
    PyObject *self = PyModule_Create(&module);
    if (self)
        PyModule_AddStringConstant(self, "instructions", loops_of_sets[the_set].name);
    return self;
}
