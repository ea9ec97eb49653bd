/* Softmax regression: the scores of rows, their best classes, and a block of steps of descent.

   Rows are laid out in panels of 16: the numbers of a column lie side by side, and a lane of a
   vector is a row. So a weight is used for 16 rows at once, nothing is summed across lanes but the
   gradients at the end, and a column of bytes that is blank in all 16 rows is left out. The order
   of the rows within a minibatch is free: ordered by label, they have more such columns.

   Python sees four functions of objects that give buffers. Panels are shared out to a few threads;
   every sum is made in one order, so the bits of a result depend neither on how many threads there
   are, nor on the size of a vector, nor on how many steps are taken in one call, nor on whether the
   rows were laid out before. No label is used before it was checked; kernel/functions.py sees to
   the types and shapes of arrays. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#if !defined(_WIN32)
#define HAVE_THREADS 1
#include <pthread.h>
#include <signal.h>
#include <sched.h>
#include <time.h>
#endif

#if defined(__clang__)
#define UNROLLED _Pragma("unroll")
#define WIDE ""
#define SHUFFLE(type, a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define UNROLLED _Pragma("GCC unroll 16")
#define WIDE ",prefer-vector-width=512"
#define SHUFFLE(type, a, b, ...) __builtin_shuffle(a, b, (type){__VA_ARGS__})
#endif
#define PANEL 16  /* rows */
#define BLOCK 16  /* columns that a task has */
#define MOST_IN ((1 << 25) - 1) /* columns: the number of one has 25 bits */
#define PANELS 64 /* of a chunk at the most: their scores are held at once */

/* Some rows of a minibatch as panels. Columns of a panel are counted, PANEL numbers each. */
typedef struct {
    void *x;
    uint32_t *columns;       /* of x: which each is; of dense panels, those of one */
    uint32_t *starts, *ends; /* of each panel */
    uint32_t *marks;         /* by panel, how many columns are before each block; or, by column: */
    uint32_t *entries; /* where it is (25 bits), of which panel (6), whether that is its last (1) */
    uint32_t *blocks;  /* where the entries of each block of columns begin */
    int is_dense;      /* whether no column is left out: entries are those of the first */
} Chunk;

/* The minibatches of a set, laid out before the first step. */
typedef struct {
    Py_ssize_t n_all, n_rows, n_in, n_out;
    Py_ssize_t of_batch, n_chunks; /* chunks of a minibatch, and of all */
    int32_t *labels;               /* in the order of the panels; none if no steps are taken */
    Chunk *chunks;
} Layout;

typedef struct {
    const char *x;                              /* rows */
    Py_ssize_t stride, cell, real;              /* bytes of a row, of its numbers, of those of W */
    Py_ssize_t n_rows, n_in, n_out, max_panels; /* of a minibatch; and panels of a chunk */
    Py_ssize_t first, n, n_panels;              /* of the chunk that is worked on */
    Py_ssize_t n_tiles, *tiles; /* the first class of each: its sums are in registers at once */
    Chunk chunk;
    Layout *layout;
    const int32_t *y, *bad;        /* labels, none if only scores are wanted; one of no class */
    const int32_t *order, *labels; /* of the chunk's rows, if not as they come; their labels */
    int32_t *counts, *own_order;   /* memory to find it, and for it */
    const void *w, *weights;       /* W; factors of the classes, or all are 1 */
    void *b, *z, *losses;          /* z has a tile's scores by panel */
    void *dw, *db;                 /* sums of the gradients */
    void *out;               /* where scores go, or W after the steps, or the gradient by it */
    int64_t *classes;        /* where the best class of each row goes, if that is wanted */
    double scale, rate;      /* of x; of a step of descent, 0 for the bare gradients */
    const int64_t *starts;   /* the first row of each step */
    Py_ssize_t n_steps;
    double *costs;
} Job;

typedef void Task(const Job *, Py_ssize_t);
typedef struct {
    Task *score_panel, *gradient_block, *finish_step;
} Loops;

#define JOIN2(a, b) a##_##b
#define JOIN(a, b) JOIN2(a, b)

