/* The loops for one instruction set and one pair of types; kernel.c includes this for each.

   CELL         type of x
   REAL, INT    type of W, b, scores and gradients, and the integer of its size
   BYTES, ROWS  bytes of a vector, and how many of them a tile has beside its classes
   TARGET       the instructions that the compiler may use; NAME(f) is the name of f for them */

#define LANES ((int)(BYTES / sizeof(REAL)))
#define VECTOR NAME(vector)
#define CELLS NAME(cells)
#define ROW(what, class) ((REAL *)job->what + (class) * job->width)
#define INLINE static inline __attribute__((always_inline)) TARGET

typedef REAL VECTOR __attribute__((vector_size(BYTES)));
typedef REAL NAME(quad) __attribute__((vector_size(16)));
typedef int32_t NAME(ints) __attribute__((vector_size(BYTES / sizeof(REAL) * 4)));
typedef CELL CELLS __attribute__((vector_size(BYTES / sizeof(REAL) * sizeof(CELL))));

/* Task: W of some features as a row of numbers for each class, and scaled; 0 beyond the last. */
TARGET static void NAME(lay_out)(const Job *job, Py_ssize_t task)
{
    Py_ssize_t first = task * FEATURES, n_in = job->n_in, n_out = job->n_out;
    Py_ssize_t last = n_in - first < FEATURES ? n_in : first + FEATURES;
    const REAL *w = job->w, scale = (REAL)job->scale;
    for (Py_ssize_t j = 0; j < n_out; j++) {
        REAL *row = ROW(rows, j), *scaled = ROW(scaled, j);
        for (Py_ssize_t k = first; k < last; k++)
            scaled[k] = (row[k] = w[k * n_out + j]) * scale;
        for (Py_ssize_t k = n_in; k < job->width && last == n_in; k++)
            scaled[k] = row[k] = 0;
    }
}

/* Task: of some features, what there is as rows for the classes: W after the steps, or gradients. */
TARGET static void NAME(lay_back)(const Job *job, Py_ssize_t task)
{
    Py_ssize_t first = task * FEATURES, n_in = job->n_in, n_out = job->n_out;
    Py_ssize_t last = n_in - first < FEATURES ? n_in : first + FEATURES;
    for (Py_ssize_t j = 0; j < n_out; j++) {
        const REAL *row = job->rate ? ROW(rows, j) : ROW(dw, j);
        for (Py_ssize_t k = first; k < last; k++)
            ((REAL *)job->out)[k * n_out + j] = row[k];
    }
}

/* `n` cells, LANES of them but at the end of a row, beyond which nothing is read. */
INLINE VECTOR NAME(load)(const char *cell, Py_ssize_t n)
{
    CELLS cells = {0};
    if (n == LANES)
        memcpy(&cells, cell, sizeof cells);
    else
        memcpy(&cells, cell, n * sizeof(CELL));
    return WIDEN(cells, VECTOR);
}

INLINE REAL NAME(sum)(VECTOR v)
{
    NAME(quad) parts[BYTES / 16];
    memcpy(parts, &v, sizeof v);
    for (int i = 1; i < BYTES / 16; i++)
        parts[0] += parts[i];
    REAL sum = 0;
    for (int i = 0; i < (int)(16 / sizeof(REAL)); i++)
        sum += parts[0][i];
    return sum;
}

/* Whether `n` cells, a power of 2, are bytes of 0, as most at the edges of a picture are: their
   products are left out, which changes no sum of finite numbers. */
INLINE int NAME(are_zero)(const char *x, int n)
{
    uint64_t all = sizeof(CELL) > 1, word = 0;
    int size = n < 8 ? n : 8;
    UNROLLED for (int i = 0; i < n; i += size)
    {
        memcpy(&word, x + i, size);
        all |= word;
    }
    return !all;
}

/* Add the products of `n` features from k on to the sums of `rows` rows and `classes` classes.
   What comes in as a constant is one: these loops are unrolled, and the sums are in registers. */
INLINE void NAME(add_products)(const Job *job, const char *x, const REAL *w, Py_ssize_t n, int rows,
                               int classes, VECTOR sums[ROWS][TILE])
{
    VECTOR cells[ROWS];
    for (int r = 0; r < rows; r++)
        cells[r] = NAME(load)(x + r * job->stride, n);
    UNROLLED for (int c = 0; c < classes; c++)
    {
        /* volatile: gcc would load it for each row anew, and the loads would take the time */
        VECTOR weights = *(const volatile VECTOR *)(w + c * job->width);
        UNROLLED for (int r = 0; r < rows; r++) sums[r][c] += cells[r] * weights;
    }
}

