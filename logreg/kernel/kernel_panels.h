/* Rows laid out as panels, for one type of x; kernel.c includes this for each.

   CELL      unsigned integers of the size of x's numbers: what they are does not matter here
   N         how many of them 16 bytes hold
   LOW, HIGH which of two vectors' numbers make up the lower, and the upper half of both in turns */

#define CELLS JOIN(cells, CELL)
typedef CELL CELLS __attribute__((vector_size(16)));

/* Lay out `n_in` numbers of each of PANEL rows: column by column, PANEL numbers for each. Columns
   that all rows leave blank are left out, unless `columns`, where the others are numbered, is NULL.
   Returned is how many there are; `marks`, if not NULL, gets how many are before each BLOCK of them,
   and before the end. */
static Py_ssize_t JOIN(lay, CELL)(const char *const *rows, Py_ssize_t n_in, void *out,
                                  uint32_t *columns, uint32_t *marks)
{
    Py_ssize_t n = 0;
    for (Py_ssize_t k = 0; k < n_in; k += N) {
        CELLS block[PANEL], turned[N], any = {0}, padded[PANEL];
        Py_ssize_t width = smaller(N, n_in - k);
        if (marks && k % BLOCK == 0)
            *marks++ = (uint32_t)n;
        for (int r = 0; r < PANEL && width < N; r++) {
            padded[r] = (CELLS){0};
            memcpy(&padded[r], rows[r] + k * sizeof(CELL), width * sizeof(CELL));
        }
        UNROLLED for (int r = 0; r < PANEL; r++)
        {
            memcpy(&block[r], width < N ? (char *)&padded[r] : rows[r] + k * sizeof(CELL), 16);
            any |= block[r];
        }
        uint64_t halves[2];
        memcpy(halves, &any, 16);
        if (columns && !(halves[0] | halves[1]))
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
            if (c == width)
                break;
            for (int first = 0; first < PANEL; first += N)
                memcpy((CELL *)out + n * PANEL + first, &block[first + c], 16);
            if (columns)
                columns[n] = (uint32_t)(k + c);
            n += !columns || any[c];
        }
    }
    if (marks)
        *marks = (uint32_t)n;
    return n;
}

#undef CELLS
#undef CELL
#undef N
#undef LOW
#undef HIGH
