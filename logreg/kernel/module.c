/* What Python calls, by functions.py, which says what is computed.

   Arrays are contiguous and aligned: x of bytes or of the type of W, float or double, which b, weights
   and velocities have; labels int32, starts and classes int64, costs double. Nobody may change them
   during a call, which releases Python's lock. Sizes that do not go together and labels that are no
   class are a ValueError; then what was written means nothing.

   lay_out(x, y, n_rows, is_map, n_threads)
       Makes an object that owns its memory. Minibatches that would take more than twice their room, or
       find no memory, are computed without. is_map: x is a file's map that is only read, whose pages
       are given back.
   compute((x, scale, layout), (W, b), (y, weights), starts, out, n_rows, n_threads,
           (rate, l2, momentum), velocities)
       Changes W, b and their velocities (None: no momentum), and adds to `out`, costs that are 0. If
       the rate is NaN, there is one start, l2 is 0, and W and b become the gradients of the mean. If y
       is None, so are weights, starts and velocities; only `out` changes: it becomes the classes. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include "kernel.h"

#define LAYOUT "logreg.kernel.Layout"
#define PRODUCTS_OF_A_THREAD 4000000 /* of a call: they outweigh its start */
#define PRODUCTS_OF_A_STEP 40000     /* they outweigh waiting for others */

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
#endif
#if defined(__aarch64__)
    {"neon", &float_plain, &double_plain},
#else
    {"plain", &float_plain, &double_plain},
#endif
    {0},
};

/* The best set that this machine has: it also has those after it. */
static const Set *best_set(void)
{
#if defined(__x86_64__)
    int has_avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (!has_avx2)
        return sets + 2;
    return __builtin_cpu_supports("avx512f") ? sets : sets + 1;
#endif
    return sets;
}

/* The set that LOGREG_KERNEL_SET names, else the best one. */
static const Set *choose_set(void)
{
    const char *wanted = getenv("LOGREG_KERNEL_SET");
    for (const Set *set = best_set(); set->name && wanted; set++)
        if (!strcmp(wanted, set->name))
            return set;
    return best_set();
}

/* Measure the arrays; returns whether their sizes go together. */
static int measure(Call *call)
{
    const Py_buffer *arrays = call->arrays;
    Job *job = &call->job;
    const Layout *layout = job->layout;
    size_t n[N_ARRAYS] = {0};
    for (int i = 0; i < N_ARRAYS; i++)
        if (arrays[i].obj)
            n[i] = (size_t)(arrays[i].len / arrays[i].itemsize);
    job->x = arrays[X].buf;
    job->W = arrays[W].buf;
    job->b = arrays[B].buf;
    job->y = arrays[Y].buf;
    job->weights = arrays[WEIGHTS].buf;
    job->velocity_of_W = arrays[VELOCITY_OF_W].buf;
    job->velocity_of_b = arrays[VELOCITY_OF_B].buf;
    job->starts = arrays[STARTS].buf;
    job->itemsize = (size_t)arrays[X].itemsize;
    job->W_itemsize = (size_t)arrays[W].itemsize;
    job->n_rows = (size_t)call->n_rows;
    job->n_all = job->y ? n[Y] : n[OUT];
    job->n_out = n[B];
    job->n_in = n[B] ? n[W] / n[B] : 0;
    job->n_steps = job->y ? n[STARTS] : 1;
    if (job->n_in < 1 || job->n_in * n[B] != n[W] || job->n_rows < 1 || job->n_rows > job->n_all ||
        n[X] / job->n_all != job->n_in || n[X] % job->n_all ||
        (job->weights && n[WEIGHTS] != job->n_all) ||
        (job->velocity_of_W && (n[VELOCITY_OF_W] != n[W] || n[VELOCITY_OF_B] != n[B])) ||
        (job->y && (n[OUT] != job->n_steps || (!job->is_step && job->n_steps != 1))))
        return 0;
    if (layout && (job->itemsize > 1 || layout->n_all != job->n_all || layout->n_rows != job->n_rows ||
                   layout->n_in != job->n_in))
        return 0;
    for (size_t i = 0; job->y && i < job->n_steps; i++) {
        uint64_t start = (uint64_t)job->starts[i];
        if (start > job->n_all - job->n_rows || (layout && start % job->n_rows))
            return 0;
    }
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
    size_t n_columns = job->layout ? job->layout->n_cells / job->n_all : job->n_in; /* without blanks */
    size_t of_step = n_columns * job->n_rows * job->n_out, of_all = of_step * job->n_steps;
    size_t n_worth = 1 + smaller(of_step / PRODUCTS_OF_A_STEP, of_all / PRODUCTS_OF_A_THREAD);
    return smaller(n_threads, n_worth);
}

