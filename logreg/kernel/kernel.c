/* Softmax regression: the scores of rows, their best classes, and a block of steps of descent.

   Rows are laid out in panels of 16: the numbers of a column lie side by side, and a lane of a
   vector is a row. So a weight is used for 16 rows at once, nothing is summed across lanes but the
   gradients at the end, and a column of bytes that is blank in all 16 rows is left out. The order
   of the rows within a minibatch is free: ordered by label, they have more such columns.

   Python sees four functions of objects that give buffers. Panels are shared out to a few threads;
   every sum is made in one order, so the bits of a result depend neither on how many threads there
   are, nor on the size of a vector, nor on how many steps are taken in one call, nor on whether the
   rows were laid out before. No label is used before it was checked; of what types and shapes arrays
   are, kernel/functions.py sees to. */

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
#define MOST_IN (1 << 25) - 1 /* columns: the number of one has 25 bits */
#define PANELS 64 /* of a chunk at the most: their scores are held at once */

/* Some rows of a minibatch as panels. What is counted are columns of a panel, PANEL numbers each. */
typedef struct {
    void *x;
    uint32_t *columns;       /* of x: which each is; of dense panels, those of one */
    uint32_t *starts, *ends; /* of each panel */
    uint32_t *marks;         /* by panel, how many columns are before each block; or, by column: */
    uint32_t *entries; /* where it is (25 bits), of which panel (6), whether that is its last (1) */
    uint32_t *blocks;  /* where the entries of each block of columns begin */
    int is_dense;      /* whether no column is left out: entries are those of the first */
} Chunk;

/* The minibatches of a set, laid out before the first step; or only the order of their rows. */
typedef struct {
    Py_ssize_t n_all, n_rows, n_in, n_out;
    Py_ssize_t of_batch, n_chunks; /* chunks of a minibatch, and of all */
    int32_t *order, *labels; /* in this order; none if all rows are one minibatch, as they come */
    Chunk *chunks;           /* of all minibatches; none if only the order is kept */
} Layout;

typedef struct {
    const char *x;                              /* rows */
    Py_ssize_t stride, cell, real;              /* bytes of a row, of its numbers, of those of W */
    Py_ssize_t n_rows, n_in, n_out, max_panels; /* of a minibatch; and panels of a chunk */
    Py_ssize_t first, n, n_panels;              /* of the chunk that is worked on */
    Py_ssize_t n_tiles, *tiles; /* the first class of each tile, whose sums are in registers at once */
    Chunk chunk;
    Layout *layout;
    const int32_t *y, *bad;        /* labels, none if only scores are wanted; one that is no class */
    const int32_t *order, *labels; /* of the chunk's rows; labels in that order */
    int32_t *counts, *own_order;   /* memory to find it, and for it */
    const void *w, *weights;       /* W as the user has it; factors of the classes, or all are 1 */
    void *scaled, *b, *z, *losses; /* W scaled, tile after tile; z has a tile's scores by panel */
    void *dw, *db;                 /* sums of the gradients; no dw if a step is taken with each */
    void *out;               /* where scores go, or W after the steps, or the gradient by it */
    int64_t *classes;        /* where the best class of each row goes, if that is wanted */
    double scale, rate;      /* of x; of a step of descent, 0 for the bare gradients */
    const int64_t *starts;   /* the first row of each step */
    Py_ssize_t n_steps;
    double *costs;
} Job;

typedef void Task(const Job *, Py_ssize_t);
typedef struct {
    Task *lay_weights, *score_panel, *gradient_block, *finish_step;
} Loops;

#define PASTE2(a, b, c, d) a##_##b##_##c##_##d
#define PASTE(a, b, c, d) PASTE2(a, b, c, d)
#define NAME(f) PASTE(f, CELL, REAL, SET)
#define JOIN2(a, b) a##_##b
#define JOIN(a, b) JOIN2(a, b)
#define ALL_CASES                                                                           \
    CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8) CASE(9) CASE(10)        \
    CASE(11) CASE(12)

static inline Py_ssize_t smaller(Py_ssize_t a, Py_ssize_t b)
{
    return a < b ? a : b;
}

