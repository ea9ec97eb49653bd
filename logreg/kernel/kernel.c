/* What Python calls: it measures arrays, and goes from phase to phase of a job. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include "kernel.h"

#define LAYOUT "logreg.kernel.Layout"
#define PRODUCTS_OF_A_THREAD 4000000 /* take a few times as long as it takes to start one, */
#define PRODUCTS_OF_A_STEP 40000     /* and these as long as threads wait for each other */

enum { X, W, B, Y, WEIGHTS, STARTS, OUT, N_ARRAYS };
typedef struct {
    Job job;
    Py_buffer arrays[N_ARRAYS];
    PyObject *layout;
    Py_ssize_t n_rows;
    int n_threads;
} Call;

/* The set that LOGREG_KERNEL_SET names, else the best one that the machine has. */
static const Set *chosen_set(void)
{
    const char *wanted = getenv("LOGREG_KERNEL_SET");
    for (const Set *set = sets; set->name; set++)
        if (is_usable(set) && (!wanted || !*wanted || !strcmp(wanted, set->name)))
            return set;
    PyErr_Format(PyExc_ValueError, "this machine has no LOGREG_KERNEL_SET=%s", wanted);
    return NULL;
}

/* Measure the arrays; returned is whether they go together, and are not so large that a size of what
   the job needs would not fit into its type. */
static int measure(Call *call)
{
    const Py_buffer *arrays = call->arrays;
    const Py_ssize_t cell = arrays[X].itemsize, real = arrays[W].itemsize;
    const Py_ssize_t sizes[N_ARRAYS] = {cell, real, real, 4, real, 8, 8};
    size_t n[N_ARRAYS] = {0};
    for (int i = 0; i < N_ARRAYS; i++)
        if (arrays[i].obj && arrays[i].itemsize == sizes[i] && sizes[i] > 0)
            n[i] = (size_t)(arrays[i].len / sizes[i]);
        else if (arrays[i].obj)
            return 0;
    Job *job = &call->job;
    job->in.x = arrays[X].buf;
    job->in.W = arrays[W].buf;
    job->in.b = arrays[B].buf;
    job->in.y = arrays[Y].buf;
    job->in.weights = arrays[WEIGHTS].buf;
    job->in.starts = arrays[STARTS].buf;
    job->in.cell = (size_t)cell;
    job->in.real = (size_t)real;
    job->in.n_rows = (size_t)call->n_rows;
    size_t n_all = job->in.n_all = job->in.y ? n[Y] : n[OUT], n_out = job->in.n_out = n[B];
    size_t n_in = job->in.n_in = n_out ? n[W] / n_out : 0;
    size_t n_steps = job->in.n_steps = job->in.y ? n[STARTS] : 1;
    return (real == 4 || real == 8) && (cell == 1 || cell == real) && n_in > 0 &&
           n[W] <= SIZE_MAX / 512 && n_out <= SIZE_MAX / 64 / CHUNK && n_in * n_out == n[W] &&
           job->in.n_rows > 0 && job->in.n_rows <= n_all && n[X] / n_all == n_in &&
           n[X] % n_all == 0 && (!arrays[WEIGHTS].obj || n[WEIGHTS] == n_out) &&
           (!job->in.y || n[OUT] == n_steps) && (!job->in.y || job->in.is_step || n_steps == 1);
}

/* Whether the steps are within x, and as they were laid out. */
static int are_laid_out(const Job *job)
{
    size_t n_rows = job->in.n_rows, n_all = job->in.n_all;
    const Layout *layout = job->in.layout;
    for (size_t i = 0; job->in.y && i < job->in.n_steps; i++)
        if ((uint64_t)job->in.starts[i] > n_all - n_rows ||
            (layout && (uint64_t)job->in.starts[i] % n_rows))
            return 0;
    return !layout || (job->in.cell == 1 && layout->n_all == n_all && layout->n_rows == n_rows &&
                       layout->n_in == job->in.n_in && layout->span == job->in.set->span);
}

