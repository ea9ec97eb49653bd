/* The loops for one instruction set and one pair of types; kernel.c includes this for each.

   CELL       type of x
   REAL, INT  type of W, b, scores and gradients, and the unsigned integer of its size
   BYTES      size of a vector
   SUMS       how many sums there are registers for
   TARGET     the instructions that the compiler may use; NAME(f) is the name of f for them

   A lane of a vector is a row of a panel. Each sum is made in one order, whatever the size of a
   vector, with FMA, which rounds once: so the bits are the same for all sets that have it. */

#define LANES ((int)(BYTES / sizeof(REAL)))
#define PARTS (PANEL / LANES) /* vectors that a panel's column fills */
#define TWO (PARTS < 2 ? 1 : 2)
#define VECTOR NAME(vector)
#define INTS NAME(ints)
#define QUAD NAME(quad)
#define QUAD_INTS NAME(quad_ints)
#define FOUR ((int)(16 / sizeof(REAL)))
#define INLINE static inline __attribute__((always_inline)) TARGET
#define FMA(a, b, c) FUSED(REAL)(a, b, c)
#define ALL(x) ((x) - (VECTOR){0}) /* a number in all lanes */
#define SELECT(mask, a, b) ((VECTOR)(((INTS)(a) & (INTS)(mask)) | ((INTS)(b) & ~(INTS)(mask))))

typedef REAL VECTOR __attribute__((vector_size(BYTES)));
typedef INT INTS __attribute__((vector_size(BYTES)));
typedef CELL NAME(cells) __attribute__((vector_size(BYTES / sizeof(REAL) * sizeof(CELL))));
typedef int32_t NAME(wider) __attribute__((vector_size(BYTES / sizeof(REAL) * 4)));
typedef REAL QUAD __attribute__((vector_size(16)));
typedef INT QUAD_INTS __attribute__((vector_size(16)));
#if BYTES == 16
#define FOLDED QUAD
#define FOLDED_INTS QUAD_INTS
#else
#define FOLDED NAME(folded)
#define FOLDED_INTS NAME(folded_ints)
typedef REAL FOLDED __attribute__((vector_size(32)));
typedef INT FOLDED_INTS __attribute__((vector_size(32)));
#endif
#if BYTES == 16 && SIZE == 4
#define EVEN 0, 4, 1, 5
#define ODD 2, 6, 3, 7
#define LEFT 0, 1, 4, 5
#define RIGHT 2, 3, 6, 7
#elif SIZE == 4
#define EVEN 0, 8, 1, 9, 4, 12, 5, 13
#define ODD 2, 10, 3, 11, 6, 14, 7, 15
#define LEFT 0, 1, 8, 9, 4, 5, 12, 13
#define RIGHT 2, 3, 10, 11, 6, 7, 14, 15
#elif BYTES == 16
#define EVEN 0, 2
#define ODD 1, 3
#else
#define EVEN 0, 4, 2, 6
#define ODD 1, 5, 3, 7
#endif

INLINE VECTOR NAME(load)(const CELL *cells)
{
    NAME(cells) v;
    memcpy(&v, cells, sizeof v);
    return WIDEN(v);
}

/* Where the scores of a panel in the classes of a tile are, PANEL of them for each class. */
INLINE REAL *NAME(scores_of)(const Job *job, Py_ssize_t panel, Py_ssize_t tile)
{
    Py_ssize_t j = job->tiles[tile], n = job->tiles[tile + 1] - j;
    return (REAL *)job->z + (j * job->max_panels + panel * n) * PANEL;
}

/* Task: W of some features, scaled, tile after tile of the classes. */
TARGET static void NAME(lay_weights)(const Job *job, Py_ssize_t block)
{
    Py_ssize_t last = smaller((block + 1) * BLOCK, job->n_in);
    const REAL *w = job->w;
    REAL scale = (REAL)job->scale, *scaled = job->scaled;
    for (Py_ssize_t t = 0; t < job->n_tiles; t++) {
        Py_ssize_t j = job->tiles[t], n = job->tiles[t + 1] - j;
        for (Py_ssize_t k = block * BLOCK; k < last; k++)
            for (Py_ssize_t c = 0; c < n; c++)
                scaled[j * job->n_in + k * n + c] = w[k * job->n_out + j + c] * scale;
    }
}

