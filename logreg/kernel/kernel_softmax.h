/* What is computed of scores, for one instruction set and one type of W; kernel_types.h includes
   this for each.

   REAL, INT  type of W, b, scores and gradients, and the unsigned integer of its size
   BYTES      size of a vector
   TARGET     the instructions that the compiler may use; OF_REAL(f) is the name of f for them

   A lane of a vector is a row of a panel. Each sum is made in one order, whatever the size of a
   vector, with FMA, which rounds once: so the bits are the same for all sets that have it. */

#define OF_REAL(f) JOIN(JOIN(f, REAL), SET)
#define LANES ((int)(BYTES / sizeof(REAL)))
#define VECTOR OF_REAL(vector)
#define INTS OF_REAL(ints)
#define FOUR OF_REAL(four)
#define FOUR_INTS OF_REAL(four_ints)
#define INLINE static inline __attribute__((always_inline)) TARGET
#define FMA(a, b, c) JOIN(FUSED, REAL)(a, b, c)
#define ALL(x) ((x) - (VECTOR){0}) /* a number in all lanes */
#define SELECT(mask, a, b) ((VECTOR)(((INTS)(a) & (INTS)(mask)) | ((INTS)(b) & ~(INTS)(mask))))

typedef REAL VECTOR __attribute__((vector_size(BYTES)));
typedef INT INTS __attribute__((vector_size(BYTES)));
typedef int32_t OF_REAL(wider) __attribute__((vector_size(BYTES / sizeof(REAL) * 4)));

typedef REAL FOUR __attribute__((vector_size(4 * sizeof(REAL))));
typedef INT FOUR_INTS __attribute__((vector_size(4 * sizeof(REAL))));

/* Where the scores of a panel in the classes of a tile are, PANEL of them for each class. */
INLINE REAL *OF_REAL(scores_of)(const Job *job, Py_ssize_t panel, Py_ssize_t tile)
{
    Py_ssize_t before = job->tiles[tile] * job->max_panels + panel * classes_of(job, tile);
    return (REAL *)job->z + before * PANEL;
}

/* Where the gradients by these scores are, row after row. */
INLINE REAL *OF_REAL(gradients_of)(const Job *job, Py_ssize_t tile)
{
    return (REAL *)job->d + job->tiles[tile] * job->max_panels * PANEL;
}

/* Where the weights of a tile are, and by how many numbers those of two features are apart. */
INLINE REAL *OF_REAL(weights_of)(const Job *job, Py_ssize_t tile, Py_ssize_t *stride)
{
    *stride = job->is_packed ? classes_of(job, tile) : job->n_out;
    return (REAL *)job->w + job->tiles[tile] * (job->is_packed ? job->n_in : 1);
}

/* Where the gradients by the weights of a tile are summed, block after block of features. */
INLINE REAL *OF_REAL(sums_of)(const Job *job, Py_ssize_t tile)
{
    return (REAL *)job->dw + job->tiles[tile] * parts(job->n_in, 16) * 16;
}

/* e to the v for v <= 0: 2^n times the Taylor series over |r| <= ln(2) / 2, exact to the last bit
   or two. NaN stays NaN. */
