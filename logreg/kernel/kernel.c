/* Softmax regression: the scores of rows, their best classes, and a block of steps of descent.

   For scores, rows are laid out in panels of 16: the numbers of a column lie side by side, a lane
   of a vector is a row, and a column that is blank in all 16 rows is left out. Ordered by label and
   by where their ink ends, rows have more such columns. For gradients, a lane is a feature, and a
   row that has no ink in a block of features is left out. So nothing is ever summed across lanes:
   a score is summed column by column, a gradient row by row, as the rows come.

   Python sees four functions of objects that give buffers. Panels and blocks are shared out to a
   few threads; every sum is made in one order, so the bits of a result depend neither on how many
   threads there are, nor on the size of a vector, nor on how many steps are taken in one call, nor
   on whether the rows were laid out before. No label is used before it was checked;
   kernel/functions.py sees to the types and shapes of arrays. */

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
/* Numbers are found by their distance from this pointer: GCC would make one of its own for each. */
#define OPAQUE(pointer) __asm__("" : "+r"(pointer))
#define PANEL 16   /* rows */
#define PANELS 64  /* of a chunk at the most: so many rows are scored before a gradient is added */
#define GROUP 4    /* panels for which a tile of W is read once, if there are many tiles */
#define COLUMNS 256 /* of a group of panels that are laid out at once, where they are not before */

/* Columns of a panel: their cells, PANEL for each, and their numbers. */
typedef struct {
    const void *cells;
    const uint16_t *numbers;
    Py_ssize_t n;
} Columns;

/* Some rows of a minibatch as panels, with a column's PANEL numbers side by side. */
typedef struct {
    uint8_t *cells;
    uint16_t *numbers; /* of the columns: each has PANEL cells */
    uint32_t *starts;  /* in turns: where a panel's cells begin, and its numbers; then the end */
    uint16_t *order;   /* numbers of the panels' rows */
    uint32_t *lists;   /* where those rows begin that have ink in a block of columns, */
    uint16_t *rows;    /* their numbers, */
    uint8_t *ink;      /* and their cells; NULL if no gradients are wanted */
} Chunk;

/* The minibatches of a set, laid out before the first step. */
typedef struct {
    Py_ssize_t n_all, n_rows, n_in;
    Py_ssize_t of_batch, n_chunks; /* chunks of a minibatch, and of all */
    int n_eights;                  /* as in a Job */
    Chunk *chunks;
} Layout;

typedef struct {
    const char *x;                       /* all rows */
    Py_ssize_t stride, cell, real;       /* bytes of a row, of its numbers, of those of W */
    Py_ssize_t n_all, n_rows, n_in, n_out;
    Py_ssize_t max_panels, first, n;     /* of a chunk; the first row of this one, and its rows */
    Py_ssize_t n_tiles, *tiles;          /* the first class of each */
    Py_ssize_t group;                    /* panels of a task */
    Layout *layout;
    Chunk *chunk;                        /* NULL if it is not laid out before */
    const char *rows, *tail;             /* of the chunk; a copy of the last rows of all, with */
    Py_ssize_t n_safe, n_tail;           /* room behind it, and from which row on it is read */
    const int32_t *y, *labels, *bad;     /* of all; of the chunk; one that is no class */
    const void *weights;                 /* factors of the classes, or all are 1 */
    void *w, *b, *z, *d, *losses;        /* z has scores by panel, d gradients by row */
    void *dw, *db;                       /* sums of the gradients */
    void *out;                  /* where scores go, or W after the steps, or the gradient by it */
    int64_t *classes;           /* where the best class of each row goes, if that is wanted */
    int is_packed;              /* whether w has tile after tile, and is no matrix */
    int n_eights;               /* columns of a block of x's bytes, by 8 */
    double scale, rate;         /* of x; of a step of descent, 0 for the bare gradients */
    const int64_t *starts;      /* the first row of each step */
    Py_ssize_t n_steps;
    double *costs;
} Job;

