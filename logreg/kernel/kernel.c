/* What Python calls. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include "kernel.h"

#define LAYOUT "logreg.kernel.Layout"
#define LARGE (1 << 18)              /* bytes of W that a near cache does not hold */
#define PRODUCTS_OF_A_THREAD 4000000 /* of a call: they outweigh the start of a thread */
#define PRODUCTS_OF_A_STEP 40000     /* they outweigh what threads wait for each other */

/* The arrays of a call; OUT is the costs, or the classes. */
enum { X, W, B, Y, WEIGHTS, VELOCITY_OF_W, VELOCITY_OF_B, STARTS, OUT, N_ARRAYS };
typedef struct {
    Job job;
    Py_buffer arrays[N_ARRAYS];
    PyObject *layout;
    Py_ssize_t n_rows;
    int n_threads;
} Call;

typedef struct {
    const char *name;
    const Loops *of_float, *of_double;
} Set;

/* Sets of instructions, the best one first. */
static const Set sets[] = {
#if defined(__x86_64__)
    {"avx512", &float_avx512, &double_avx512},
    {"avx2", &float_avx2, &double_avx2},
    {"plain", &float_plain, &double_plain},
#elif defined(__aarch64__)
    {"neon", &float_plain, &double_plain},
#else
    {"plain", &float_plain, &double_plain},
#endif
    {0},
};

static int is_usable(const Set *set)
{
#if defined(__x86_64__)
    if (!strcmp(set->name, "avx512"))
        return __builtin_cpu_supports("avx512f");
    if (!strcmp(set->name, "avx2"))
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
    return 1;
}

/* The set that LOGREG_KERNEL_SET names, else the best one that the machine has. */
static const Set *choose_set(void)
{
    const char *wanted = getenv("LOGREG_KERNEL_SET");
    for (const Set *set = sets; set->name; set++)
        if (is_usable(set) && (!wanted || !*wanted || !strcmp(wanted, set->name)))
            return set;
    PyErr_Format(PyExc_ValueError, "this machine has no LOGREG_KERNEL_SET=%s", wanted);
    return NULL;
}

/* Measure the arrays. Returns whether they go together, and no size of the job's memory overflows. */
static int measure(Call *call)
{
    const Py_buffer *arrays = call->arrays;
    const Py_ssize_t itemsize = arrays[X].itemsize, real = arrays[W].itemsize;
    const Py_ssize_t sizes[N_ARRAYS] = {
        [X] = itemsize, [W] = real, [B] = real, [Y] = 4, [WEIGHTS] = real,
        [VELOCITY_OF_W] = real, [VELOCITY_OF_B] = real, [STARTS] = 8, [OUT] = 8};
    size_t n[N_ARRAYS] = {0};
    for (int i = 0; i < N_ARRAYS; i++)
        if (arrays[i].obj && arrays[i].itemsize == sizes[i] && sizes[i] > 0)
            n[i] = (size_t)(arrays[i].len / sizes[i]);
        else if (arrays[i].obj)
            return 0;
    Job *job = &call->job;
    job->x = arrays[X].buf;
    job->W = arrays[W].buf;
    job->b = arrays[B].buf;
    job->y = arrays[Y].buf;
    job->weights = arrays[WEIGHTS].buf;
    job->velocity_of_W = n[VELOCITY_OF_W] ? arrays[VELOCITY_OF_W].buf : NULL;
    job->velocity_of_b = n[VELOCITY_OF_B] ? arrays[VELOCITY_OF_B].buf : NULL;
    job->starts = arrays[STARTS].buf;
    job->itemsize = (size_t)itemsize;
    job->W_itemsize = (size_t)real;
    job->n_rows = (size_t)call->n_rows;
    size_t n_all = job->n_all = job->y ? n[Y] : n[OUT], n_out = job->n_out = n[B];
    size_t n_in = job->n_in = n_out ? n[W] / n_out : 0;
    size_t n_steps = job->n_steps = job->y ? n[STARTS] : 1;
    int are_velocities = n[VELOCITY_OF_W] == n[W] && n[VELOCITY_OF_B] == n_out;
    return (real == 4 || real == 8) && (itemsize == 1 || itemsize == real) && n_in > 0 &&
           n[W] <= SIZE_MAX / 512 && n_out <= SIZE_MAX / 64 / CHUNK && n_in * n_out == n[W] &&
           job->n_rows > 0 && job->n_rows <= n_all && n[X] / n_all == n_in && n[X] % n_all == 0 &&
           (!arrays[WEIGHTS].obj || n[WEIGHTS] == n_all) &&
           (are_velocities || n[VELOCITY_OF_W] + n[VELOCITY_OF_B] == 0) &&
           (!job->y || (n[OUT] == n_steps && (job->is_step || n_steps == 1)));
}

