/* Rows turned into a panel, for one type of x; kernel.c includes this for each.

   CELL      unsigned integers of the size of x's numbers: what they are does not matter here
   N         how many of them 16 bytes hold
   LOW, HIGH which of two vectors' numbers make up the lower, and the upper half of both in turns */

#define CELLS JOIN(cells, CELL)
typedef CELL CELLS __attribute__((vector_size(16)));

/* Lay out `n` columns of PANEL rows, which have `n_in` numbers: PANEL numbers for each. */
static void JOIN(lay, CELL)(const char *const *rows, Py_ssize_t n_in, const uint32_t *columns,
                            Py_ssize_t n, CELL *out)
{
    for (Py_ssize_t i = 0; i < n;) {
        CELLS block[PANEL], turned[N];
        Py_ssize_t k = columns[i] / N * N, width = smaller(N, n_in - k);
        for (int r = 0; r < PANEL; r++)
            if (width == N)
                memcpy(&block[r], rows[r] + k * sizeof(CELL), sizeof(CELLS));
            else {
                block[r] = (CELLS){0};
                memcpy(&block[r], rows[r] + k * sizeof(CELL), width * sizeof(CELL));
            }
        for (CELLS *b = block; b < block + PANEL; b += N) /* N rows of N numbers are turned */
            UNROLLED for (int stage = N; stage > 1; stage /= 2)
            {
                UNROLLED for (int pair = 0; pair < N / 2; pair++)
                {
                    turned[2 * pair] = SHUFFLE(CELLS, b[pair], b[pair + N / 2], LOW);
                    turned[2 * pair + 1] = SHUFFLE(CELLS, b[pair], b[pair + N / 2], HIGH);
                }
                memcpy(b, turned, sizeof turned);
            }
        if (n - i >= N && columns[i + N - 1] == k + N - 1) { /* all of the block */
            UNROLLED for (int c = 0; c < N; c++, i++)
                for (int first = 0; first < PANEL; first += N)
                    memcpy(out + i * PANEL + first, &block[first + c], sizeof(CELLS));
        } else
            for (; i < n && columns[i] < k + N; i++)
                for (int first = 0; first < PANEL; first += N)
                    memcpy(out + i * PANEL + first, &block[first + columns[i] - k], sizeof(CELLS));
    }
}

#undef CELLS
#undef CELL
#undef N
#undef LOW
#undef HIGH