/* ---- Panels ---- */

#define CELL uint8_t
#define N 16
#define LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#include "kernel_panels.h"
#define CELL uint32_t
#define N 4
#define LOW 0, 4, 1, 5
#define HIGH 2, 6, 3, 7
#include "kernel_panels.h"
#define CELL uint64_t
#define N 2
#define LOW 0, 2
#define HIGH 1, 3
#include "kernel_panels.h"

/* How many panels a chunk has at the most: fewer of many columns, whatever the rows are. */
static Py_ssize_t panels_of_chunk(Py_ssize_t n_rows, Py_ssize_t n_in)
{
    Py_ssize_t most = smaller((1 << 19) / n_in, PANELS);
    return smaller((n_rows + PANEL - 1) / PANEL, most < 1 ? 1 : most);
}

/* The next `size` bytes of memory: at a multiple of 64, so no vector lies on two cache lines. */
static void *cut(uintptr_t *at, double size)
{
    void *memory = (void *)(*at = (*at + 63) & ~(uintptr_t)63);
    *at += (size_t)size;
    return memory;
}

/* Divide up memory from `at` on for a chunk of panels; returned is where it ends. */
static uintptr_t divide_chunk(Chunk *chunk, uintptr_t at, Py_ssize_t n_panels, const Job *job)
{
    double cells = (double)n_panels * job->n_in;
    chunk->is_dense = job->cell > 1;
    chunk->x = cut(&at, cells * PANEL * job->cell);
    chunk->starts = cut(&at, n_panels * 4);
    chunk->ends = cut(&at, n_panels * 4);
    chunk->columns = cut(&at, (chunk->is_dense ? job->n_in : cells + 1) * 4);
    if (chunk->is_dense)
        chunk->entries = cut(&at, n_panels * 4);
    else
        chunk->marks = cut(&at, n_panels * (job->n_in / BLOCK + 2) * 4.0);
    return at;
}

/* Lay out a panel of the job's rows. Beside the last one, its first stands for those that are not. */
static void lay_panel(const Job *job, Py_ssize_t p)
{
    const char *rows[PANEL];
    const Chunk *chunk = &job->chunk;
    Py_ssize_t start = p * job->n_in, n;
    char *x = (char *)chunk->x + start * PANEL * job->cell;
    for (Py_ssize_t i = 0, q = p * PANEL; i < PANEL; i++) {
        Py_ssize_t row = q + i < job->n ? q + i : q;
        rows[i] = job->x + (job->order ? job->order[row] : job->first + row) * job->stride;
    }
    if (job->cell > 1)
        n = job->cell == 4 ? lay_uint32_t(rows, job->n_in, x, NULL, NULL)
                           : lay_uint64_t(rows, job->n_in, x, NULL, NULL);
    else
        n = lay_uint8_t(rows, job->n_in, x, chunk->is_dense ? NULL : chunk->columns + start,
                        chunk->marks + p * (job->n_in / BLOCK + 2));
    chunk->starts[p] = (uint32_t)start;
    chunk->ends[p] = (uint32_t)(start + n);
}

/* The entries of a block's columns, at most BLOCK for each panel; returned is how many there are. */
static Py_ssize_t index_block(const Chunk *chunk, Py_ssize_t n_in, Py_ssize_t n_panels,
                              Py_ssize_t block, uint32_t *entries)
{
    uint32_t at[PANELS], ends[PANELS], *entry = entries;
    for (Py_ssize_t p = 0; p < n_panels; p++) {
        const uint32_t *mark = chunk->marks + p * (n_in / BLOCK + 2) + block;
        at[p] = chunk->starts[p] + mark[0];
        ends[p] = chunk->starts[p] + mark[1];
    }
    for (uint32_t k = (uint32_t)(block * BLOCK), last = k + BLOCK; k < last; k++) {
        uint32_t *before = entry;
        for (Py_ssize_t p = 0; p < n_panels; p++) {
            int has_it = (at[p] < ends[p]) & (chunk->columns[at[p]] == k);
            *entry = at[p] << 7 | (uint32_t)p << 1;
            entry += has_it;
            at[p] += has_it;
        }
        if (entry > before)
            entry[-1] |= 1;
    }
    return entry - entries;
}

