/* The loops over the numbers of panels, for one instruction set and one pair of types;
   kernel_types.h includes this for each, after kernel_softmax.h.

   CELL      type of x
   WIDEN(v)  a vector of x's numbers as one of W's
   NAME(f)   the name of f for them */

#define NAME(f) JOIN(JOIN(f, CELL), JOIN(REAL, SET))
#define TWO (LANES < PANEL ? 2 : 1) /* vectors that are worked on at once, PANEL / 2 rows apart */
#define WIDTH (N_SUMS / TWO)        /* classes */

typedef CELL NAME(cells) __attribute__((vector_size(BYTES / sizeof(REAL) * sizeof(CELL))));
typedef REAL NAME(folded) __attribute__((vector_size(BYTES * TWO / 2)));

INLINE VECTOR NAME(load)(const CELL *cells)
{
    NAME(cells) v;
    memcpy(&v, cells, sizeof v);
    return WIDEN(v);
}

/* Scores of a panel of `n` columns in the classes of a tile, whose number is a constant for the
   compiler: so the inner loops are unrolled, and the sums are in registers. If `two` is 1, the
   second half of the panel is left out: it has no rows. */
INLINE void NAME(score)(const Job *job, Py_ssize_t panel, const CELL *x, const uint32_t *columns,
                        Py_ssize_t n, Py_ssize_t tile, int classes, int two)
{
    REAL *z = OF_REAL(scores_of)(job, panel, tile);
    const REAL *w = (const REAL *)job->w + job->tiles[tile];
    const REAL *b = (const REAL *)job->b + job->tiles[tile];
    const REAL scale = (REAL)job->scale;
    const Py_ssize_t n_out = job->n_out;
    for (int part = 0; part < PANEL / 2; part += LANES) {
        VECTOR sums[WIDTH][TWO], v[TWO];
        UNROLLED for (int c = 0; c < classes; c++)
            UNROLLED for (int r = 0; r < two; r++) sums[c][r] = (VECTOR){0};
        for (Py_ssize_t i = 0; i < n; i++) {
            const REAL *weights = w + columns[i] * n_out;
            UNROLLED for (int r = 0; r < two; r++)
                v[r] = NAME(load)(x + i * PANEL + part + r * (PANEL / 2));
            UNROLLED for (int c = 0; c < classes; c++)
            {
                VECTOR weight = ALL(weights[c]);
                UNROLLED for (int r = 0; r < two; r++) sums[c][r] = FMA(v[r], weight, sums[c][r]);
            }
        }
        UNROLLED for (int c = 0; c < classes; c++)
            UNROLLED for (int r = 0; r < TWO; r++)
        {
            VECTOR score = r < two ? FMA(sums[c][r], ALL(scale), ALL(b[c])) : (VECTOR){0};
            memcpy(z + c * PANEL + part + r * (PANEL / 2), &score, sizeof score);
        }
    }
}

/* Task: scores of a panel of rows, and what follows from them. */
TARGET static void NAME(score_panel)(const Job *job, Py_ssize_t panel)
{
    if (!job->layout)
        lay_panel(job, panel);
    const Chunk *chunk = &job->chunk;
    const CELL *x = (const CELL *)chunk->x + (size_t)chunk->starts[panel] * PANEL;
    const uint32_t *columns = chunk->columns + (chunk->is_dense ? 0 : chunk->starts[panel]);
    Py_ssize_t n = chunk->ends[panel] - chunk->starts[panel];
    int two = job->n - panel * PANEL > PANEL / 2 ? 2 : 1;
    for (Py_ssize_t t = 0; t < job->n_tiles; t++)
        switch (job->tiles[t + 1] - job->tiles[t]) {
#define CASE(m)                                                \
    case m:                                                    \
        if (m <= WIDTH && two >= TWO)                          \
            NAME(score)(job, panel, x, columns, n, t, m, TWO); \
        else if (m <= WIDTH)                                   \
            NAME(score)(job, panel, x, columns, n, t, m, 1);   \
        break;
            ALL_CASES
#undef CASE
        }
    OF_REAL(use_scores)(job, panel);
}