/* Scores of `parts` vectors of rows in `classes` classes: what comes in as a constant is one, so
   the loops are unrolled, and the sums are in registers. */
INLINE void NAME(score)(const CELL *x, const uint32_t *columns, Py_ssize_t n, const REAL *w,
                        Py_ssize_t stride, const REAL *b, REAL *z, int parts, int classes)
{
    VECTOR sums[SUMS][2], v[2];
    UNROLLED for (int c = 0; c < classes; c++)
        UNROLLED for (int r = 0; r < parts; r++) sums[c][r] = ALL(b[c]);
    for (Py_ssize_t i = 0; i < n; i++, x += PANEL) {
        const REAL *weights = w + columns[i] * stride;
        UNROLLED for (int r = 0; r < parts; r++) v[r] = NAME(load)(x + r * LANES);
        UNROLLED for (int c = 0; c < classes; c++)
        {
            VECTOR weight = ALL(weights[c]);
            UNROLLED for (int r = 0; r < parts; r++) sums[c][r] = FMA(v[r], weight, sums[c][r]);
        }
    }
    UNROLLED for (int c = 0; c < classes; c++)
        UNROLLED for (int r = 0; r < parts; r++)
            memcpy(z + c * PANEL + r * LANES, &sums[c][r], sizeof(VECTOR));
}

/* e to the v for v <= 0: 2^n times the Taylor series over |r| <= ln(2) / 2, exact to the last bit
   or two. NaN stays NaN. */
INLINE VECTOR NAME(exponential)(VECTOR v)
{
    const int is_float = sizeof(REAL) == 4, mantissa = is_float ? 23 : 52;
    const REAL lowest = is_float ? -87 : -708;
    const REAL ln2_high = is_float ? 0.693359375 : 0.693145751953125; /* n times it is exact */
    const REAL ln2_low = is_float ? -2.12194440e-4 : 1.42860682030941723212e-6;
    const REAL inverse_factorials[] = {1, 1, 1 / 2., 1 / 6., 1 / 24., 1 / 120., 1 / 720., 1 / 5040.,
                                       1 / 40320., 1 / 362880., 1 / 3628800., 1 / 39916800.,
                                       1 / 479001600., 1 / 6227020800.};
    const REAL round = is_float ? 12582912 : 6755399441055744; /* n is in the lowest bits of the sum */
    INTS is_in_range = (INTS)(v > lowest);
    VECTOR u = SELECT(is_in_range, v, ALL(lowest));
    VECTOR sum = FMA(u, ALL((REAL)1.4426950408889634), ALL(round)), n = sum - round;
    VECTOR r = FMA(n, ALL(-ln2_low), FMA(n, ALL(-ln2_high), u));
    VECTOR series = ALL(inverse_factorials[is_float ? 7 : 13]);
    UNROLLED for (int i = is_float ? 6 : 12; i >= 0; i--)
        series = FMA(series, r, ALL(inverse_factorials[i]));
    INTS power = ((INTS)sum + (is_float ? 127 : 1023)) << mantissa;
    return SELECT(is_in_range | (INTS)(v != v), series * (VECTOR)power + (v - v), (VECTOR){0});
}

/* The logarithm of numbers that are 1 or larger, by two steps of Halley's from the exponent. */
INLINE VECTOR NAME(logarithm)(VECTOR v)
{
    const int is_float = sizeof(REAL) == 4;
    const REAL unit = is_float ? 8.262958e-8 : 1.5390546678183e-16; /* ln(2) / 2^mantissa */
    INTS above = (INTS)v - (INTS)ALL((REAL)1);
    VECTOR y = __builtin_convertvector((__typeof__(v > v))above, VECTOR) * unit;
    for (int i = 0; i < 2; i++) {
        VECTOR ratio = v * NAME(exponential)(-y);
        y += 2 * (ratio - 1) / (ratio + 1);
    }
    return y;
}