/* Of dense panels, number the columns, and make the entries of the first. */
static void index_dense(const Chunk *chunk, Py_ssize_t n_in, Py_ssize_t n_panels)
{
    for (Py_ssize_t k = 0; k < n_in; k++)
        chunk->columns[k] = (uint32_t)k;
    for (Py_ssize_t p = 0; p < n_panels; p++)
        chunk->entries[p] = (uint32_t)(p * n_in) << 7 | (uint32_t)p << 1 | (p == n_panels - 1);
}

/* Put the rows of a minibatch in the order of their labels: their numbers, and the labels. */
static void order_rows(Job *job, const int32_t *y, int32_t *order, int32_t *labels)
{
    memset(job->counts, 0, (job->n_out + 1) * sizeof *job->counts);
    for (Py_ssize_t i = 0; i < job->n_rows; job->counts[y[i++] + 1]++)
        if ((uint32_t)y[i] >= (uint64_t)job->n_out) {
            job->bad = y + i;
            return;
        }
    for (Py_ssize_t c = 1; c < job->n_out; c++)
        job->counts[c] += job->counts[c - 1];
    for (Py_ssize_t i = 0; i < job->n_rows; i++) {
        int32_t at = job->counts[y[i]]++;
        order[at] = (int32_t)i;
        labels[at] = y[i];
    }
}

/* Task: lay out a chunk of bytes; its `x` stays NULL if there is no memory. */
static void lay_chunk(const Job *all, Py_ssize_t number)
{
    Job job = *all;
    Py_ssize_t of_chunk = job.max_panels * PANEL, of_batch = job.layout->of_batch;
    Py_ssize_t start = number / of_batch * job.n_rows, n_in = job.n_in, n = 0;
    Py_ssize_t n_blocks = (n_in + BLOCK - 1) / BLOCK;
    job.first = number % of_batch * of_chunk;
    job.n = smaller(job.n_rows - job.first, of_chunk);
    job.x += start * job.stride;
    job.order = all->order ? all->order + start + job.first : NULL;
    Py_ssize_t n_panels = (job.n + PANEL - 1) / PANEL;
    Chunk *rough = &job.chunk, chunk = {0};
    void *memory = malloc(divide_chunk(rough, 64, n_panels, &job));
    if (!memory)
        return;
    divide_chunk(rough, (uintptr_t)memory, n_panels, &job);
    for (Py_ssize_t p = 0; p < n_panels; n += rough->ends[p] - rough->starts[p], p++)
        lay_panel(&job, p);
    if (n > n_panels * n_in * 2 / 3) { /* to number the columns would take more than to leave them */
        rough->is_dense = chunk.is_dense = 1;
        for (Py_ssize_t p = n = 0; p < n_panels; n += n_in, p++)
            lay_panel(&job, p);
    }
    Py_ssize_t n_columns = chunk.is_dense ? n_in : n;
    Py_ssize_t n_entries = chunk.is_dense ? n_panels : job.y ? n + n_blocks + 1 : 0;
    if ((chunk.x = malloc(n * PANEL + (n_columns + n_entries + n_panels + 3) * 4))) {
        chunk.starts = (uint32_t *)((char *)chunk.x + n * PANEL);
        chunk.ends = chunk.starts + 1;
        chunk.columns = chunk.ends + n_panels;
        chunk.entries = chunk.columns + n_columns + 1; /* one more can be read */
        chunk.blocks = chunk.entries + n + 1;          /* and written */
        chunk.starts[0] = 0;
        for (Py_ssize_t p = 0; p < n_panels; p++) {
            uint32_t from = rough->starts[p], to = chunk.starts[p], of_panel = rough->ends[p] - from;
            memcpy((char *)chunk.x + to * PANEL, (char *)rough->x + from * PANEL, of_panel * PANEL);
            if (!chunk.is_dense)
                memcpy(chunk.columns + to, rough->columns + from, of_panel * 4);
            chunk.ends[p] = to + of_panel;
        }
        chunk.marks = rough->marks;
        if (chunk.is_dense)
            index_dense(&chunk, n_in, n_panels);
        else if (job.y)
            for (Py_ssize_t block = chunk.blocks[0] = 0; block < n_blocks; block++)
                chunk.blocks[block + 1] =
                    chunk.blocks[block] + index_block(&chunk, n_in, n_panels, block,
                                                      chunk.entries + chunk.blocks[block]);
        chunk.marks = NULL;
        all->layout->chunks[number] = chunk;
    }
    free(memory);
}

