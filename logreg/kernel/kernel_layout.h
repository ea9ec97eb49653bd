/* Panels of bytes that are laid out before the first step, so that no step does it again. */

#define BITS uint8_t
#define N 16
#define LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#include "kernel_panels.h"
#define BITS uint32_t
#define N 4
#define LOW 0, 4, 1, 5
#define HIGH 2, 6, 3, 7
#include "kernel_panels.h"
#define BITS uint64_t
#define N 2
#define LOW 0, 2
#define HIGH 1, 3
#include "kernel_panels.h"

/* Which row of the chunk is row `i` of a panel: the first one for those that are not. */
static inline Py_ssize_t row_number(const Job *job, Py_ssize_t panel, int i)
{
    Py_ssize_t at = panel * PANEL + i < job->n ? panel * PANEL + i : panel * PANEL;
    return job->chunk ? job->chunk->order[at] : at;
}

static void find_rows(const Job *job, Py_ssize_t panel, const char **rows)
{
    for (int i = 0; i < PANEL; i++)
        rows[i] = job->rows + row_number(job, panel, i) * job->stride;
}

/* Put numbers of rows into the order of their keys, which are below `n_keys`; equal ones stay. */
static void sort_rows(const uint32_t *keys, uint32_t n_keys, uint32_t *counts, Py_ssize_t n,
                      const uint16_t *from, uint16_t *to)
{
    memset(counts, 0, (n_keys + 1) * sizeof *counts);
    for (Py_ssize_t i = 0; i < n; i++)
        counts[keys[i] + 1]++;
    for (uint32_t key = 1; key < n_keys; key++)
        counts[key] += counts[key - 1];
    for (Py_ssize_t i = 0; i < n; i++)
        to[counts[keys[from[i]]]++] = from[i];
}

/* Order the rows of a chunk by where their ink ends, and then by label: so panels have more blank
   columns. `counts` has room for one number more than there are columns, and labels. */
static void order_rows(const Job *job, const int32_t *labels, uint32_t *counts, uint16_t *order)
{
    uint32_t keys[PANELS * PANEL];
    uint16_t as_they_come[PANELS * PANEL], by_ink[PANELS * PANEL];
    for (Py_ssize_t i = 0; i < job->n; i++) {
        const char *row = job->rows + i * job->stride;
        keys[i] = (uint32_t)job->n_in;
        while (keys[i] > 0 && !row[keys[i] - 1])
            keys[i]--;
        as_they_come[i] = (uint16_t)i;
    }
    sort_rows(keys, (uint32_t)job->n_in + 1, counts, job->n, as_they_come, labels ? by_ink : order);
    if (labels)
        sort_rows((const uint32_t *)labels, (uint32_t)job->n_out, counts, job->n, by_ink, order);
}

/* List the rows that have ink in each block of columns; returned is how many that makes. */
static Py_ssize_t list_rows(const Job *job, const Chunk *chunk)
{
    Py_ssize_t n = 0, width = 8 * job->n_eights, n_lists = parts(job->n_in, width);
    for (Py_ssize_t list = 0; list < n_lists; list++) {
        Py_ssize_t size = smaller(width, job->n_in - list * width);
        const char *cells = job->rows + list * width;
        chunk->lists[list] = (uint32_t)n;
        for (Py_ssize_t r = 0; r < job->n; r++, cells += job->stride) {
            uint64_t ink[2] = {0, 0};
            if (size == 8)
                memcpy(ink, cells, 8);
            else
                memcpy(ink, cells, size);
            memcpy(chunk->ink + n * width, &ink[0], 8);
            memcpy(chunk->ink + n * width + 8, &ink[1], 8); /* of the next row, if blocks have 8 */
            chunk->rows[n] = (uint16_t)r;
            n += (ink[0] | ink[1]) != 0;
        }
    }
    chunk->lists[n_lists] = (uint32_t)n;
    return n;
}

static void drop_lists(Chunk *chunk)
{
    free(chunk->lists);
    free(chunk->rows);
    free(chunk->ink);
    chunk->lists = NULL;
    chunk->rows = NULL;
    chunk->ink = NULL;
}

static void free_chunk(Chunk *chunk)
{
    drop_lists(chunk);
    free(chunk->cells);
    free(chunk->numbers);
    free(chunk->starts);
    free(chunk->order);
    *chunk = (Chunk){0};
}

/* Keep the first `n` bytes of memory. */
static void *shortened(void *memory, size_t n)
{
    void *shorter = realloc(memory, n ? n : 1);
    return shorter ? shorter : memory;
}

/* Task: lay out a chunk; it has no `starts` if there is not enough memory. */
static void lay_chunk(const Job *all, Py_ssize_t number)
{
    Job job = *all;
    Py_ssize_t of_chunk = job.max_panels * PANEL, n_in = job.n_in, n = 0, n_numbers = 0;
    const Layout *layout = job.layout;
    Chunk *chunk = &layout->chunks[number];
    job.chunk = chunk;
    job.first = number % layout->of_batch * of_chunk;
    job.n = smaller(job.n_rows - job.first, of_chunk);
    Py_ssize_t start = number / layout->of_batch * job.n_rows + job.first;
    Py_ssize_t n_panels = parts(job.n, PANEL), n_lists = parts(n_in, 8 * job.n_eights);
    job.rows = job.x + start * job.stride;
    size_t most = (size_t)n_panels * n_in + 16; /* as many mean nothing after the last column */
    chunk->cells = malloc(most * PANEL);
    chunk->numbers = malloc(most * 2);
    chunk->starts = malloc((n_panels + 1) * 8);
    chunk->order = malloc(job.n * 2);
    uint32_t *counts = malloc((size_t)(n_in > job.n_out ? n_in + 2 : job.n_out + 2) * 4);
    if (job.y) {
        chunk->lists = malloc((n_lists + 1) * 4);
        chunk->rows = malloc((n_lists * job.n + 1) * 2);
        chunk->ink = malloc((n_lists * job.n + 2) * 8 * job.n_eights);
    }
    if (!chunk->cells || !chunk->numbers || !chunk->starts || !chunk->order || !counts ||
        (job.y && (!chunk->lists || !chunk->rows || !chunk->ink))) {
        free_chunk(chunk);
        free(counts);
        return;
    }
    order_rows(&job, job.y ? job.y + start : NULL, counts, chunk->order);
    free(counts);
    if (job.y) {
        Py_ssize_t n_listed = list_rows(&job, chunk);
        chunk->rows = shortened(chunk->rows, n_listed * 2);
        chunk->ink = shortened(chunk->ink, n_listed * 8 * job.n_eights);
        if (n_listed > n_lists * job.n * 3 / 4) /* to go through them takes longer than all rows */
            drop_lists(chunk);
    }
    for (Py_ssize_t p = 0; p < n_panels; p++) {
        const char *rows[PANEL];
        find_rows(&job, p, rows);
        uint32_t *at = chunk->starts + 2 * p;
        Py_ssize_t n_columns =
            lay_uint8_t(rows, 0, n_in, chunk->cells + n * PANEL, chunk->numbers + n_numbers);
        at[0] = (uint32_t)n;
        at[1] = (uint32_t)n_numbers;
        if (p > 0 && n_columns == n_in && at[0] - at[-2] == n_in)
            at[1] = at[-1]; /* two panels without a blank column have the same numbers */
        else
            n_numbers += n_columns;
        n += n_columns;
    }
    chunk->starts[2 * n_panels] = (uint32_t)n;
    chunk->cells = shortened(chunk->cells, n * PANEL);
    chunk->numbers = shortened(chunk->numbers, n_numbers * 2);
}
