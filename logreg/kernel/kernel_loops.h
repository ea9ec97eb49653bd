/* The loops over the numbers of x, for one instruction set and one pair of types;
   kernel_types.h includes this for each, after kernel_softmax.h.

   CELL      type of x
   BITS      unsigned integers of its size
   WIDEN(v)  a vector of x's numbers as one of W's
   NAME(f)   the name of f for them */

#define NAME(f) JOIN(JOIN(f, CELL), JOIN(REAL, SET))
#define IS_BYTES (sizeof(CELL) == 1)
#define VECTORS(n) (LANES < (n) ? 2 : 1) /* of n numbers, that are worked on at once */

typedef CELL NAME(cells) __attribute__((vector_size(BYTES / sizeof(REAL) * sizeof(CELL))));

INLINE VECTOR NAME(load)(const CELL *cells)
{
    NAME(cells) v;
    memcpy(&v, cells, sizeof v);
    return WIDEN(v);
}

/* Add what `n` columns bring to the scores of a panel, in some classes of a tile. The numbers of
   classes and vectors are constants for the compiler: so the inner loops are unrolled, and the sums
   are in registers. With one vector for two, the second half of the panel is left out. */
INLINE void NAME(score)(REAL *z, const CELL *x, const uint16_t *numbers, Py_ssize_t n,
                        const REAL *w, Py_ssize_t stride, int is_first, int classes, int vectors)
{
    for (int part = 0; part < PANEL / VECTORS(PANEL); part += LANES) {
        VECTOR sums[N_SUMS / VECTORS(PANEL)][VECTORS(PANEL)], v[VECTORS(PANEL)];
        REAL *to = z + part;
        UNROLLED for (int c = 0; c < classes; c++)
            for (int i = 0; i < vectors; i++)
        {
            memcpy(&sums[c][i], to + c * PANEL + i * (PANEL / 2), sizeof(VECTOR));
            sums[c][i] = is_first ? (VECTOR){0} : sums[c][i];
        }
        for (Py_ssize_t k = 0; k < n; k++) {
            const REAL *weights = w + numbers[k] * stride;
            OPAQUE(weights);
            for (int i = 0; i < vectors; i++)
                v[i] = NAME(load)(x + k * PANEL + part + i * (PANEL / 2));
            UNROLLED for (int c = 0; c < classes; c++)
            {
                VECTOR weight = ALL(weights[c]);
                for (int i = 0; i < vectors; i++)
                    sums[c][i] = FMA(v[i], weight, sums[c][i]);
            }
        }
        UNROLLED for (int c = 0; c < classes; c++)
            for (int i = 0; i < vectors; i++)
                memcpy(to + c * PANEL + i * (PANEL / 2), &sums[c][i], sizeof(VECTOR));
    }
}

/* The same in all classes, for columns from `column` on of the panels from `first` on. */
TARGET static void NAME(score_all)(const Job *job, Py_ssize_t first, Py_ssize_t n_panels,
                                   const Columns *of_panel, Py_ssize_t column)
{
    for (Py_ssize_t t = 0; t < job->n_tiles; t++) {
        Py_ssize_t stride, width = classes_of(job, t);
        const REAL *w = OF_REAL(weights_of)(job, t, &stride) + column * stride;
        Py_ssize_t n_runs = parts(width, N_SUMS / VECTORS(PANEL));
        for (Py_ssize_t p = 0; p < n_panels; p++) {
            const Columns *of = of_panel + p;
            const CELL *x = of->cells;
            REAL *z = OF_REAL(scores_of)(job, first + p, t);
            int is_half = job->n - (first + p) * PANEL <= PANEL / 2;
            for (Py_ssize_t run = 0; run < n_runs; run++) {
                Py_ssize_t c = run * width / n_runs, end = (run + 1) * width / n_runs;
                REAL *to = z + c * PANEL;
                switch (end - c) {
#define CASE(m)                                                                              \
    case m:                                                                                  \
        if (m <= N_SUMS / VECTORS(PANEL) && is_half)                                         \
            NAME(score)(to, x, of->numbers, of->n, w + c, stride, !column, m, 1);           \
        else if (m <= N_SUMS / VECTORS(PANEL))                                               \
            NAME(score)(to, x, of->numbers, of->n, w + c, stride, !column, m, VECTORS(PANEL)); \
        break;
                    ALL_CASES
#undef CASE
                }
            }
        }
    }
}