/* ---- The loops, for each set of instructions ---- */

#define FUSED(real) JOIN(FUSED, real)
#if defined(__x86_64__)
#include <immintrin.h>
#define SET avx512
#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma" WIDE)))
#define BYTES 64
#define SUMS 12
#define FUSED_float(a, b, c) ((VECTOR)_mm512_fmadd_ps((__m512)(a), (__m512)(b), (__m512)(c)))
#define FUSED_double(a, b, c) ((VECTOR)_mm512_fmadd_pd((__m512d)(a), (__m512d)(b), (__m512d)(c)))
#define FROM_BYTES(v) _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32((__m128i)(v)))
#include "kernel_types.h"
#define SET avx2
#define TARGET __attribute__((target("avx2,fma")))
#define BYTES 32
#define SUMS 12
#define FUSED_float(a, b, c) ((VECTOR)_mm256_fmadd_ps((__m256)(a), (__m256)(b), (__m256)(c)))
#define FUSED_double(a, b, c) ((VECTOR)_mm256_fmadd_pd((__m256d)(a), (__m256d)(b), (__m256d)(c)))
#define FROM_BYTES(v) _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)(v))))
#include "kernel_types.h"
#endif
#define SET plain
#define TARGET
#define BYTES 16
#define SUMS 4
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
#define FROM_BYTES(v) __builtin_convertvector(__builtin_convertvector(v, NAME(wider)), VECTOR)
#include "kernel_types.h"