/* From a panel's scores to the gradient by them, in place; the loss of each row beside it. */
INLINE void NAME(softmax)(const Job *job, Py_ssize_t panel)
{
    Py_ssize_t first = panel * PANEL;
    INT labels[PANEL];
    REAL weights[PANEL];
    for (int i = 0; i < PANEL; i++) {
        int is_row = first + i < job->n;
        int32_t label = is_row ? job->labels[first + i] : -1;
        labels[i] = (INT)label;
        weights[i] = !is_row ? 0 : job->weights ? ((const REAL *)job->weights)[label] : 1;
    }
    for (int part = 0; part < PARTS; part++) {
        INTS label;
        VECTOR weight, highest = ALL(-(REAL)INFINITY), sum = {0}, own = {0}, z;
        memcpy(&label, labels + part * LANES, sizeof label);
        memcpy(&weight, weights + part * LANES, sizeof weight);
#define FOR_CLASSES                                                                  \
    for (Py_ssize_t t = 0, c = 0; t < job->n_tiles; t++)                             \
        for (REAL *at = NAME(scores_of)(job, panel, t) + part * LANES;               \
             c < job->tiles[t + 1]; c++, at += PANEL)
        FOR_CLASSES
        {
            memcpy(&z, at, sizeof z);
            highest = SELECT(z > highest, z, highest);
        }
        FOR_CLASSES
        {
            memcpy(&z, at, sizeof z);
            z -= highest;
            own = SELECT(label == (INT)c, z, own);
            z = NAME(exponential)(z);
            sum += z;
            memcpy(at, &z, sizeof z);
        }
        VECTOR loss = weight * (NAME(logarithm)(sum) - own);
        memcpy((REAL *)job->losses + job->first + first + part * LANES, &loss, sizeof loss);
        weight /= (REAL)job->n_rows;
        VECTOR factor = weight / sum;
        FOR_CLASSES
        {
            memcpy(&z, at, sizeof z);
            z = z * factor - SELECT(label == (INT)c, weight, (VECTOR){0});
            memcpy(at, &z, sizeof z);
        }
    }
}

/* The class of the largest score of each row of a panel: the first of several, or the first NaN. */
INLINE void NAME(best_classes)(const Job *job, Py_ssize_t panel, INT best[PANEL])
{
    for (int part = 0; part < PARTS; part++) {
        VECTOR highest = ALL(-(REAL)INFINITY), z;
        INTS class = {0};
        FOR_CLASSES
        {
            memcpy(&z, at, sizeof z);
            INTS is_better = ~(INTS)(z <= highest) & (INTS)(highest == highest);
            highest = SELECT(is_better, z, highest);
            class = (class & ~is_better) | (((INTS){0} + (INT)c) & is_better);
        }
        memcpy(best + part * LANES, &class, sizeof class);
    }
}