/* Whether the steps are within x, and those of the layout if there is one. */
static int has_valid_steps(const Job *job)
{
    size_t n_rows = job->n_rows, n_all = job->n_all;
    const Layout *layout = job->layout;
    for (size_t i = 0; job->y && i < job->n_steps; i++)
        if ((uint64_t)job->starts[i] > n_all - n_rows || (layout && (uint64_t)job->starts[i] % n_rows))
            return 0;
    return !layout || (job->itemsize == 1 && layout->n_all == n_all && layout->n_rows == n_rows &&
                       layout->n_in == job->n_in);
}

static void divide_work(Job *job)
{
    job->rows_of_chunk = rows_of_chunk(job->n_rows, job->n_in * job->itemsize);
    size_t n_slices = divide_up(job->n_out, job->loops->n_classes);
    job->slice_width = divide_up(job->n_out, n_slices); /* all about as wide */
    job->is_sliced = job->n_out > MAX_UNSLICED;
    job->panels_of_task = job->n_in * job->n_out * job->W_itemsize > LARGE ? GROUP : 1;
    job->image_width = job->layout ? job->layout->image_width : SIDE;
}

/* Take the job's memory; if the arena has none, count its bytes. */
static void take_memory(Job *job, Arena *arena)
{
    size_t n = job->rows_of_chunk, W_itemsize = job->W_itemsize, n_out = job->n_out;
    size_t all_of_W = divide_up(job->n_in, PANEL) * PANEL * n_out * W_itemsize;
    job->scores = take(arena, n * n_out * W_itemsize);
    job->score_gradients = take(arena, n * n_out * W_itemsize);
    job->exp_sums = take(arena, n * W_itemsize);
    job->label_scores = take(arena, n * W_itemsize);
    job->place_weights = take(arena, n * W_itemsize);
    job->sums = take(arena, job->y ? all_of_W : 0);
    job->sums_of_b = take(arena, PANEL * n_out * W_itemsize);
    job->squares = take(arena, job->n_in * sizeof *job->squares);
    job->as_they_come.order = take(arena, 2 * (n + PANEL)); /* prefetches read more than n */
    job->working_W = job->is_sliced ? take(arena, all_of_W) : job->W;
    job->working_v = job->velocity_of_W;
    if (job->velocity_of_W && job->is_sliced)
        job->working_v = take(arena, all_of_W);
}

/* Copy W, or its velocity, to slices one after the other, or back. */
static void slice(const Job *job, char *whole, char *sliced, int is_back)
{
    if (!whole || !job->is_sliced)
        return;
    for (size_t class = 0; class < job->n_out; class += job->slice_width)
        for (size_t k = 0; k < job->n_in; k++) {
            size_t n = slice_classes(job, class) * job->W_itemsize;
            char *row = whole + (k * job->n_out + class) * job->W_itemsize;
            if (is_back)
                memcpy(row, sliced, n);
            else
                memcpy(sliced, row, n);
            sliced += n;
        }
}

/* The chunk that begins at row `first` of a step's minibatch. */
static Chunk chunk_at(const Job *job, size_t step, size_t first)
{
    size_t batch = job->y ? (size_t)job->starts[step] : 0, start = batch + first;
    Chunk chunk = {.step = step, .first = first, .panels = &job->as_they_come};
    chunk.n = smaller(job->rows_of_chunk, job->n_rows - first);
    chunk.rows = job->x + start * job->n_in * job->itemsize;
    chunk.labels = job->y ? job->y + start : NULL;
    chunk.weights = job->weights ? (const char *)job->weights + start * job->W_itemsize : NULL;
    if (job->layout) {
        size_t index = batch / job->n_rows * job->layout->n_chunks + first / job->rows_of_chunk;
        if (is_laid_out(&job->layout->panels[index]))
            chunk.panels = &job->layout->panels[index];
    }
    return chunk;
}