INLINE VECTOR OF_REAL(exponential)(VECTOR v)
{
    const int is_float = sizeof(REAL) == 4, mantissa = is_float ? 23 : 52;
    const REAL lowest = is_float ? -87 : -708;
    const REAL ln2_high = is_float ? 0.693359375 : 0.693145751953125; /* n times it is exact */
    const REAL ln2_low = is_float ? -2.12194440e-4 : 1.42860682030941723212e-6;
    const REAL inverse_factorials[] = {1, 1, 1 / 2., 1 / 6., 1 / 24., 1 / 120., 1 / 720., 1 / 5040.,
                                       1 / 40320., 1 / 362880., 1 / 3628800., 1 / 39916800.,
                                       1 / 479001600., 1 / 6227020800.};
    const REAL round = is_float ? 12582912 : 6755399441055744; /* n is in the sum's lowest bits */
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
INLINE VECTOR OF_REAL(logarithm)(VECTOR v)
{
    const int is_float = sizeof(REAL) == 4;
    const REAL unit = is_float ? 8.262958e-8 : 1.5390546678183e-16; /* ln(2) / 2^mantissa */
    INTS above = (INTS)v - (INTS)ALL((REAL)1);
    VECTOR y = __builtin_convertvector((__typeof__(v > v))above, VECTOR) * unit;
    for (int i = 0; i < 2; i++) {
        VECTOR ratio = v * OF_REAL(exponential)(-y);
        y += 2 * (ratio - 1) / (ratio + 1);
    }
    return y;
}

#define FOR_CLASSES                                                                      \
    for (Py_ssize_t t = 0, c = 0; t < job->n_tiles; t++)                                 \
        for (REAL *at = OF_REAL(scores_of)(job, panel, t) + part; c < job->tiles[t + 1]; \
             c++, at += PANEL)

/* From a panel's scores to the gradient by them, and the loss of each row. */
INLINE void OF_REAL(softmax)(const Job *job, Py_ssize_t panel)
{
    Py_ssize_t n_rows = smaller(job->n - panel * PANEL, PANEL), rows[PANEL];
    INT labels[PANEL];
    REAL weights[PANEL], losses[PANEL];
    for (int i = 0; i < PANEL; i++) {
        rows[i] = row_number(job, panel, i);
        int32_t label = job->labels[rows[i]];
        labels[i] = (INT)label;
        weights[i] = job->weights ? ((const REAL *)job->weights)[label] : 1;
    }
    for (int part = 0; part < PANEL; part += LANES) {
        INTS label;
        VECTOR weight, highest = ALL(-(REAL)INFINITY), sum = {0}, own = {0}, z;
        memcpy(&label, labels + part, sizeof label);
        memcpy(&weight, weights + part, sizeof weight);
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
            z = OF_REAL(exponential)(z);
            sum += z;
            memcpy(at, &z, sizeof z);
        }
        VECTOR loss = weight * (OF_REAL(logarithm)(sum) - own);
        memcpy(losses + part, &loss, sizeof loss);
        weight /= (REAL)job->n_rows;
        VECTOR factor = weight / sum;
        FOR_CLASSES
        {
            memcpy(&z, at, sizeof z);
            z = z * factor - SELECT(label == (INT)c, weight, (VECTOR){0});
            memcpy(at, &z, sizeof z);
        }
    }
    for (Py_ssize_t i = 0; i < n_rows; i++)
        ((REAL *)job->losses)[job->first + rows[i]] = losses[i];
    for (Py_ssize_t t = 0; t < job->n_tiles; t++) {
        const REAL *z = OF_REAL(scores_of)(job, panel, t);
        Py_ssize_t n = classes_of(job, t);
        for (Py_ssize_t i = 0; i < n_rows; i++) {
            REAL *d = OF_REAL(gradients_of)(job, t) + rows[i] * n;
            for (Py_ssize_t c = 0; c < n; c++)
                d[c] = z[c * PANEL + i];
        }
    }
}

/* The class of the largest score of each row of a panel: the first of several, or the first NaN. */
INLINE void OF_REAL(best_classes)(const Job *job, Py_ssize_t panel, INT best[PANEL])
{
    for (int part = 0; part < PANEL; part += LANES) {
        VECTOR highest = ALL(-(REAL)INFINITY), z;
        INTS class = {0};
        FOR_CLASSES
        {
            memcpy(&z, at, sizeof z);
            INTS is_better = ~(INTS)(z <= highest) & (INTS)(highest == highest);
            highest = SELECT(is_better, z, highest);
            class = (class & ~is_better) | (((INTS){0} + (INT)c) & is_better);
        }
        memcpy(best + part, &class, sizeof class);
    }
}