/* Begin with the scores of the next chunk, or go from them to the gradients. */
static size_t next_phase(Job *job)
{
    Task *score_panels = job->in.set->of[job->in.real == 8].score_panels;
    if (atomic_load(&job->at.bad))
        return 0;
    if (job->in.y && job->at.task == score_panels) {
        job->at.task = job->in.set->of[job->in.real == 8].add_gradients;
        return parts(job->in.n_in, columns_of_task(job)) + 1;
    }
    job->at.first += job->at.n;
    if (job->at.first == job->in.n_rows) {
        job->at.first = 0;
        job->at.step++;
    }
    if (job->at.step == job->in.n_steps)
        return 0;
    size_t batch = job->in.y ? (size_t)job->in.starts[job->at.step] : 0;
    size_t start = batch + job->at.first;
    job->at.n = smaller(job->own.most, job->in.n_rows - job->at.first);
    job->at.rows = job->in.x + start * job->in.n_in * job->in.cell;
    job->at.labels = job->in.y + start;
    const Layout *layout = job->in.layout;
    const Chunk *laid = layout ? layout->chunks + batch / job->in.n_rows * layout->of_batch : NULL;
    int is_laid = laid && laid[job->at.first / job->own.most].memory;
    job->at.chunk = is_laid ? laid + job->at.first / job->own.most : &job->own.as_they_come;
    job->at.task = score_panels;
    return parts(parts(job->at.n, PANEL), job->own.group);
}

/* Copy W to where its tiles lie one after the other, or back. */
static void pack(const Job *job, int back)
{
    char *packed = job->own.w;
    for (size_t class = 0; class < job->in.n_out; class += job->own.width)
        for (size_t k = 0; k < job->in.n_in; k++) {
            size_t n = classes_from(job, class) * job->in.real;
            char *row = (char *)job->in.W + (k * job->in.n_out + class) * job->in.real;
            memcpy(back ? row : packed, back ? packed : row, n);
            packed += n;
        }
}

/* Do a job, without Python's lock; returned is whether there was memory for it. */
static int is_done(Job *job, size_t n_threads)
{
    size_t n_out = job->in.n_out, real = job->in.real, row = job->in.n_in * job->in.cell;
    size_t n = rows_of_chunk(job->in.n_rows, row);
    size_t of_W = parts(job->in.n_in, PANEL) * PANEL * n_out * real;
    job->own.most = n;
    job->own.end = job->in.x + job->in.n_all * row;
    size_t n_sums = job->in.set->n_sums;
    if (n_out > n_sums && job->in.set->span < PANEL)
        n_sums /= 2; /* of each class two vectors, which share its loaded weight */
    job->own.width = parts(n_out, parts(n_out, n_sums));
    job->own.group = n_out <= 4 * job->in.set->n_sums ? 1 : GROUP;
    int is_packed = job->own.width < n_out;
    const size_t bytes[N_PARTS] = {n * n_out * real, n * n_out * real, of_W, PANEL * n_out * real,
                                   is_packed ? of_W : 0, n * real, n * PANEL * job->in.cell,
                                   2 * (n + PANEL)};
    void *memory = new_parts(job->own.parts, bytes);
    if (!memory)
        return 0;
    for (size_t i = 0; i < n; i++)
        job->own.order[i] = (uint16_t)i;
    job->own.as_they_come.order = job->own.as_they_come.place_of = job->own.order;
    job->own.w = is_packed ? job->own.w : job->in.W;
    if (is_packed)
        pack(job, 0);
    work(job, next_phase, n_threads);
    if (is_packed && job->in.y)
        pack(job, 1);
    free(memory);
    return 1;
}

static PyObject *release(Call *call)
{
    for (int i = 0; i < N_ARRAYS; i++)
        PyBuffer_Release(&call->arrays[i]);
    return PyErr_Occurred() ? NULL : (Py_INCREF(Py_None), Py_None);
}

/* Do what a call asks for, if it goes together. */
static PyObject *compute(Call *call)
{
    Job *job = &call->job;
    int is_there = 0;
    job->in.set = chosen_set();
    if (call->layout != Py_None)
        job->in.layout = PyCapsule_GetPointer(call->layout, LAYOUT);
    if (!PyErr_Occurred() && !(measure(call) && are_laid_out(job)))
        PyErr_SetString(PyExc_ValueError, "x, W, b, y, weights, starts, n_rows and the layout do not go together");
    if (!PyErr_Occurred()) {
        const Layout *layout = job->in.layout; /* without most blanks */
        size_t of_row = layout ? layout->n_cells / layout->n_all : job->in.n_in;
        size_t of_step = of_row * job->in.n_rows * job->in.n_out, of_all = of_step * job->in.n_steps;
        size_t worth_it = 1 + smaller(of_step / PRODUCTS_OF_A_STEP, of_all / PRODUCTS_OF_A_THREAD);
        Py_BEGIN_ALLOW_THREADS
        is_there = is_done(job, smaller((size_t)call->n_threads, worth_it));
        Py_END_ALLOW_THREADS
        size_t bad = atomic_load(&job->at.bad);
        if (!is_there)
            PyErr_NoMemory();
        else if (bad)
            PyErr_Format(PyExc_ValueError, "row %zd has the label %d: labels must be 0 to %zd",
                         (Py_ssize_t)bad - 1, (int)job->in.y[bad - 1], (Py_ssize_t)job->in.n_out - 1);
    }
    return release(call);
}

