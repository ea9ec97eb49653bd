/* Rows laid out as a panel, for one type of x; kernel_layout.h includes this for each.

   BITS      unsigned integers of the size of x's numbers: what they are does not matter here
   N         how many of them 16 bytes hold
   LOW, HIGH which of two vectors' numbers make up the lower, and the upper half of both in turns */

#define CELLS JOIN(cells, BITS)
typedef BITS CELLS __attribute__((vector_size(16)));

/* Lay out the columns from `first` to `last` of PANEL rows: column by column, PANEL numbers for
   each. Columns that all rows leave blank are left out; the others are numbered in `numbers`, from
   `first` on. Returned is how many they are. After these, up to N more are written that mean
   nothing. */
static Py_ssize_t JOIN(lay, BITS)(const char *const *rows, Py_ssize_t first, Py_ssize_t last,
                                  BITS *out, uint16_t *numbers)
{
    Py_ssize_t n = 0;
    for (Py_ssize_t k = first; k < last; k += N) {
        CELLS block[PANEL], turned[N], any = {0}, padded[PANEL];
        int width = (int)smaller(N, last - k);
        for (int r = 0; r < PANEL && width < N; r++) {
            padded[r] = (CELLS){0};
            memcpy(&padded[r], rows[r] + k * sizeof(BITS), width * sizeof(BITS));
        }
        UNROLLED for (int r = 0; r < PANEL; r++)
        {
            memcpy(&block[r], width < N ? (char *)&padded[r] : rows[r] + k * sizeof(BITS), 16);
            any |= block[r];
            if (k % (4 * N) == 0) /* the next cache line but three */
                __builtin_prefetch(rows[r] + (k + 16 * N) * sizeof(BITS));
        }
        uint64_t halves[2];
        memcpy(halves, &any, 16);
        if (!(halves[0] | halves[1]))
            continue;
        for (CELLS *b = block; b < block + PANEL; b += N) /* N rows of N numbers are turned */
            UNROLLED for (int stage = N; stage > 1; stage /= 2)
            {
                UNROLLED for (int i = 0; i < N / 2; i++)
                {
                    turned[2 * i] = SHUFFLE(CELLS, b[i], b[i + N / 2], LOW);
                    turned[2 * i + 1] = SHUFFLE(CELLS, b[i], b[i + N / 2], HIGH);
                }
                memcpy(b, turned, sizeof turned);
            }
        UNROLLED for (int c = 0; c < N; c++)
        {
            for (int part = 0; part < PANEL; part += N)
                memcpy(out + n * PANEL + part, &block[part + c], 16);
            numbers[n] = (uint16_t)(k - first + c);
            n += any[c] != 0;
        }
    }
    return n;
}

#undef CELLS
#undef BITS
#undef N
#undef LOW
#undef HIGH