/* Task: scores of a panel of rows, and what follows from them. */
TARGET static void NAME(score_panel)(const Job *job, Py_ssize_t panel)
{
    if (!job->layout || !job->layout->chunks)
        lay_panel(job, panel);
    const Chunk *chunk = &job->chunk;
    const CELL *x = (const CELL *)chunk->x + (size_t)chunk->starts[panel] * PANEL;
    const uint32_t *columns = chunk->is_dense ? chunk->columns : chunk->columns + chunk->starts[panel];
    Py_ssize_t n = chunk->ends[panel] - chunk->starts[panel];
    for (Py_ssize_t t = 0; t < job->n_tiles; t++) {
        Py_ssize_t j = job->tiles[t], stride = job->tiles[t + 1] - j;
        int n_parts = (int)(stride * TWO + SUMS - 1) / SUMS;
        for (int part = 0; part < n_parts; part++) {
            int c = (int)stride * part / n_parts, classes = (int)stride * (part + 1) / n_parts - c;
            const REAL *w = (const REAL *)job->scaled + j * job->n_in + c;
            const REAL *b = (const REAL *)job->b + j + c;
            REAL *z = NAME(scores_of)(job, panel, t) + c * PANEL;
            for (int r = 0; r < PARTS; r += TWO)
                switch (classes) {
#define CASE(m)                                                                                  \
    case m:                                                                                      \
        if (m * TWO <= SUMS)                                                                     \
            NAME(score)(x + r * LANES, columns, n, w, stride, b, z + r * LANES, TWO, m);         \
        break;
                    ALL_CASES
#undef CASE
                }
        }
    }
    if (job->labels) {
        NAME(softmax)(job, panel);
        return;
    }
    Py_ssize_t n_rows = smaller(job->n - panel * PANEL, PANEL), first = job->first + panel * PANEL;
    if (job->classes) {
        INT best[PANEL];
        NAME(best_classes)(job, panel, best);
        for (Py_ssize_t i = 0; i < n_rows; i++)
            job->classes[first + i] = (int64_t)best[i];
        return;
    }
    for (Py_ssize_t t = 0, c = 0; t < job->n_tiles; t++)
        for (const REAL *z = NAME(scores_of)(job, panel, t); c < job->tiles[t + 1]; c++, z += PANEL)
            for (Py_ssize_t i = 0; i < n_rows; i++)
                ((REAL *)job->out)[(first + i) * job->n_out + c] = z[i];
}

/* The sums of PANEL lanes of several classes: lanes i and i + 8 are added, and so on until 32 bytes
   are left; then within 16 bytes, and these. */
INLINE void NAME(fold)(VECTOR sums[][PARTS], REAL *out, int classes)
{
#define HALVE(v, of, n) \
    for (int r = 0; r < (of < n ? 0 : n / 2); r++) v[r] += v[r + n / 2];
#define TURN(a, b, ...) ((FOLDED)SHUFFLE(FOLDED_INTS, (FOLDED_INTS)(a), (FOLDED_INTS)(b), __VA_ARGS__))
    const int units = 32 / sizeof(FOLDED);
    FOLDED v[SUMS + FOUR][2];
    UNROLLED for (int c = 0; c < classes; c++)
    {
        FOLDED parts[BYTES / sizeof(FOLDED)];
        HALVE(sums[c], PARTS, 8) HALVE(sums[c], PARTS, 4)
        if (BYTES > 16)
            HALVE(sums[c], PARTS, 2)
        memcpy(parts, &sums[c][0], sizeof parts);
        HALVE(parts, BYTES / (int)sizeof(FOLDED), 2)
        v[c][0] = parts[0];
        if (units > 1)
            memcpy(&v[c][1], &sums[c][PARTS > 1], 16);
    }
    UNROLLED for (int c = 0; c < classes; c += FOUR)
    {
        FOLDED sum[2];
        QUAD halves[2];
        UNROLLED for (int i = classes - c; i < FOUR; i++)
            UNROLLED for (int u = 0; u < units; u++) v[c + i][u] = v[c][u];
        UNROLLED for (int u = 0; u < units; u++)
        {
            FOLDED a = v[c][u], b = v[c + 1][u];
            sum[u] = TURN(a, b, EVEN) + TURN(a, b, ODD);
#if SIZE == 4
            a = v[c + 2][u], b = v[c + 3][u];
            b = TURN(a, b, EVEN) + TURN(a, b, ODD);
            sum[u] = TURN(sum[u], b, LEFT) + TURN(sum[u], b, RIGHT);
#endif
        }
        memcpy(halves, sum, sizeof halves);
        halves[0] += halves[1];
        memcpy(out + c, halves, sizeof *halves);
    }
#undef TURN
#undef HALVE
}