typedef void Task(const Job *, Py_ssize_t);
typedef struct {
    Task *score_panels, *gradient_block, *finish_step;
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

static inline Py_ssize_t classes_of(const Job *job, Py_ssize_t tile)
{
    return job->tiles[tile + 1] - job->tiles[tile];
}

/* Features of a task of gradients: a cache line of each row of x, where these are read. */
static inline int of_task(const Job *job)
{
    return job->cell > 1 ? 16 : job->chunk && job->chunk->lists ? 32 : 64;
}

static inline const char *row_of(const Job *job, Py_ssize_t row)
{
    return row < job->n_safe ? job->rows + row * job->stride
                             : job->tail + (row - job->n_safe) * job->stride;
}

/* The first of some labels that is none of the classes, or NULL. */
static const int32_t *bad_label(const int32_t *labels, Py_ssize_t n, Py_ssize_t n_out)
{
    for (Py_ssize_t i = 0; i < n; i++)
        if ((uint32_t)labels[i] >= (uint64_t)n_out)
            return labels + i;
    return NULL;
}

#include "kernel_layout.h"

/* ---- The loops, for each set of instructions ---- */

#define N_SUMS 12 /* vectors that there are registers for, and classes of a tile */
#define ALL_CASES                                                                           \
    CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8) CASE(9) CASE(10)        \
    CASE(11) CASE(12)