/* Scores of `rows` rows in `classes` classes from j on. */
INLINE void NAME(score_tile)(const Job *job, const char *x, int j, REAL *z, int rows, int classes)
{
    const REAL *w = ROW(scaled, (Py_ssize_t)j);
    VECTOR sums[ROWS][TILE] = {{{0}}};
    Py_ssize_t whole = job->n_in / LANES * LANES, k = 0, last = whole;
    const char *lower = x + (rows - 1) * job->stride; /* of two rows, or the same */
    while (k < last && NAME(are_zero)(x + k, LANES) && NAME(are_zero)(lower + k, LANES))
        k += LANES;
    for (; k < last; last -= LANES)
        if (!NAME(are_zero)(x + last - LANES, LANES) || !NAME(are_zero)(lower + last - LANES, LANES))
            break;
    for (; k < last; k += LANES)
        NAME(add_products)(job, x + k * sizeof(CELL), w + k, LANES, rows, classes, sums);
    if (whole < job->n_in)
        NAME(add_products)(job, x + whole * sizeof(CELL), w + whole, job->n_in - whole, rows,
                           classes, sums);
    UNROLLED for (int r = 0; r < rows; r++)
        UNROLLED for (int c = 0; c < classes; c++)
            z[r * job->n_out + j + c] = NAME(sum)(sums[r][c]) + ((const REAL *)job->b)[j + c];
}

INLINE void NAME(score_rows)(const Job *job, const char *x, REAL *z, int rows)
{
    int j = 0, n = job->n_out;
    for (; n - j >= 10; j += 10)
        NAME(score_tile)(job, x, j, z, rows, 10);
    for (; n - j >= 4; j += 4)
        NAME(score_tile)(job, x, j, z, rows, 4);
    for (; n - j >= 1; j += 1)
        NAME(score_tile)(job, x, j, z, rows, 1);
}

/* e to the v for v <= 0: 2^n times the Taylor series over |r| <= ln(2) / 2, exact to the last bit
   or two. NaN stays NaN. */
INLINE REAL NAME(exponential)(REAL v)
{
    const int is_float = sizeof(REAL) == 4;
    const REAL lowest = is_float ? -87 : -708;
    const REAL ln2_high = is_float ? 0.693359375 : 0.693145751953125; /* n times it is exact */
    const REAL ln2_low = is_float ? -2.12194440e-4 : 1.42860682030941723212e-6;
    REAL u = v > lowest ? v : lowest;
    INT n = (INT)(u * (REAL)1.4426950408889634 - (REAL)0.5), bits;
    REAL r = u - n * ln2_high - n * ln2_low, power, series = 1;
    for (int i = is_float ? 7 : 13; i > 0; i--)
        series = series * r * (REAL)(1.0 / i) + 1;
    bits = is_float ? (n + 127) << 23 : (INT)((n + INT64_C(1023)) << 52);
    memcpy(&power, &bits, sizeof power);
    return v > lowest ? series * power : v == v ? 0 : v;
}

/* From scores to the gradient by them, in place; the loss of each row beside it. */
INLINE void NAME(softmax_rows)(const Job *job, Py_ssize_t i, REAL *z, Py_ssize_t rows)
{
    int n = job->n_out;
    REAL *loss = (REAL *)job->losses + i;
    for (Py_ssize_t r = 0; r < rows; r++) {
        REAL *row = z + r * n, highest = row[0];
        for (int j = 1; j < n; j++)
            highest = row[j] > highest ? row[j] : highest;
        for (int j = 0; j < n; j++)
            row[j] -= highest;
        loss[r] = -row[job->y[i + r]];
    }
    for (Py_ssize_t k = 0; k < rows * n; k++)
        z[k] = NAME(exponential)(z[k]);
    for (Py_ssize_t r = 0; r < rows; r++) {
        REAL *row = z + r * n, sum = 0, weight = job->weights ? ((REAL *)job->weights)[job->y[i + r]] : 1;
        for (int j = 0; j < n; j++)
            sum += row[j];
        loss[r] = weight * (loss[r] + (sizeof(REAL) == 4 ? logf(sum) : (REAL)log(sum)));
        weight /= job->n_rows;
        REAL factor = weight / sum;
        for (int j = 0; j < n; j++)
            row[j] *= factor;
        row[job->y[i + r]] -= weight;
    }
}

/* Task: scores of a panel of rows, and what follows from them. */
TARGET static void NAME(score_panel)(const Job *job, Py_ssize_t task)
{
    Py_ssize_t i = job->first + task * PANEL, last = i + PANEL < job->last ? i + PANEL : job->last;
    REAL *z = (REAL *)job->z + (i - job->z_first) * job->n_out, *row = z;
    const char *x = job->x + i * job->stride;
    Py_ssize_t rows = last - i;
    /* Short rows are over before the processor foresees the next: they are asked for. */
    Py_ssize_t n_bytes = job->stride <= 8192 ? ROWS * job->stride : 0;
    for (; rows >= ROWS; rows -= ROWS, x += ROWS * job->stride, row += ROWS * job->n_out) {
        for (Py_ssize_t byte = 0; byte < n_bytes; byte += 64)
            __builtin_prefetch(x + job->ahead + byte, 0, 2);
        NAME(score_rows)(job, x, row, ROWS);
    }
    for (; rows > 0; rows--, x += job->stride, row += job->n_out)
        NAME(score_rows)(job, x, row, 1);
    if (job->y)
        NAME(softmax_rows)(job, i, z, last - i);
    for (; job->classes && i < last; i++, z += job->n_out) {
        int best = 0;
        for (int j = 1; j < job->n_out && z[best] == z[best]; j++) /* the first NaN, as in NumPy */
            best = z[j] <= z[best] ? best : j;
        job->classes[i] = best;
    }
}