static inline Py_ssize_t smaller(Py_ssize_t a, Py_ssize_t b)
{
    return a < b ? a : b;
}

/* How many parts of a size there are, if the last may be smaller. */
static inline Py_ssize_t parts(Py_ssize_t n, Py_ssize_t size)
{
    return (n + size - 1) / size;
}

#include "kernel_layout.h"

/* ---- The loops, for each set of instructions ---- */

#define N_SUMS 12    /* vectors that there are registers for, beside a few others */
#define MOST_WIDE 12 /* classes of a tile */
#define ALL_CASES                                                                           \
    CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8) CASE(9) CASE(10)        \
    CASE(11) CASE(12)

#if defined(__x86_64__)
#include <immintrin.h>
#define SET avx512
#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma" WIDE)))
#define BYTES 64
#define FUSED_float(a, b, c) ((VECTOR)_mm512_fmadd_ps((__m512)(a), (__m512)(b), (__m512)(c)))
#define FUSED_double(a, b, c) ((VECTOR)_mm512_fmadd_pd((__m512d)(a), (__m512d)(b), (__m512d)(c)))
#define FROM_BYTES(v) _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32((__m128i)(v)))
#include "kernel_types.h"
#define SET avx2
#define TARGET __attribute__((target("avx2,fma")))
#define BYTES 32
#define FUSED_float(a, b, c) ((VECTOR)_mm256_fmadd_ps((__m256)(a), (__m256)(b), (__m256)(c)))
#define FUSED_double(a, b, c) ((VECTOR)_mm256_fmadd_pd((__m256d)(a), (__m256d)(b), (__m256d)(c)))
#define FROM_BYTES(v) _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)(v))))
#include "kernel_types.h"
#endif
#define SET plain
#define TARGET
#define BYTES 16
#if defined(__aarch64__)
#include <arm_neon.h>
#define FUSED_float(a, b, c) \
    ((VECTOR)vfmaq_f32((float32x4_t)(c), (float32x4_t)(a), (float32x4_t)(b)))
#define FUSED_double(a, b, c) \
    ((VECTOR)vfmaq_f64((float64x2_t)(c), (float64x2_t)(a), (float64x2_t)(b)))
#else /* a product is rounded before it is added: other bits */
#define FUSED_float(a, b, c) ((a) * (b) + (c))
#define FUSED_double(a, b, c) ((a) * (b) + (c))
#endif
#define FROM_BYTES(v) __builtin_convertvector(__builtin_convertvector(v, OF_REAL(wider)), VECTOR)
#include "kernel_types.h"