static PyObject *compute(PyObject *Py_UNUSED(self), PyObject *args)
{
    Call call = {0};
    Job *job = &call.job;
    Py_buffer *arrays = call.arrays;
    const Set *set = choose_set();
    if (!PyArg_ParseTuple(args, "(y*dO)(y*y*)(z*z*)z*w*ni(ddd)(z*z*)", &arrays[X], &job->scale,
                          &call.layout, &arrays[W], &arrays[B], &arrays[Y], &arrays[WEIGHTS],
                          &arrays[STARTS], &arrays[OUT], &call.n_rows, &call.n_threads, &job->rate,
                          &job->l2, &job->momentum, &arrays[VELOCITY_OF_W], &arrays[VELOCITY_OF_B]))
        return NULL;
    job->costs = arrays[OUT].buf;
    job->classes = arrays[OUT].buf;
    job->is_step = !isnan(job->rate);
    if (call.layout != Py_None)
        job->layout = PyCapsule_GetPointer(call.layout, LAYOUT);
    if (!PyErr_Occurred() && !measure(&call))
        PyErr_SetString(PyExc_ValueError, "x, W, b, y, weights, velocities, starts, n_rows and the "
                                          "layout do not go together");
    if (!PyErr_Occurred()) {
        int has_memory = 0;
        job->loops = job->W_itemsize == 8 ? set->of_double : set->of_float;
        Py_BEGIN_ALLOW_THREADS
        has_memory = run_job(job, threads_for(job, (size_t)call.n_threads));
        Py_END_ALLOW_THREADS
        size_t bad = atomic_load(&job->bad_row);
        if (!has_memory)
            PyErr_NoMemory();
        else if (bad)
            PyErr_Format(PyExc_ValueError, "row %zd has the label %d: labels must be 0 to %zd",
                         (Py_ssize_t)bad - 1, (int)job->y[bad - 1], (Py_ssize_t)job->n_out - 1);
    }
    return release(&call);
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
    Py_ssize_t n_all = y->obj ? y->len / 4 : call.n_rows;
    if (call.n_rows < 1 || call.n_rows > n_all || x->len < 1 || x->len % n_all ||
        x->len / n_all > UINT16_MAX)
        PyErr_SetString(PyExc_ValueError, "x, y and n_rows do not go together");
    if (!PyErr_Occurred()) {
        Layout *layout;
        job->x = x->buf;
        job->y = y->buf;
        job->n_all = (size_t)n_all;
        job->n_rows = (size_t)call.n_rows;
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
    {"compute", compute, METH_VARARGS, NULL},
    {0},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_kernel", "kernel.h says more.", -1,
                                    functions, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__kernel(void)
{
    PyObject *self = PyModule_Create(&module);
    char names[64] = "";
    for (const Set *set = best_set(); set->name; set++)
        strcat(strcat(names, " "), set->name);
    if (self)
        PyModule_AddStringConstant(self, "instruction_sets", names);
    if (self) /* of the arguments: functions.py takes no other */
        PyModule_AddIntConstant(self, "version", 3);
#ifdef Py_GIL_DISABLED
    PyUnstable_Module_SetGIL(self, Py_MOD_GIL_NOT_USED);
#endif
    return self;
}