/* Gradients by the weights of some features, at most BLOCK, and of the classes of a tile. The
   columns' entries go from `entry` to `last`; of dense panels, they are those of each of `n_shifts`
   columns, from the one after `shift` others. */
INLINE void NAME(gradients)(const Job *job, Py_ssize_t shift, Py_ssize_t n_shifts,
                            const uint32_t *entry, const uint32_t *last, Py_ssize_t tile,
                            int classes)
{
    const REAL *dz = OF_REAL(scores_of)(job, 0, tile);
    const CELL *x = (const CELL *)job->chunk.x + shift * PANEL;
    const uint32_t *columns = job->chunk.columns + shift, *end = entry;
    REAL lanes[BLOCK * WIDTH + 3][PANEL / 2], sums_of[BLOCK * WIDTH + 3];
    REAL *dw = (REAL *)job->dw + job->tiles[tile];
    uint32_t features[BLOCK];
    int n = 0;
    for (; n_shifts-- > 0; x += PANEL, columns++)
        for (const uint32_t *e = entry; e < last; e = end, n++) {
            features[n] = columns[*e >> 7];
            for (int part = 0; part < PANEL / 2; part += LANES) {
                VECTOR sums[WIDTH][TWO], v[TWO], d;
                UNROLLED for (int c = 0; c < classes; c++)
                    UNROLLED for (int r = 0; r < TWO; r++) sums[c][r] = (VECTOR){0};
                end = e;
                do {
                    const CELL *cells = x + (size_t)(*end >> 7) * PANEL + part;
                    const REAL *by = dz + (*end >> 1 & 63) * (classes * PANEL) + part;
                    UNROLLED for (int r = 0; r < TWO; r++)
                        v[r] = NAME(load)(cells + r * (PANEL / 2));
                    UNROLLED for (int c = 0; c < classes; c++)
                        UNROLLED for (int r = 0; r < TWO; r++)
                    {
                        memcpy(&d, by + c * PANEL + r * (PANEL / 2), sizeof d);
                        sums[c][r] = FMA(v[r], d, sums[c][r]);
                    }
                } while (!(*end++ & 1));
                UNROLLED for (int c = 0; c < classes; c++)
                {
                    NAME(folded) halves[2];
                    memcpy(halves, sums[c], sizeof halves);
                    halves[0] += halves[1];
                    memcpy(lanes[n * classes + c] + part, halves, sizeof *halves);
                }
            }
        }
    OF_REAL(fold)(lanes, sums_of, n * classes);
    for (int i = 0; i < n; i++)
        OF_REAL(add)(dw + features[i] * job->n_out, sums_of + i * classes, classes);
}

/* Task: gradients by the biases, which are the first; then by the weights of some features. With
   the last chunk they are whole, and the step is taken. */
TARGET static void NAME(gradient_block)(const Job *job, Py_ssize_t task)
{
    if (task == 0) {
        OF_REAL(add_biases)(job);
        return;
    }
    Py_ssize_t first = (task - 1) * BLOCK, n_features = smaller(BLOCK, job->n_in - first);
    int is_dense = job->chunk.is_dense;
    Py_ssize_t shift = is_dense ? first : 0, n_shifts = is_dense ? n_features : 1;
    uint32_t made[BLOCK * PANELS + 1];
    const uint32_t *last, *entry = entries_of(job, task - 1, made, &last);
    if (!job->first)
        memset((REAL *)job->dw + first * job->n_out, 0, n_features * job->n_out * sizeof(REAL));
    for (Py_ssize_t t = 0; t < job->n_tiles; t++)
        switch (job->tiles[t + 1] - job->tiles[t]) {
#define CASE(m)                                                                               \
    case m:                                                                                   \
        if (m <= WIDTH)                                                                       \
            NAME(gradients)(job, shift, n_shifts, entry, last, t, m);                         \
        break;
            ALL_CASES
#undef CASE
        }
    if (job->first + job->n == job->n_rows)
        OF_REAL(descend)(job, first, n_features);
}

#undef NAME
#undef TWO
#undef WIDTH
#undef CELL
#undef WIDEN