/* A step of descent for a feature's weights of a tile's `n` classes, from their gradients but for
   the scale of x; or, without a rate, these gradients. Each product is rounded. */
INLINE void NAME(descend)(REAL *w, REAL *scaled, REAL *gradient, REAL rate, REAL scale, int n)
{
    int i = 0;
    for (; i + FOUR <= n; i += FOUR) {
        QUAD g, v;
        memcpy(&g, gradient + i, sizeof g);
        memcpy(&v, w + i, sizeof v);
        v -= rate * (g * scale);
        memcpy(w + i, &v, sizeof v);
        v *= scale;
        memcpy(scaled + i, &v, sizeof v);
    }
    for (; i < n; i++) {
        w[i] -= rate * (gradient[i] * scale);
        scaled[i] = w[i] * scale;
    }
}

/* Gradients of some columns, whose entries go from `entry` to `last`, by the classes of a tile. Of
   dense panels, the entries are for each of `n_shifts` columns, from the one after `shift` others. */
INLINE void NAME(gradients)(const Job *job, Py_ssize_t shift, Py_ssize_t n_shifts,
                            const uint32_t *entry, const uint32_t *last, Py_ssize_t tile, int classes)
{
    const int parts = classes * TWO <= SUMS ? TWO : 1;
    const Py_ssize_t j = job->tiles[tile], n_out = job->n_out;
    const REAL *dz = NAME(scores_of)(job, 0, tile), rate = (REAL)job->rate, scale = (REAL)job->scale;
    const CELL *x = (const CELL *)job->chunk.x + shift * PANEL;
    const uint32_t *columns = job->chunk.columns + shift, *end = entry;
    REAL *dw = job->dw, *w = (REAL *)job->out + j, *scaled = (REAL *)job->scaled + j * job->n_in;
    for (const uint32_t *e = entry; n_shifts-- > 0; e = entry, x += PANEL, columns++)
        for (; e < last; e = end) {
            VECTOR total[SUMS][PARTS], sums[SUMS][2], v[2], d;
            REAL gradient[SUMS + FOUR];
            Py_ssize_t k = columns[*e >> 7];
            UNROLLED for (int part = 0; part < PARTS; part += parts)
            {
#define ENTRY(SUM)                                                                            \
    const CELL *cells = x + (size_t)(*end >> 7) * PANEL + part * LANES;                       \
    const REAL *by = dz + (*end >> 1 & 63) * (classes * PANEL) + part * LANES;                \
    UNROLLED for (int r = 0; r < parts; r++) v[r] = NAME(load)(cells + r * LANES);            \
    UNROLLED for (int c = 0; c < classes; c++)                                                \
        UNROLLED for (int r = 0; r < parts; r++)                                              \
    {                                                                                         \
        memcpy(&d, by + c * PANEL + r * LANES, sizeof d);                                     \
        sums[c][r] = SUM;                                                                     \
    }
                end = e;
                {
                    ENTRY(v[r] * d)
                }
                while (!(*end++ & 1)) {
                    ENTRY(FMA(v[r], d, sums[c][r]))
                }
#undef ENTRY
                UNROLLED for (int c = 0; c < classes; c++)
                    UNROLLED for (int r = 0; r < parts; r++) total[c][part + r] = sums[c][r];
            }
            NAME(fold)(total, gradient, classes);
            if (!dw)
                NAME(descend)(w + k * n_out, scaled + k * classes, gradient, rate, scale, classes);
            else
                for (int c = 0; c < classes; c++)
                    dw[k * n_out + j + c] += gradient[c];
        }
}