/* Gradients of `n` features from k on, `vectors` vectors of them, in `classes` classes from j on. */
INLINE void NAME(gradient_tile)(const Job *job, Py_ssize_t k, Py_ssize_t n, int j, int vectors,
                                int classes)
{
    VECTOR sums[ROWS][TILE] = {{{0}}};
    const char *x = job->x + job->first * job->stride + k * sizeof(CELL);
    const REAL *dz = (const REAL *)job->z + j;
    for (Py_ssize_t i = job->first; i < job->last; i++, x += job->stride, dz += job->n_out) {
        VECTOR cells[ROWS];
        if (vectors > 1 && NAME(are_zero)(x, vectors * LANES))
            continue;
        for (int v = 0; v < vectors; v++)
            cells[v] = NAME(load)(x + v * sizeof(CELLS), vectors > 1 ? LANES : n);
        UNROLLED for (int c = 0; c < classes; c++)
            UNROLLED for (int v = 0; v < vectors; v++) sums[v][c] += cells[v] * dz[c];
    }
    UNROLLED for (int c = 0; c < classes; c++)
        UNROLLED for (int v = 0; v < vectors; v++)
    {
        REAL *dw = ROW(dw, (Py_ssize_t)j + c) + k + v * LANES;
        VECTOR sum = sums[v][c] * (REAL)job->scale, before;
        memcpy(&before, dw, sizeof before);
        sum = job->first ? before + sum : sum;
        memcpy(dw, &sum, sizeof sum);
    }
}

INLINE void NAME(gradient_columns)(const Job *job, Py_ssize_t k, Py_ssize_t n, int vectors)
{
    int j = 0, n_out = job->n_out;
    for (; n_out - j >= 10; j += 10)
        NAME(gradient_tile)(job, k, n, j, vectors, 10);
    for (; n_out - j >= 4; j += 4)
        NAME(gradient_tile)(job, k, n, j, vectors, 4);
    for (; n_out - j >= 1; j += 1)
        NAME(gradient_tile)(job, k, n, j, vectors, 1);
}

/* A step of descent: `n` numbers less `rate` times their gradients. They are two loops so that the
   product is rounded, too. */
INLINE void NAME(descend)(const Job *job, REAL *restrict w, REAL *restrict gradient,
                          REAL *restrict scaled, Py_ssize_t n)
{
    const REAL rate = (REAL)job->rate, scale = (REAL)job->scale;
    for (Py_ssize_t i = 0; i < n; i++)
        gradient[i] *= rate;
    for (Py_ssize_t i = 0; i < n; i++)
        w[i] -= gradient[i];
    for (Py_ssize_t i = 0; i < n && scaled; i++)
        scaled[i] = w[i] * scale;
}

/* Task: gradients by the biases, which are the first; then by the weights of some features. With
   the last of the rows they are whole, and the step is taken. */
TARGET static void NAME(gradient_slice)(const Job *job, Py_ssize_t task)
{
    int is_step = job->rate && job->last == job->n_rows;
    if (task == 0) {
        REAL *db = job->db;
        const REAL *dz = job->z;
        for (int j = 0; j < job->n_out && !job->first; j++)
            db[j] = 0;
        for (Py_ssize_t i = job->first; i < job->last; i++, dz += job->n_out)
            for (int j = 0; j < job->n_out; j++)
                db[j] += dz[j];
        if (is_step)
            NAME(descend)(job, job->b, db, NULL, job->n_out);
        return;
    }
    Py_ssize_t first = (task - 1) * ROWS * LANES, k = first, n = job->n_in - k;
    if (n >= ROWS * LANES)
        NAME(gradient_columns)(job, k, ROWS * LANES, ROWS);
    else
        for (; n >= LANES; n -= LANES, k += LANES)
            NAME(gradient_columns)(job, k, LANES, 1);
    if (n > 0 && n < LANES)
        NAME(gradient_columns)(job, k, n, 1);
    n = job->width - first < ROWS * LANES ? job->width - first : ROWS * LANES;
    for (Py_ssize_t j = 0; j < job->n_out && is_step; j++)
        NAME(descend)(job, ROW(rows, j) + first, ROW(dw, j) + first, ROW(scaled, j) + first, n);
}

#undef ROW
#undef LANES
#undef VECTOR
#undef CELLS
#undef INLINE