/* What follows from the scores of a panel of rows, once x's scale and b are in them. */
TARGET static void OF_REAL(use_scores)(const Job *job, Py_ssize_t panel)
{
    Py_ssize_t n_rows = smaller(job->n - panel * PANEL, PANEL), row;
    INT best[PANEL];
    for (int part = 0; part < PANEL; part += LANES)
        FOR_CLASSES
        {
            VECTOR z;
            memcpy(&z, at, sizeof z);
            z = FMA(z, ALL((REAL)job->scale), ALL(((const REAL *)job->b)[c]));
            memcpy(at, &z, sizeof z);
        }
    if (job->y)
        OF_REAL(softmax)(job, panel);
    else if (job->classes) {
        OF_REAL(best_classes)(job, panel, best);
        for (int i = 0; i < n_rows; i++) {
            row = job->first + row_number(job, panel, i);
            job->classes[row] = (int64_t)best[i];
        }
    } else {
        const int part = 0;
        FOR_CLASSES
            for (int i = 0; i < n_rows; i++) {
                row = job->first + row_number(job, panel, i);
                ((REAL *)job->out)[row * job->n_out + c] = at[i];
            }
    }
}

/* Gradients by the biases. */
TARGET static void OF_REAL(add_biases)(const Job *job)
{
    for (Py_ssize_t t = 0; t < job->n_tiles; t++) {
        const REAL *d = OF_REAL(gradients_of)(job, t);
        REAL *db = (REAL *)job->db + job->tiles[t];
        Py_ssize_t n = classes_of(job, t);
        for (Py_ssize_t r = 0; r < job->n; r++, d += n)
            for (Py_ssize_t c = 0; c < n; c++)
                db[c] += d[c];
    }
}

/* Turn the sums of 4 features in the first 4 of some classes, which are `size` numbers apart: they
   come to lie by feature, `n` numbers apart. If there are fewer classes, the first stands for those
   that are not. */
INLINE void OF_REAL(turn)(const REAL *sums, int size, Py_ssize_t n_classes, REAL *to, Py_ssize_t n)
{
    FOUR v[4], u[4];
    UNROLLED for (int q = 0; q < 4; q++)
        memcpy(&v[q], sums + (q < n_classes ? q * size : 0), sizeof *v);
    UNROLLED for (int q = 0; q < 2; q++)
    {
        u[2 * q] = SHUFFLE(FOUR_INTS, v[q], v[q + 2], 0, 4, 1, 5);
        u[2 * q + 1] = SHUFFLE(FOUR_INTS, v[q], v[q + 2], 2, 6, 3, 7);
    }
    UNROLLED for (int q = 0; q < 2; q++)
    {
        v[2 * q] = SHUFFLE(FOUR_INTS, u[q], u[q + 2], 0, 4, 1, 5);
        v[2 * q + 1] = SHUFFLE(FOUR_INTS, u[q], u[q + 2], 2, 6, 3, 7);
    }
    UNROLLED for (int q = 0; q < 4; q++)
        memcpy(to + q * n, &v[q], sizeof *v);
}

/* From the sums of a block of features in the classes of a tile, a step of descent; or, without a
   rate, the gradients. Each product is rounded. */
TARGET static void OF_REAL(descend)(const Job *job, Py_ssize_t tile, Py_ssize_t feature,
                                    Py_ssize_t n_features, const REAL *sums, int size)
{
    const REAL rate = (REAL)job->rate, scale = (REAL)job->scale;
    const int is_step = rate != 0;
    Py_ssize_t stride = job->n_out, n = classes_of(job, tile);
    REAL *to = is_step ? OF_REAL(weights_of)(job, tile, &stride)
                       : (REAL *)job->out + job->tiles[tile];
    REAL turned[16 * N_SUMS + 4]; /* what the last classes write too much, the first write over */
    for (Py_ssize_t i = 0; i < n_features; i += 4)
        for (Py_ssize_t c = (n - 1) / 4 * 4; c >= 0; c -= 4)
            OF_REAL(turn)(sums + c * size + i, size, n - c, turned + i * n + c, n);
    Py_ssize_t n_rows = stride == n ? 1 : n_features, n_of_row = stride == n ? n_features * n : n;
    to += feature * stride;
    for (Py_ssize_t i = 0; i < n_rows; i++, to += stride) {
        const REAL *from = turned + i * n;
        for (Py_ssize_t k = 0; k < n_of_row; k++)
            if (is_step)
                to[k] -= rate * (from[k] * scale);
            else
                to[k] = from[k] * scale;
    }
}

/* Task: the last of a step: its cost, and b after it. */
TARGET static void OF_REAL(finish_step)(const Job *job, Py_ssize_t step)
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