/* Gradients by the biases. */
INLINE void NAME(add_biases)(const Job *job)
{
    for (Py_ssize_t t = 0, c = 0; t < job->n_tiles; t++)
        for (Py_ssize_t j = c, n = job->tiles[t + 1] - j; c < j + n; c++) {
            const REAL *z = NAME(scores_of)(job, 0, t) + (c - j) * PANEL;
            VECTOR sums[1][PARTS] = {{{0}}}, v;
            REAL sum[FOUR];
            for (Py_ssize_t panel = 0; panel < job->n_panels; panel++, z += n * PANEL)
                for (int r = 0; r < PARTS; r++) {
                    memcpy(&v, z + r * LANES, sizeof v);
                    sums[0][r] += v;
                }
            NAME(fold)(sums, sum, 1);
            ((REAL *)job->db)[c] += sum[0];
        }
}

/* Task: gradients by the biases, which are the first; then by the weights of some features. With
   the last chunk they are whole, and the step is taken, unless it was. */
TARGET static void NAME(gradient_block)(const Job *job, Py_ssize_t task)
{
    const Chunk *chunk = &job->chunk;
    if (task == 0) {
        NAME(add_biases)(job);
        return;
    }
    Py_ssize_t block = task - 1, first = block * BLOCK, n_out = job->n_out;
    Py_ssize_t n_columns = smaller(BLOCK, job->n_in - first);
    uint32_t entries[BLOCK * PANELS + 1], *entry = entries, *last = entries + job->n_panels;
    if (chunk->is_dense)
        last = (entry = chunk->entries) + job->n_panels;
    else if (chunk->marks)
        last = entry + index_block(chunk, job->n_in, job->n_panels, block, entries);
    else {
        entry = chunk->entries + chunk->blocks[block];
        last = chunk->entries + chunk->blocks[block + 1];
    }
    if (job->dw && !job->first)
        memset((REAL *)job->dw + first * n_out, 0, n_columns * n_out * sizeof(REAL));
    Py_ssize_t n_shifts = chunk->is_dense ? n_columns : 1, shift = chunk->is_dense ? first : 0;
    for (Py_ssize_t t = 0; t < job->n_tiles; t++) {
        Py_ssize_t j = job->tiles[t], n = job->tiles[t + 1] - j;
        switch (n) {
#define CASE(m)                                                                               \
    case m:                                                                                   \
        if (m <= SUMS)                                                                        \
            NAME(gradients)(job, shift, n_shifts, entry, last, t, m);                         \
        break;
            ALL_CASES
#undef CASE
        }
        if (!job->dw || job->first + job->n < job->n_rows)
            continue;
        REAL *w = (REAL *)job->out + j, *dw = (REAL *)job->dw + j;
        REAL *scaled = (REAL *)job->scaled + j * job->n_in;
        for (Py_ssize_t k = first; k < first + n_columns; k++)
            if (job->rate)
                NAME(descend)(w + k * n_out, scaled + k * n, dw + k * n_out, (REAL)job->rate,
                              (REAL)job->scale, (int)n);
            else
                for (Py_ssize_t c = 0; c < n; c++)
                    dw[k * n_out + c] *= (REAL)job->scale;
    }
}

/* Task: the last of a step: its cost, and b after it. */
TARGET static void NAME(finish_step)(const Job *job, Py_ssize_t step)
{
    double sums[PANEL] = {0};
    REAL *b = job->b, *db = job->db;
    for (Py_ssize_t i = 0; i < job->n_rows; i++)
        sums[i % PANEL] += ((const REAL *)job->losses)[i];
    for (int half = PANEL / 2; half; half /= 2)
        for (int i = 0; i < half; i++)
            sums[i] += sums[i + half];
    job->costs[step] = sums[0] / job->n_rows;
    for (Py_ssize_t c = 0; c < job->n_out && job->rate; c++)
        b[c] -= (REAL)job->rate * db[c];
}

#undef FOR_CLASSES
#undef CELL
#undef WIDEN
#undef ALL
#undef SELECT
#undef FMA
#undef LANES
#undef PARTS
#undef TWO
#undef VECTOR
#undef INTS
#undef QUAD
#undef QUAD_INTS
#undef FOLDED
#undef FOLDED_INTS
#undef EVEN
#undef ODD
#undef LEFT
#undef RIGHT
#undef FOUR
#undef INLINE