/* The sum of the squares of W before the step, in an order that depends only on n_in. */
static double sum_of_squares(const Job *job)
{
    double sums[8] = {0};
    for (size_t k = 0; k < job->n_in; k++)
        sums[k % 8] += job->squares[k];
    for (size_t i = 1; i < 8; i++)
        sums[0] += sums[i];
    return sums[0];
}

static void do_steps(Job *job, Team *team)
{
    for (size_t step = 0; step < job->n_steps; step++) {
        for (size_t first = 0; first < job->n_rows; first += job->rows_of_chunk) {
            job->chunk = chunk_at(job, step, first);
            size_t n_panels = divide_up(job->chunk.n, PANEL), n_tiles = divide_up(job->n_in, PANEL);
            share(team, job, job->loops->score_panels, divide_up(n_panels, job->panels_of_task));
            if (atomic_load(&job->bad_row))
                return;
            if (job->y)
                share(team, job, job->loops->add_gradients, 1 + divide_up(n_tiles, tiles_of_task(job)));
        }
        if (job->is_step && job->l2 != 0)
            job->costs[step] += job->l2 * sum_of_squares(job);
    }
}

/* Do a job, without Python's lock. Returns 0 if there is no memory for it. */
static int run_job(Job *job, size_t n_threads)
{
    Arena arena = {0};
    divide_work(job);
    take_memory(job, &arena);
    if (!provide(&arena))
        return 0;
    take_memory(job, &arena);
    for (size_t i = 0; i < job->rows_of_chunk; i++)
        job->as_they_come.order[i] = (uint16_t)i;
    job->as_they_come.place_of = job->as_they_come.order;
    slice(job, job->W, job->working_W, 0);
    slice(job, job->velocity_of_W, job->working_v, 0);
    Team *team = gather(job, n_threads);
    do_steps(job, team);
    dismiss(team);
    if (job->y) {
        slice(job, job->W, job->working_W, 1);
        slice(job, job->velocity_of_W, job->working_v, 1);
    }
    free(arena.memory);
    return 1;
}

/* Release the arrays; returns None, or NULL after an error. */
static PyObject *release(Call *call)
{
    for (int i = 0; i < N_ARRAYS; i++)
        PyBuffer_Release(&call->arrays[i]);
    if (PyErr_Occurred())
        return NULL;
    Py_RETURN_NONE;
}

/* As many threads as the work is worth. */
static size_t threads_for(const Job *job, size_t n_threads)
{
    const Layout *layout = job->layout; /* leaves blanks out */
    size_t n_columns = layout ? layout->n_cells / layout->n_all : job->n_in;
    size_t of_step = n_columns * job->n_rows * job->n_out, of_all = of_step * job->n_steps;
    size_t n_worth = 1 + smaller(of_step / PRODUCTS_OF_A_STEP, of_all / PRODUCTS_OF_A_THREAD);
    return smaller(n_threads, n_worth);
}

static PyObject *compute(Call *call)
{
    Job *job = &call->job;
    const Set *set = choose_set();
    if (call->layout != Py_None)
        job->layout = PyCapsule_GetPointer(call->layout, LAYOUT);
    if (!PyErr_Occurred() && !(measure(call) && has_valid_steps(job)))
        PyErr_SetString(PyExc_ValueError, "x, W, b, y, weights, velocities, starts, n_rows and the "
                                          "layout do not go together");
    if (!PyErr_Occurred()) {
        int has_memory = 0;
        job->loops = job->W_itemsize == 8 ? set->of_double : set->of_float;
        Py_BEGIN_ALLOW_THREADS
        has_memory = run_job(job, threads_for(job, (size_t)call->n_threads));
        Py_END_ALLOW_THREADS
        size_t bad = atomic_load(&job->bad_row);
        if (!has_memory)
            PyErr_NoMemory();
        else if (bad)
            PyErr_Format(PyExc_ValueError, "row %zd has the label %d: labels must be 0 to %zd",
                         (Py_ssize_t)bad - 1, (int)job->y[bad - 1], (Py_ssize_t)job->n_out - 1);
    }
    return release(call);
}