#define LOOPS(cell, real, set)                                                       \
    {lay_weights_##cell##_##real##_##set, score_panel_##cell##_##real##_##set,       \
     gradient_block_##cell##_##real##_##set, finish_step_##cell##_##real##_##set}
#define ALL_LOOPS(set, sums)                                                         \
    {#set, sums,                                                                     \
     {{LOOPS(float, float, set), LOOPS(uint8_t, float, set)},                        \
      {LOOPS(double, double, set), LOOPS(uint8_t, double, set)}}}
static const struct {
    const char *name;
    int n_sums;
    Loops of[2][2]; /* by whether W is of doubles, and x of bytes */
} sets[] = {
#if defined(__x86_64__)
    ALL_LOOPS(avx512, 12),
    ALL_LOOPS(avx2, 12),
#endif
    ALL_LOOPS(plain, 4),
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
    _Atomic Py_ssize_t n_helped; /* blocks that were not the caller's, since the beginning */
    Task *task;
    const Job *job;
} pool = {.caller = PTHREAD_MUTEX_INITIALIZER, .mutex = PTHREAD_MUTEX_INITIALIZER,
          .wake = PTHREAD_COND_INITIALIZER};

#define BLOCKS(ticket) ((ticket) >> 18 & 0x3ffff)
#define NEXT(ticket) ((ticket)&0x3ffff)
#define MAX_BLOCKS 0x3ffff
#define N_HELPED atomic_load(&pool.n_helped)

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
            if (i < atomic_load(&pool.n_wanted) && take_block()) {
                atomic_fetch_add(&pool.n_helped, 1);
                end = now() + SPIN_NS;
            } else
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

#else
#define N_HELPED 0
#endif

/* Let the pool's threads help with what follows, if it is worth it, until `end`. */
static int begin(double products, int n_threads)
{
#if HAVE_THREADS
    if (n_threads > 1 && products > 100000 && !pthread_mutex_trylock(&pool.caller)) {
        start_helpers(n_threads - 1);
        return 1;
    }
#endif
    return 0;
}

static void end(int together)
{
#if HAVE_THREADS
    if (together)
        pthread_mutex_unlock(&pool.caller);
#endif
}

static void in_blocks(const Job *job, Task *task, Py_ssize_t n, int together)
{
    if (!together || n < 2 || n > MAX_BLOCKS) {
        for (Py_ssize_t i = 0; i < n; i++)
            task(job, i);
        return;
    }
#if HAVE_THREADS
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
#endif
}

/* ---- A job: W is scaled, then chunk after chunk of the rows is worked off, step after step ---- */

static void work(Job *job, const Loops *loops, int n_threads)
{
    int together = begin((double)job->n_rows * job->n_in * job->n_out, n_threads);
    const char *x = job->x;
    const Layout *layout = job->layout;
    Py_ssize_t n_blocks = (job->n_in + BLOCK - 1) / BLOCK, of_chunk = job->max_panels * PANEL;
    in_blocks(job, loops->lay_weights, n_blocks, together);
    for (Py_ssize_t step = 0; step < job->n_steps && !job->bad; step++) {
        Py_ssize_t start = job->starts[step], i = 0;
        const int32_t *order = NULL, *labels = NULL;
        job->x = x + start * job->stride;
        if (job->y) {
            order = layout ? layout->order + start : job->own_order;
            labels = layout ? layout->labels + start : order + job->n_rows;
            if (!layout)
                order_rows(job, job->y + start, job->own_order, job->own_order + job->n_rows);
            memset(job->db, 0, job->n_out * job->real);
        }
        for (job->first = 0; job->first < job->n_rows && !job->bad; job->first += of_chunk, i++) {
            job->n = smaller(of_chunk, job->n_rows - job->first);
            job->n_panels = (job->n + PANEL - 1) / PANEL;
            job->order = order ? order + job->first : NULL;
            job->labels = labels ? labels + job->first : NULL;
            if (layout && layout->chunks)
                job->chunk = layout->chunks[start / job->n_rows * layout->of_batch + i];
            else if (job->chunk.is_dense)
                index_dense(&job->chunk, job->n_in, job->n_panels);
            in_blocks(job, loops->score_panel, job->n_panels, together);
            if (job->y)
                in_blocks(job, loops->gradient_block, n_blocks + 1, together);
        }
        if (job->y)
            loops->finish_step(job, step);
    }
    end(together);
}

/* Divide up memory from `at` on for what a job needs; returned is where it ends. */
static uintptr_t divide(Job *job, uintptr_t at)
{
    double of_weights = (double)job->n_in * job->n_out * job->real;
    job->tiles = cut(&at, (job->n_tiles + 1) * sizeof *job->tiles);
    job->scaled = cut(&at, of_weights);
    job->z = cut(&at, (double)job->max_panels * PANEL * job->n_out * job->real);
    if (job->y) {
        job->losses = cut(&at, (job->n_rows + PANEL) * (double)job->real);
        job->counts = cut(&at, (job->n_out + 1) * 4.0);
        job->own_order = cut(&at, job->layout ? 0 : job->n_rows * 8.0);
    }
    if (job->y && job->rate) {
        job->db = cut(&at, job->n_out * job->real);
        job->dw = job->max_panels * PANEL < job->n_rows ? cut(&at, of_weights) : NULL;
    }
    if (!job->layout || !job->layout->chunks)
        at = divide_chunk(&job->chunk, at, job->max_panels, job);
    return at;
}

/* Memory that is kept for the next call: from the operating system, each page of it would be
   zeroed anew. It begins with its size. */
static _Atomic(void *) kept;

static void *take_memory(Py_ssize_t size)
{
    void *memory = atomic_exchange(&kept, NULL);
    if (!memory || *(Py_ssize_t *)memory < size) {
        free(memory);
        if ((memory = malloc(size)))
            *(Py_ssize_t *)memory = size;
    }
    return memory;
}

/* ---- What Python sees ---- */

static void free_layout(PyObject *capsule)
{
    Layout *layout = PyCapsule_GetPointer(capsule, NULL);
    for (Py_ssize_t i = 0; layout->chunks && i < layout->n_chunks; i++)
        free(layout->chunks[i].x);
    free(layout->chunks);
    free(layout->order);
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
    int n_threads, wants_panels, failed = 0;
    Layout *layout = job.layout = calloc(1, sizeof *layout);
    PyObject *result = layout ? PyCapsule_New(layout, NULL, free_layout) : PyErr_NoMemory();
    (void)self;
    if (!result || !PyArg_ParseTuple(args, "y*z*nnnnpi", &x, &y, &n_all, &job.n_rows, &job.n_in,
                                     &job.n_out, &wants_panels, &n_threads))
        goto done;
    failed = 1;
    if (job.n_rows < 1 || job.n_rows > n_all || job.n_rows > INT32_MAX || job.n_in < 1 ||
        job.n_in > MOST_IN || (y.obj ? y.len / 4 : job.n_rows) != n_all) {
        PyErr_SetString(PyExc_ValueError, "n_rows, y and x do not go together");
        goto done;
    }
    Py_BEGIN_ALLOW_THREADS
    n = n_all / job.n_rows * job.n_rows;
    job.x = x.buf;
    job.y = y.buf;
    job.stride = x.len / n_all;
    job.max_panels = panels_of_chunk(job.n_rows, job.n_in);
    Py_ssize_t of_chunk = job.max_panels * PANEL, of_batch = (job.n_rows + of_chunk - 1) / of_chunk;
    *layout = (Layout){n_all, job.n_rows, job.n_in, job.n_out, of_batch,
                       n / job.n_rows * of_batch, NULL, NULL, NULL};
    if (y.obj && (layout->order = malloc(n * 8)) && (job.counts = malloc((job.n_out + 1) * 4))) {
        layout->labels = layout->order + n;
        for (Py_ssize_t at = 0; at < n && !job.bad; at += job.n_rows)
            order_rows(&job, job.y + at, layout->order + at, layout->labels + at);
    }
    free(job.counts);
    job.order = layout->order;
    failed = job.bad || (y.obj && !layout->labels);
    if (wants_panels && !failed &&
        !(failed = !(layout->chunks = calloc(layout->n_chunks, sizeof *layout->chunks)))) {
        int together = begin((double)n * job.n_in, n_threads);
        in_blocks(&job, lay_chunk, layout->n_chunks, together);
        end(together);
        for (Py_ssize_t i = 0; i < layout->n_chunks; i++)
            failed |= !layout->chunks[i].x;
    }
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
    /* kernel/functions.py gives arrays that go together; their lengths tell of what types they are. */
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
        fits = layout->n_all == n_all && layout->n_rows == n && layout->n_in == job.n_in &&
               layout->n_out == n_out && !layout->labels == !y.obj;
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
    job.n_tiles = (n_out + sets[set].n_sums - 1) / sets[set].n_sums;
    Py_BEGIN_ALLOW_THREADS
    memory = take_memory(divide(&job, 64 + sizeof(Py_ssize_t)));
    if (memory) {
        divide(&job, (uintptr_t)memory + sizeof(Py_ssize_t));
        for (Py_ssize_t t = 0; t <= job.n_tiles; t++)
            job.tiles[t] = t * n_out / job.n_tiles;
        if (kind == 'd' && job.rate) { /* W and b after the steps are where these are taken */
            memcpy(out.buf, w.buf, w.len);
            job.b = memcpy(b_out.buf, b.buf, b.len);
        }
        work(&job, loops, n_threads);
    }
    Py_END_ALLOW_THREADS
    if (!memory || job.bad)
        memory ? bad_label(&job) : PyErr_NoMemory();
done:
    free(atomic_exchange(&kept, memory));
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
    {"lay_out", lay_out, METH_VARARGS, "(x, y, n_all, n_rows, n_in, n_out, wants_panels, n_threads)"},
    {"scores", scores, METH_VARARGS, "(x, W, b, z, n_rows, n_out, scale, n_threads, layout)"},
    {"classes", classes, METH_VARARGS, "(x, W, b, classes, n_rows, n_out, scale, n_threads, layout)"},
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