static PyObject *classes(PyObject *Py_UNUSED(self), PyObject *args)
{
    Call call = {0};
    Py_buffer *arrays = call.arrays;
    if (!PyArg_ParseTuple(args, "(y*dO)(y*y*)w*i", &arrays[X], &call.job.in.scale, &call.layout,
                          &arrays[W], &arrays[B], &arrays[OUT], &call.n_threads))
        return NULL;
    call.job.in.classes = arrays[OUT].buf;
    call.n_rows = arrays[OUT].len / 8;
    return compute(&call);
}

static PyObject *descend(PyObject *Py_UNUSED(self), PyObject *args)
{
    Call call = {0};
    Py_buffer *arrays = call.arrays;
    PyObject *rate;
    if (!PyArg_ParseTuple(args, "(y*dO)(w*w*)(y*z*)y*w*niO", &arrays[X], &call.job.in.scale,
                          &call.layout, &arrays[W], &arrays[B], &arrays[Y], &arrays[WEIGHTS],
                          &arrays[STARTS], &arrays[OUT], &call.n_rows, &call.n_threads, &rate))
        return NULL;
    call.job.in.costs = arrays[OUT].buf;
    call.job.in.is_step = rate != Py_None;
    call.job.in.rate = rate == Py_None ? 0 : PyFloat_AsDouble(rate);
    return compute(&call);
}

static void free_layout(PyObject *capsule)
{
    Layout *layout = PyCapsule_GetPointer(capsule, LAYOUT);
    for (size_t i = 0; i < layout->n_chunks; i++)
        free(layout->chunks[i].memory);
    free(layout);
}

static PyObject *lay_out(PyObject *Py_UNUSED(self), PyObject *args)
{
    Call call = {0};
    Job *job = &call.job;
    const Py_buffer *x = &call.arrays[X], *y = &call.arrays[Y];
    PyObject *result = NULL;
    if (!PyArg_ParseTuple(args, "y*z*npi", &call.arrays[X], &call.arrays[Y], &call.n_rows,
                          &job->in.is_map, &call.n_threads))
        return NULL;
    Py_ssize_t n_rows = call.n_rows, n_all = y->obj ? y->len / 4 : n_rows;
    job->in.set = chosen_set();
    if (n_rows < 1 || n_rows > n_all || x->len < 1 || x->len % n_all || x->len / n_all > UINT16_MAX)
        PyErr_SetString(PyExc_ValueError, "x, y and n_rows do not go together");
    if (!PyErr_Occurred()) {
        job->in.x = x->buf;
        job->in.y = y->buf;
        job->in.n_all = (size_t)n_all;
        job->in.n_rows = (size_t)n_rows;
        job->in.n_in = (size_t)(x->len / n_all);
        job->in.cell = 1;
        Py_BEGIN_ALLOW_THREADS
        job->in.layout = new_layout(job, (size_t)call.n_threads);
        Py_END_ALLOW_THREADS
        result = job->in.layout ? PyCapsule_New(job->in.layout, LAYOUT, free_layout) : PyErr_NoMemory();
    }
    Py_XDECREF(release(&call));
    return result;
}

static PyMethodDef functions[] = {
    {"lay_out", lay_out, METH_VARARGS, "(x, y, n_rows, is_map, n_threads)"},
    {"classes", classes, METH_VARARGS, "((x, scale, layout), (W, b), classes, n_threads)"},
    {"descend", descend, METH_VARARGS,
     "((x, scale, layout), (W, b), (y, weights), starts, costs, n_rows, n_threads, rate)"},
    {NULL, NULL, 0, NULL},
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