#define LOOPS(cell, real, set)                                                       \
    {score_panel_##cell##_##real##_##set, gradient_block_##cell##_##real##_##set,    \
     finish_step_##real##_##set}
#define ALL_LOOPS(set, width)                                                        \
    {#set, {width, N_SUMS / 2},                                                      \
     {{LOOPS(float, float, set), LOOPS(uint8_t, float, set)},                        \
      {LOOPS(double, double, set), LOOPS(uint8_t, double, set)}}}
static const struct {
    const char *name;
    int width[2];   /* classes of a tile at the most, by whether W is of doubles */
    Loops of[2][2]; /* by the same, and by whether x is of bytes */
} sets[] = {
#if defined(__x86_64__)
    ALL_LOOPS(avx512, N_SUMS),
    ALL_LOOPS(avx2, N_SUMS / 2),
#endif
    ALL_LOOPS(plain, N_SUMS / 2),
};
#define N_SETS (int)(sizeof sets / sizeof *sets)

static int is_usable(int set)
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

/* The set that LOGREG_KERNEL_SET names, if the machine has it, else the best one. */
static int chosen_set(void)
{
    const char *wanted = getenv("LOGREG_KERNEL_SET");
    for (int i = 0; i < N_SETS; i++)
        if (is_usable(i) && (!wanted || !strcmp(wanted, sets[i].name)))
            return i;
    PyErr_Format(PyExc_ValueError, "LOGREG_KERNEL_SET is %s, which this machine does not have",
                 wanted);
    return -1;
}

#include "kernel_pool.h"

/* ---- A job: chunk after chunk of the rows is worked off, step after step ---- */

static void work(Job *job, const Loops *loops, int n_threads)
{
    int together = begin((double)job->n_rows * job->n_in * job->n_out, n_threads);
    const char *x = job->x;
    const Layout *layout = job->layout;
    Py_ssize_t n_blocks = parts(job->n_in, BLOCK), of_chunk = job->max_panels * PANEL;
    for (Py_ssize_t step = 0; step < job->n_steps && !job->bad; step++) {
        Py_ssize_t start = job->starts[step], i = 0;
        const int32_t *order = NULL, *labels = NULL;
        job->x = x + start * job->stride;
        if (job->y) {
            memset(job->db, 0, job->n_out * job->real);
            labels = layout ? layout->labels + start : job->y + start;
            if (!layout)
                check_labels(job, labels);
            if (job->own_order && !job->bad) {
                order = job->own_order;
                order_rows(job, labels, job->own_order, job->own_order + job->n_rows);
                labels = order + job->n_rows;
            }
        }
        for (job->first = 0; job->first < job->n_rows && !job->bad; job->first += of_chunk, i++) {
            job->n = smaller(of_chunk, job->n_rows - job->first);
            job->n_panels = parts(job->n, PANEL);
            job->order = order ? order + job->first : NULL;
            job->labels = labels ? labels + job->first : NULL;
            if (layout)
                job->chunk = layout->chunks[start / job->n_rows * layout->of_batch + i];
            else if (job->chunk.is_dense)
                index_dense(&job->chunk, job->n_in, job->n_panels);
            in_blocks(job, loops->score_panel, job->n_panels, together);
            if (job->y)
                in_blocks(job, loops->gradient_block, n_blocks + 1, together);
        }
        if (job->y && !job->bad)
            loops->finish_step(job, step);
    }
    end(together);
}

/* Divide up memory from `at` on for what a job needs; returned is where it ends. */
static uintptr_t divide(Job *job, uintptr_t at)
{
    double n_scores = (double)job->max_panels * PANEL * job->n_out;
    job->tiles = cut(&at, (job->n_tiles + 1) * sizeof *job->tiles);
    job->z = cut(&at, n_scores * job->real);
    if (job->y) {
        job->losses = cut(&at, (job->n_rows + PANEL) * (double)job->real);
        job->counts = cut(&at, (job->n_out + 1) * 4.0);
        job->own_order = !job->layout ? cut(&at, job->n_rows * 8.0) : NULL;
    }
    if (job->y && job->rate) {
        job->db = cut(&at, job->n_out * job->real);
        job->dw = cut(&at, (double)job->n_in * job->n_out * job->real);
    }
    return job->layout ? at : divide_chunk(&job->chunk, at, job->max_panels, job);
}

/* ---- What Python sees ---- */

static void free_layout(PyObject *capsule)
{
    Layout *layout = PyCapsule_GetPointer(capsule, NULL);
    for (Py_ssize_t i = 0; layout->chunks && i < layout->n_chunks; i++)
        free(layout->chunks[i].x);
    free(layout->chunks);
    free(layout->labels);
    free(layout);
}

static PyObject *bad_label(const Job *job)
{
    return PyErr_Format(PyExc_ValueError, "row %zd has the label %d: labels must be 0 to %zd",
                        job->bad - job->y, (int)*job->bad, job->n_out - 1);
}

static PyObject *lay_out(PyObject *self, PyObject *args)
{
    Py_buffer x = {0}, y = {0};
    Job job = {.cell = 1};
    Py_ssize_t n_all, n;
    int n_threads, failed = 0;
    int32_t *order = NULL;
    Layout *layout = job.layout = calloc(1, sizeof *layout);
    PyObject *result = layout ? PyCapsule_New(layout, NULL, free_layout) : PyErr_NoMemory();
    (void)self;
    if (!result || !PyArg_ParseTuple(args, "y*z*nnnni", &x, &y, &n_all, &job.n_rows, &job.n_in,
                                     &job.n_out, &n_threads))
        goto done;
    if (job.n_rows < 1 || job.n_rows > n_all || job.n_rows > INT32_MAX || job.n_in < 1 ||
        job.n_in > MOST_IN || x.len != n_all * job.n_in || (y.obj && y.len != n_all * 4)) {
        PyErr_SetString(PyExc_ValueError, "n_rows, y and x do not go together");
        goto done;
    }
    Py_BEGIN_ALLOW_THREADS
    n = n_all / job.n_rows * job.n_rows;
    job.x = x.buf;
    job.y = y.buf;
    job.stride = job.n_in;
    job.max_panels = panels_of_chunk(job.n_rows, job.n_in);
    Py_ssize_t of_batch = parts(job.n_rows, job.max_panels * PANEL);
    *layout = (Layout){n_all, job.n_rows, job.n_in, job.n_out, of_batch,
                       n / job.n_rows * of_batch, NULL, NULL};
    layout->chunks = calloc(layout->n_chunks, sizeof *layout->chunks);
    if (y.obj) {
        layout->labels = malloc(n * 4);
        job.order = order = malloc(n * 4);
        job.counts = malloc((job.n_out + 1) * 4);
        failed = !layout->labels || !order || !job.counts;
        for (Py_ssize_t at = 0; at < n && !failed; at += job.n_rows) {
            check_labels(&job, job.y + at);
            if (!(failed = job.bad != NULL))
                order_rows(&job, job.y + at, order + at, layout->labels + at);
        }
    }
    if (!failed && !(failed = !layout->chunks)) {
        int together = begin((double)n * job.n_in, n_threads);
        in_blocks(&job, lay_chunk, layout->n_chunks, together);
        end(together);
        for (Py_ssize_t i = 0; i < layout->n_chunks; i++)
            failed |= !layout->chunks[i].x;
    }
    free(order);
    free(job.counts);
    Py_END_ALLOW_THREADS
    if (failed)
        job.bad ? bad_label(&job) : PyErr_NoMemory();
done:
    PyBuffer_Release(&x);
    PyBuffer_Release(&y);
    if (PyErr_Occurred())
        Py_CLEAR(result);
    return result;
}

/* From x, W and b: scores, or the best classes; given labels, costs, and W and b after steps. */
static PyObject *run(PyObject *args, char kind)
{
    static const int64_t zero[1] = {0};
    const char *formats[] = {"y*y*y*w*nndiO", "y*y*y*w*nndiOw*y*y*w*d|z*"};
    Py_buffer x, w, b, out, b_out = {0}, y = {0}, starts = {0}, costs = {0}, weights = {0};
    Py_buffer *all[] = {&x, &w, &b, &out, &b_out, &y, &starts, &costs, &weights};
    Job job = {.starts = zero, .n_steps = 1};
    int n_threads, set, fits;
    PyObject *capsule;
    void *memory = NULL;
    if (!PyArg_ParseTuple(args, formats[kind == 'd'], &x, &w, &b, &out, &job.n_rows, &job.n_out,
                          &job.scale, &n_threads, &capsule, &b_out, &y, &starts, &costs, &job.rate,
                          &weights))
        return NULL;
    /* kernel/functions.py gives arrays that go together; their lengths tell their types. */
    const Layout *layout = capsule == Py_None ? NULL : PyCapsule_GetPointer(capsule, NULL);
    Py_ssize_t n = job.n_rows, n_all = y.obj ? y.len / 4 : n, n_out = job.n_out;
    if ((capsule != Py_None && !layout) || (set = chosen_set()) < 0)
        goto done;
    fits = n > 0 && n_all >= n && w.len > 0 && (!weights.obj || weights.len == b.len);
    if (fits) {
        job.real = b.len / n_out;
        job.n_in = w.len / b.len;
        job.stride = x.len / n_all;
        job.cell = job.stride / job.n_in;
        fits = job.n_in <= MOST_IN && (!y.obj || n <= INT32_MAX);
    }
    if (fits && layout)
        fits = job.cell == 1 && layout->n_all == n_all && layout->n_rows == n &&
               layout->n_in == job.n_in && layout->n_out == n_out && !layout->labels == !y.obj;
    if (kind == 'd') {
        job.starts = starts.buf;
        job.n_steps = starts.len / 8;
    }
    for (Py_ssize_t i = 0; fits && i < job.n_steps; i++)
        fits = job.starts[i] >= 0 && job.starts[i] <= n_all - n && !(layout && job.starts[i] % n);
    if (!fits) {
        PyErr_SetString(PyExc_ValueError, "n_rows, starts, weights, arrays do not go together");
        goto done;
    }
    const Loops *loops = &sets[set].of[job.real == 8][job.cell == 1];
    job.layout = (Layout *)layout;
    job.x = x.buf;
    job.y = y.buf;
    job.w = w.buf;
    job.b = b.buf;
    job.weights = weights.buf;
    job.out = job.dw = out.buf;
    job.db = b_out.buf;
    job.classes = kind == 'c' ? out.buf : NULL;
    job.costs = costs.buf;
    job.max_panels = panels_of_chunk(n, job.n_in);
    if (kind != 'd' && !layout) /* nothing is kept of a chunk */
        job.max_panels = (job.max_panels + 3) / 4;
    job.n_tiles = parts(n_out, sets[set].width[job.real == 8]);
    Py_BEGIN_ALLOW_THREADS
    memory = malloc(divide(&job, 64));
    if (memory) {
        divide(&job, (uintptr_t)memory);
        for (Py_ssize_t t = 0; t <= job.n_tiles; t++)
            job.tiles[t] = t * n_out / job.n_tiles;
        if (kind == 'd' && job.rate) { /* W and b after the steps are where these are taken */
            job.w = memcpy(out.buf, w.buf, w.len);
            job.b = memcpy(b_out.buf, b.buf, b.len);
        }
        work(&job, loops, n_threads);
    }
    Py_END_ALLOW_THREADS
    if (!memory || job.bad)
        memory ? bad_label(&job) : PyErr_NoMemory();
done:
    free(memory);
    for (int i = 0; i < 9; i++)
        PyBuffer_Release(all[i]);
    return PyErr_Occurred() ? NULL : (Py_INCREF(Py_None), Py_None);
}

#define FUNCTION(name, value)                             \
    static PyObject *name(PyObject *self, PyObject *args) \
    {                                                     \
        (void)self, (void)args;                           \
        return value;                                     \
    }
FUNCTION(scores, run(args, 's'))
FUNCTION(classes, run(args, 'c'))
FUNCTION(descend, run(args, 'd'))
FUNCTION(n_helped, PyLong_FromSsize_t(N_HELPED))

/* kernel/functions.py says what they do, and n_helped how many blocks were not the caller's. */
static PyMethodDef functions[] = {
    {"lay_out", lay_out, METH_VARARGS, "(x, y, n_all, n_rows, n_in, n_out, n_threads)"},
    {"scores", scores, METH_VARARGS, "(x, W, b, z, n_rows, n_out, scale, n_threads, layout)"},
    {"classes", classes, METH_VARARGS,
     "(x, W, b, classes, n_rows, n_out, scale, n_threads, layout)"},
    {"descend", descend, METH_VARARGS,
     "(x, W, b, new_W, n_rows, n_out, scale, n_threads, layout, new_b, y, starts, costs, rate,\n"
     "weights=None): with a rate of 0, the gradients come in place of new W and b"},
    {"n_helped", n_helped, METH_NOARGS, "()"},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_kernel", NULL, -1, functions,
                                    NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__kernel(void)
{
    PyObject *self = PyModule_Create(&module);
    char names[64] = "";
    for (int i = 0; i < N_SETS; i++)
        if (is_usable(i))
            strcat(strcat(names, " "), sets[i].name);
    if (self)
        PyModule_AddStringConstant(self, "instruction_sets", names + 1);
#if HAVE_THREADS
    pthread_atfork(NULL, NULL, after_fork);
#endif
#ifdef Py_GIL_DISABLED
    PyUnstable_Module_SetGIL(self, Py_MOD_GIL_NOT_USED);
#endif
    return self;
}