/* Task: scores of a group of panels, and what follows from them. */
TARGET static void NAME(score_panels)(const Job *job, Py_ssize_t task)
{
    const Chunk *chunk = job->chunk;
    Py_ssize_t first = task * job->group;
    Py_ssize_t n_panels = smaller(job->group, parts(job->n, PANEL) - first);
    Columns of[GROUP] = {{0}};
    if (chunk) {
        for (Py_ssize_t p = 0; p < n_panels; p++) {
            const uint32_t *at = chunk->starts + 2 * (first + p);
            of[p] = (Columns){chunk->cells + (size_t)at[0] * PANEL, chunk->numbers + at[1],
                              at[2] - at[0]};
        }
        NAME(score_all)(job, first, n_panels, of, 0);
    } else {
        BITS cells[(COLUMNS + GROUP * 16) * PANEL] __attribute__((aligned(64)));
        uint16_t numbers[COLUMNS + GROUP * 16];
        Py_ssize_t width = COLUMNS / job->group, n_in = job->n_in;
        for (Py_ssize_t k = 0; k < n_in; k += width) {
            for (Py_ssize_t p = 0; p < n_panels; p++) {
                const char *rows[PANEL];
                Py_ssize_t at = p * (width + 16);
                find_rows(job, first + p, rows);
                of[p] = (Columns){cells + at * PANEL, numbers + at, 0};
                of[p].n = JOIN(lay, BITS)(rows, k, smaller(k + width, n_in), cells + at * PANEL,
                                          numbers + at);
            }
            NAME(score_all)(job, first, n_panels, of, k);
        }
    }
    for (Py_ssize_t p = 0; p < n_panels; p++)
        OF_REAL(use_scores)(job, first + p);
}

/* Sums over rows of x times the gradient by the scores, for `size` features and some classes of a
   tile: they go on from those that are in `sums_of`, `size` for each class. The rows are all of the
   chunk, or, if `is_listed`, those that `rows` numbers, whose cells lie one after the other. */
INLINE void NAME(sum_rows)(const Job *job, const CELL *cells, const uint16_t *rows,
                           Py_ssize_t feature, Py_ssize_t n, const REAL *d, Py_ssize_t stride,
                           REAL *sums_of, int is_listed, int size, int classes)
{
    for (int part = 0; part < size; part += VECTORS(size) * LANES) {
        VECTOR sums[N_SUMS][2], v[2];
        UNROLLED for (int c = 0; c < classes; c++)
            for (int i = 0; i < VECTORS(size); i++)
        {
            memcpy(&sums[c][i], sums_of + c * size + part + i * LANES, sizeof(VECTOR));
            sums[c][i] = job->first ? sums[c][i] : (VECTOR){0};
        }
        for (Py_ssize_t k = 0; k < n; k++) {
            const CELL *x = cells + k * size + part;
            const REAL *by = d + (is_listed ? rows[k] : k) * stride;
            if (!is_listed) {
                x = (const CELL *)row_of(job, k) + feature + part;
                __builtin_prefetch((const char *)x + 12 * job->stride);
            }
            OPAQUE(by);
            for (int i = 0; i < VECTORS(size); i++)
                v[i] = NAME(load)(x + i * LANES);
            UNROLLED for (int c = 0; c < classes; c++)
            {
                VECTOR factor = ALL(by[c]);
                for (int i = 0; i < VECTORS(size); i++)
                    sums[c][i] = FMA(v[i], factor, sums[c][i]);
            }
        }
        UNROLLED for (int c = 0; c < classes; c++)
            for (int i = 0; i < VECTORS(size); i++)
                memcpy(sums_of + c * size + part + i * LANES, &sums[c][i], sizeof(VECTOR));
    }
}

/* Task: gradients by the biases, which are the first; then by the weights of some features. With
   the last chunk they are whole, and the step is taken. */
TARGET static void NAME(gradient_block)(const Job *job, Py_ssize_t task)
{
    if (task == 0) {
        OF_REAL(add_biases)(job);
        return;
    }
    const int n_features = of_task(job);
    Py_ssize_t first = (task - 1) * n_features, last = smaller(first + n_features, job->n_in);
    const Chunk *chunk = job->chunk;
    const int is_listed = IS_BYTES && chunk && chunk->lists, size = is_listed ? SPAN : 16;
    for (Py_ssize_t t = 0; t < job->n_tiles; t++) {
        Py_ssize_t width = classes_of(job, t), n_runs = parts(width, N_SUMS / VECTORS(size));
        const REAL *d = OF_REAL(gradients_of)(job, t);
        for (Py_ssize_t k = first; k < last; k += size) {
            REAL *sums = OF_REAL(sums_of)(job, t) + k * width;
            Py_ssize_t at = is_listed ? chunk->lists[k / SPAN] : 0;
            Py_ssize_t n = is_listed ? chunk->lists[k / SPAN + 1] - at : job->n;
            for (Py_ssize_t run = 0; run < n_runs; run++) {
                Py_ssize_t c = run * width / n_runs, end = (run + 1) * width / n_runs;
                switch (end - c) {
#define CASE(m)                                                                              \
    case m:                                                                                  \
        if (m <= N_SUMS / VECTORS(SPAN) && is_listed)                                        \
            NAME(sum_rows)(job, (const CELL *)chunk->ink + at * SPAN, chunk->rows + at, 0, n, \
                           d + c, width, sums + c * SPAN, 1, SPAN, m);                       \
        else if (m <= N_SUMS / VECTORS(16))                                                  \
            NAME(sum_rows)(job, NULL, NULL, k, n, d + c, width, sums + c * 16, 0, 16, m);    \
        break;
                    ALL_CASES
#undef CASE
                }
            }
            if (job->first + job->n == job->n_rows)
                OF_REAL(descend)(job, t, k, smaller(size, last - k), sums, size);
        }
    }
}

#undef NAME
#undef IS_BYTES
#undef VECTORS
#undef CELL
#undef BITS
#undef WIDEN