#if defined(__x86_64__)
#include <immintrin.h>
#define SET avx512
#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma" WIDE)))
#define BYTES 64
#define SPAN 16 /* columns of a block of bytes */
#define FUSED_float(a, b, c) ((VECTOR)_mm512_fmadd_ps((__m512)(a), (__m512)(b), (__m512)(c)))
#define FUSED_double(a, b, c) ((VECTOR)_mm512_fmadd_pd((__m512d)(a), (__m512d)(b), (__m512d)(c)))
#define FROM_BYTES(v) _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32((__m128i)(v)))
#include "kernel_types.h"
#define SET avx2
#define TARGET __attribute__((target("avx2,fma")))
#define BYTES 32
#define SPAN 8
#define FUSED_float(a, b, c) ((VECTOR)_mm256_fmadd_ps((__m256)(a), (__m256)(b), (__m256)(c)))
#define FUSED_double(a, b, c) ((VECTOR)_mm256_fmadd_pd((__m256d)(a), (__m256d)(b), (__m256d)(c)))
#define FROM_BYTES(v) _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)(v))))
#include "kernel_types.h"
#endif
#define SET plain
#define TARGET
#define BYTES 16
#define SPAN 8
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
    {score_panels_##cell##_##real##_##set, gradient_block_##cell##_##real##_##set,    \
     finish_step_##real##_##set}
#define ALL_LOOPS(set, n_eights, unit)                                               \
    {#set, n_eights, {unit, N_SUMS / 2},                                             \
     {{LOOPS(float, float, set), LOOPS(uint8_t, float, set)},                        \
      {LOOPS(double, double, set), LOOPS(uint8_t, double, set)}}}
static const struct {
    const char *name;
    int n_eights;   /* columns of a block of bytes, by 8 */
    int unit[2];    /* classes whose sums fit into the registers, by whether W is of doubles */
    Loops of[2][2]; /* by the same, and by whether x is of bytes */
} sets[] = {
#if defined(__x86_64__)
    ALL_LOOPS(avx512, 2, N_SUMS),
    ALL_LOOPS(avx2, 1, N_SUMS / 2),
#endif
    ALL_LOOPS(plain, 1, N_SUMS / 2),
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

/* How many panels a chunk has at the most: their scores, and floats, are to stay in a cache. */
static Py_ssize_t panels_of_chunk(const Job *job)
{
    Py_ssize_t most = smaller((1 << 20) / (job->n_in * job->cell * PANEL), PANELS);
    return smaller(parts(job->n_rows, PANEL), most < 8 ? 8 : most);
}

static void work(Job *job, const Loops *loops, int n_threads)
{
    int together = begin((double)job->n_rows * job->n_in * job->n_out, n_threads);
    for (Py_ssize_t step = 0; step < job->n_steps && !job->bad; step++) {
        Py_ssize_t start = job->starts[step], of_chunk = job->max_panels * PANEL, i = 0;
        if (job->y)
            memset(job->db, 0, job->n_out * job->real);
        for (job->first = 0; job->first < job->n_rows && !job->bad; job->first += of_chunk, i++) {
            Py_ssize_t first = start + job->first;
            job->n = smaller(of_chunk, job->n_rows - job->first);
            job->rows = job->x + first * job->stride;
            job->n_safe = job->n_all - job->n_tail - first;
            if (job->layout)
                job->chunk = job->layout->chunks + start / job->n_rows * job->layout->of_batch + i;
            if (job->y) {
                job->labels = job->y + first;
                job->bad = bad_label(job->labels, job->n, job->n_out);
            }
            if (job->bad)
                break;
            in_blocks(job, loops->score_panels, parts(parts(job->n, PANEL), job->group), together);
            if (job->y)
                in_blocks(job, loops->gradient_block, parts(job->n_in, of_task(job)) + 1, together);
        }
        if (job->y && !job->bad)
            loops->finish_step(job, step);
    }
    end(together);
}

/* The next `size` bytes of memory: at a multiple of 64, so no vector lies on two cache lines. */
static void *cut(uintptr_t *at, double size)
{
    void *memory = (void *)(*at = (*at + 63) & ~(uintptr_t)63);
    *at += (size_t)size;
    return memory;
}

/* Divide up memory from `at` on for what a job needs; returned is where it ends. */
static uintptr_t divide(Job *job, uintptr_t at)
{
    double n_scores = (double)job->max_panels * PANEL * job->n_out;
    job->tiles = cut(&at, (job->n_tiles + 1) * sizeof *job->tiles);
    job->z = cut(&at, n_scores * job->real);
    if (job->is_packed)
        job->w = cut(&at, (double)job->n_in * job->n_out * job->real);
    if (job->y) {
        job->d = cut(&at, n_scores * job->real);
        job->losses = cut(&at, job->n_rows * (double)job->real);
        job->dw = cut(&at, parts(job->n_in, 16) * 16.0 * job->n_out * job->real);
        job->tail = cut(&at, job->n_tail * job->stride + 16 * job->cell);
    }
    if (job->y && job->rate)
        job->db = cut(&at, job->n_out * job->real);
    return at;
}

/* Copy W to where its tiles lie one after the other, or back. */
static void pack(const Job *job, char *matrix, int back)
{
    char *packed = job->w;
    for (Py_ssize_t t = 0; t < job->n_tiles; t++)
        for (Py_ssize_t k = 0; k < job->n_in; k++) {
            size_t n = classes_of(job, t) * job->real;
            char *row = matrix + (k * job->n_out + job->tiles[t]) * job->real;
            memcpy(back ? row : packed, back ? packed : row, n);
            packed += n;
        }
}

/* ---- What Python sees ---- */

static void free_layout(PyObject *capsule)
{
    Layout *layout = PyCapsule_GetPointer(capsule, NULL);
    for (Py_ssize_t i = 0; layout->chunks && i < layout->n_chunks; i++)
        free_chunk(&layout->chunks[i]);
    free(layout->chunks);
    free(layout);
}

static void *no_such_class(const Job *job)
{
    return PyErr_Format(PyExc_ValueError, "row %zd has the label %d: labels must be 0 to %zd",
                        job->bad - job->y, (int)*job->bad, job->n_out - 1);
}

static PyObject *lay_out(PyObject *self, PyObject *args)
{
    Py_buffer x = {0}, y = {0};
    Job job = {.cell = 1};
    int n_threads, failed, set = chosen_set();
    Layout *layout = job.layout = calloc(1, sizeof *layout);
    PyObject *result = layout ? PyCapsule_New(layout, NULL, free_layout) : PyErr_NoMemory();
    (void)self;
    if (set < 0 || !result ||
        !PyArg_ParseTuple(args, "y*z*nnnni", &x, &y, &job.n_all, &job.n_rows, &job.n_in,
                          &job.n_out, &n_threads))
        goto done;
    if (job.n_rows < 1 || job.n_rows > job.n_all || job.n_in < 1 || job.n_in > UINT16_MAX ||
        x.len != job.n_all * job.n_in || (y.obj && y.len != job.n_all * 4)) {
        PyErr_SetString(PyExc_ValueError, "n_rows, y and x do not go together");
        goto done;
    }
    job.x = x.buf;
    job.y = y.buf;
    job.stride = job.n_in;
    job.max_panels = panels_of_chunk(&job);
    job.n_eights = sets[set].n_eights;
    Py_ssize_t n_batches = job.n_all / job.n_rows;
    Py_ssize_t of_batch = parts(job.n_rows, job.max_panels * PANEL);
    *layout = (Layout){job.n_all, job.n_rows, job.n_in, of_batch, n_batches * of_batch,
                       job.n_eights, calloc(n_batches * of_batch, sizeof(Chunk))};
    Py_BEGIN_ALLOW_THREADS
    job.bad = job.y ? bad_label(job.y, n_batches * job.n_rows, job.n_out) : NULL;
    if (!(failed = job.bad || !layout->chunks)) {
        int together = begin((double)job.n_all * job.n_in, n_threads);
        in_blocks(&job, lay_chunk, layout->n_chunks, together);
        end(together);
        for (Py_ssize_t i = 0; i < layout->n_chunks; i++) {
            Py_ssize_t first = i / of_batch * of_batch;
            /* all chunks of a minibatch have lists, or none */
            for (Py_ssize_t k = first; k < first + of_batch && !layout->chunks[i].lists; k++)
                drop_lists(&layout->chunks[k]);
            failed |= !layout->chunks[i].starts;
        }
    }
    Py_END_ALLOW_THREADS
    if (failed)
        job.bad ? no_such_class(&job) : PyErr_NoMemory();
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
    Layout *layout = capsule == Py_None ? NULL : PyCapsule_GetPointer(capsule, NULL);
    Py_ssize_t n = job.n_rows, n_all = y.obj ? y.len / 4 : n, n_out = job.n_out;
    if ((capsule != Py_None && !layout) || (set = chosen_set()) < 0)
        goto done;
    fits = n > 0 && n_all >= n && w.len > 0 && (!weights.obj || weights.len == b.len);
    if (fits) {
        job.real = b.len / n_out;
        job.n_in = w.len / b.len;
        job.stride = x.len / n_all;
        job.cell = job.stride / job.n_in;
    }
    if (fits && layout)
        fits = job.cell == 1 && layout->n_all == n_all && layout->n_rows == n &&
               layout->n_in == job.n_in && layout->n_eights == sets[set].n_eights;
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
    job.n_all = n_all;
    job.layout = layout;
    job.x = x.buf;
    job.y = y.buf;
    job.w = w.buf;
    job.b = b.buf;
    job.weights = weights.buf;
    job.out = out.buf;
    job.db = b_out.buf;
    job.classes = kind == 'c' ? out.buf : NULL;
    job.costs = costs.buf;
    job.n_eights = sets[set].n_eights;
    job.max_panels = panels_of_chunk(&job);
    Py_ssize_t unit = sets[set].unit[job.real == 8], n_units = parts(n_out, unit);
    job.n_tiles = parts(n_units, N_SUMS / unit);
    job.group = job.n_tiles < 5 ? 1 : GROUP;
    job.is_packed = job.n_tiles > 1 && (double)n * job.n_steps > 64;
    /* the rows beyond whose end the last block of columns could not be read */
    job.n_tail = smaller(n_all, parts((job.n_in - 1) / 16 * 16 + 16, job.n_in) - 1);
    Py_BEGIN_ALLOW_THREADS
    memory = malloc(divide(&job, 64));
    if (memory) {
        divide(&job, (uintptr_t)memory);
        for (Py_ssize_t t = 0; t <= job.n_tiles; t++)
            job.tiles[t] = smaller(t * (N_SUMS / unit), n_units) * n_out / n_units;
        if (job.y) {
            size_t size = job.n_tail * job.stride;
            memset(memcpy((void *)job.tail, job.x + x.len - size, size) + size, 0, 16 * job.cell);
        }
        if (job.is_packed)
            pack(&job, w.buf, 0);
        if (kind == 'd' && job.rate) { /* W and b after the steps are where these are taken */
            job.b = memcpy(b_out.buf, b.buf, b.len);
            if (!job.is_packed)
                job.w = memcpy(out.buf, w.buf, w.len);
        }
        work(&job, &sets[set].of[job.real == 8][job.cell == 1], n_threads);
        if (job.is_packed && job.rate)
            pack(&job, out.buf, 1);
    }
    Py_END_ALLOW_THREADS
    if (!memory || job.bad)
        memory ? no_such_class(&job) : PyErr_NoMemory();
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