static PyObject *classes(PyObject *Py_UNUSED(self), PyObject *args)
{
    Call call = {0};
    Py_buffer *arrays = call.arrays;
    if (!PyArg_ParseTuple(args, "(y*dO)(y*y*)w*i", &arrays[X], &call.job.scale, &call.layout,
                          &arrays[W], &arrays[B], &arrays[OUT], &call.n_threads))
        return NULL;
    call.job.classes = arrays[OUT].buf;
    call.n_rows = arrays[OUT].len / 8;
    return compute(&call);
}

static PyObject *descend(PyObject *Py_UNUSED(self), PyObject *args)
{
    Call call = {0};
    Job *job = &call.job;
    Py_buffer *arrays = call.arrays;
    if (!PyArg_ParseTuple(args, "(y*dO)(w*w*)(y*z*)y*w*ni(ddd)(w*w*)", &arrays[X], &job->scale,
                          &call.layout, &arrays[W], &arrays[B], &arrays[Y], &arrays[WEIGHTS],
                          &arrays[STARTS], &arrays[OUT], &call.n_rows, &call.n_threads, &job->rate,
                          &job->l2, &job->momentum, &arrays[VELOCITY_OF_W], &arrays[VELOCITY_OF_B]))
        return NULL;
    job->costs = arrays[OUT].buf;
    job->is_step = !isnan(job->rate);
    return compute(&call);
}

static void free_capsule(PyObject *capsule)
{
    free_layout(PyCapsule_GetPointer(capsule, LAYOUT));
}

static PyObject *lay_out(PyObject *Py_UNUSED(self), PyObject *args)
{
    Call call = {0};
    Job *job = &call.job;
    const Py_buffer *x = &call.arrays[X], *y = &call.arrays[Y];
    PyObject *result = NULL;
    if (!PyArg_ParseTuple(args, "y*z*npi", &call.arrays[X], &call.arrays[Y], &call.n_rows, &job->is_map,
                          &call.n_threads))
        return NULL;
    Py_ssize_t n_rows = call.n_rows, n_all = y->obj ? y->len / 4 : n_rows;
    if (n_rows < 1 || n_rows > n_all || x->len < 1 || x->len % n_all || x->len / n_all > UINT16_MAX)
        PyErr_SetString(PyExc_ValueError, "x, y and n_rows do not go together");
    if (!PyErr_Occurred()) {
        Layout *layout;
        job->x = x->buf;
        job->y = y->buf;
        job->n_all = (size_t)n_all;
        job->n_rows = (size_t)n_rows;
        job->n_in = (size_t)(x->len / n_all);
        job->itemsize = 1;
        Py_BEGIN_ALLOW_THREADS
        layout = new_layout(job, (size_t)call.n_threads);
        Py_END_ALLOW_THREADS
        result = layout ? PyCapsule_New(layout, LAYOUT, free_capsule) : PyErr_NoMemory();
    }
    Py_XDECREF(release(&call));
    return result;
}

static PyMethodDef functions[] = {
    {"lay_out", lay_out, METH_VARARGS, NULL},
    {"classes", classes, METH_VARARGS, NULL},
    {"descend", descend, METH_VARARGS, NULL},
    {0},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_kernel", "kernel.h says more.", -1,
                                    functions, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__kernel(void)
{
    PyObject *self = PyModule_Create(&module);
    char names[64] = "";
    for (const Set *set = sets; set->name; set++)
        if (is_usable(set))
            strcat(strcat(names, " "), set->name);
    if (self)
        PyModule_AddStringConstant(self, "instruction_sets", names);
#ifdef Py_GIL_DISABLED
    PyUnstable_Module_SetGIL(self, Py_MOD_GIL_NOT_USED);
#endif
    return self;
}
