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
#define HALF OF_REAL(half)
#define FOUR OF_REAL(four)
#define FOUR_INTS OF_REAL(four_ints)
#define INLINE static inline __attribute__((always_inline)) TARGET
#define FMA(a, b, c) JOIN(FUSED, REAL)(a, b, c)
#define ALL(x) ((x) - (VECTOR){0}) /* a number in all lanes */
#define SELECT(mask, a, b) ((VECTOR)(((INTS)(a) & (INTS)(mask)) | ((INTS)(b) & ~(INTS)(mask))))

typedef REAL VECTOR __attribute__((vector_size(BYTES)));
typedef INT INTS __attribute__((vector_size(BYTES)));
typedef int32_t OF_REAL(wider) __attribute__((vector_size(BYTES / sizeof(REAL) * 4)));
typedef REAL HALF __attribute__((vector_size(PANEL / 2 * sizeof(REAL))));
typedef REAL FOUR __attribute__((vector_size(4 * sizeof(REAL))));
typedef INT FOUR_INTS __attribute__((vector_size(4 * sizeof(REAL))));

/* Where the scores of a panel in the classes of a tile are, PANEL of them for each class. */
INLINE REAL *OF_REAL(scores_of)(const Job *job, Py_ssize_t panel, Py_ssize_t tile)
{
    Py_ssize_t j = job->tiles[tile], n = job->tiles[tile + 1] - j;
    return (REAL *)job->z + (j * job->max_panels + panel * n) * PANEL;
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

#define FOR_CLASSES                                                                  \
    for (Py_ssize_t t = 0, c = 0; t < job->n_tiles; t++)                                 \
        for (REAL *at = OF_REAL(scores_of)(job, panel, t) + part; c < job->tiles[t + 1]; \
             c++, at += PANEL)

/* From a panel's scores to the gradient by them, in place; the loss of each row beside it. */
INLINE void OF_REAL(softmax)(const Job *job, Py_ssize_t panel)
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
        memcpy((REAL *)job->losses + job->first + first + part, &loss, sizeof loss);
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

/* What follows from the scores of a panel of rows. */
TARGET static void OF_REAL(use_scores)(const Job *job, Py_ssize_t panel)
{
    Py_ssize_t n_rows = smaller(job->n - panel * PANEL, PANEL), first = job->first + panel * PANEL;
    INT best[PANEL];
    if (job->y)
        OF_REAL(softmax)(job, panel);
    else if (job->classes) {
        OF_REAL(best_classes)(job, panel, best);
        for (Py_ssize_t i = 0; i < n_rows; i++)
            job->classes[first + i] = (int64_t)best[i];
    } else {
        const int part = 0;
        FOR_CLASSES
            for (Py_ssize_t i = 0; i < n_rows; i++)
                ((REAL *)job->out)[(first + i) * job->n_out + c] = at[i];
    }
}

/* The sums of `n` times PANEL / 2 lanes. It reads and writes up to three more. */
TARGET static void OF_REAL(fold)(REAL (*lanes)[PANEL / 2], REAL *out, Py_ssize_t n)
{
    for (Py_ssize_t i = 0; i < n; i += 4) {
        FOUR v[4], upper;
        UNROLLED for (int q = 0; q < 4; q++)
        {
            memcpy(&v[q], lanes[i + q], sizeof upper);
            memcpy(&upper, lanes[i + q] + 4, sizeof upper);
            v[q] += upper;
        }
        UNROLLED for (int q = 0; q < 4; q += 2)
            v[q] = SHUFFLE(FOUR_INTS, v[q], v[q + 1], 0, 4, 1, 5) +
                   SHUFFLE(FOUR_INTS, v[q], v[q + 1], 2, 6, 3, 7);
        v[0] = SHUFFLE(FOUR_INTS, v[0], v[2], 0, 1, 4, 5) +
               SHUFFLE(FOUR_INTS, v[0], v[2], 2, 3, 6, 7);
        memcpy(out + i, v, sizeof *v);
    }
}

/* Add `n` numbers to others. */
INLINE void OF_REAL(add)(REAL *to, const REAL *from, Py_ssize_t n)
{
    FOUR sum, more;
    for (; n >= 4; n -= 4, to += 4, from += 4) {
        memcpy(&sum, to, sizeof sum);
        memcpy(&more, from, sizeof more);
        sum += more;
        memcpy(to, &sum, sizeof sum);
    }
    while (n-- > 0)
        *to++ += *from++;
}

/* Gradients by the biases. */
TARGET static void OF_REAL(add_biases)(const Job *job)
{
    for (Py_ssize_t t = 0; t < job->n_tiles; t++) {
        Py_ssize_t j = job->tiles[t], n = job->tiles[t + 1] - j;
        const REAL *z = OF_REAL(scores_of)(job, 0, t);
        REAL lanes[MOST_WIDE + 3][PANEL / 2] = {{0}}, sums[MOST_WIDE + 3];
        for (Py_ssize_t i = 0; i < job->n_panels * n; i++, z += PANEL) {
            HALF sum, halves[2];
            memcpy(halves, z, sizeof halves);
            memcpy(&sum, lanes[i % n], sizeof sum);
            sum += halves[0] + halves[1];
            memcpy(lanes[i % n], &sum, sizeof sum);
        }
        OF_REAL(fold)(lanes, sums, n);
        OF_REAL(add)((REAL *)job->db + j, sums, n);
    }
}

/* From the gradients of some features but for the scale of x, a step of descent; or, without a
   rate, the gradients. Each product is rounded. */
TARGET static void OF_REAL(descend)(const Job *job, Py_ssize_t first, Py_ssize_t n_features)
{
    REAL *restrict dw = (REAL *)job->dw + first * job->n_out;
    REAL *restrict w = (REAL *)job->out + first * job->n_out;
    REAL rate = (REAL)job->rate, scale = (REAL)job->scale;
    for (Py_ssize_t i = 0; i < n_features * job->n_out; i++)
        if (rate)
            w[i] -= rate * (dw[i] * scale);
        else
            dw[i] *= scale;
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
