/* Chunks of panels: as rows come, or of a whole set before the first step. Which columns a panel
   has is looked up by panel, for scores, and by column, for gradients. */

#define CELL uint8_t
#define N 16
#define LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#include "kernel_panels.h"
#define CELL uint32_t
#define N 4
#define LOW 0, 4, 1, 5
#define HIGH 2, 6, 3, 7
#include "kernel_panels.h"
#define CELL uint64_t
#define N 2
#define LOW 0, 2
#define HIGH 1, 3
#include "kernel_panels.h"

/* How many panels a chunk has at the most: fewer of many columns, whatever the rows are. */
static Py_ssize_t panels_of_chunk(Py_ssize_t n_rows, Py_ssize_t n_in)
{
    Py_ssize_t most = smaller((1 << 19) / n_in, PANELS);
    return smaller(parts(n_rows, PANEL), most < 1 ? 1 : most);
}

/* The next `size` bytes of memory: at a multiple of 64, so no vector lies on two cache lines. */
static void *cut(uintptr_t *at, double size)
{
    void *memory = (void *)(*at = (*at + 63) & ~(uintptr_t)63);
    *at += (size_t)size;
    return memory;
}

/* Divide up memory from `at` on for a chunk of panels; returned is where it ends. */
static uintptr_t divide_chunk(Chunk *chunk, uintptr_t at, Py_ssize_t n_panels, const Job *job)
{
    double cells = (double)n_panels * job->n_in;
    chunk->is_dense = job->cell > 1;
    chunk->x = cut(&at, cells * PANEL * job->cell);
    chunk->starts = cut(&at, n_panels * 4);
    chunk->ends = cut(&at, n_panels * 4);
    chunk->columns = cut(&at, (chunk->is_dense ? job->n_in : cells + 1) * 4);
    if (chunk->is_dense)
        chunk->entries = cut(&at, n_panels * 4);
    else
        chunk->marks = cut(&at, n_panels * (parts(job->n_in, BLOCK) + 1) * 4.0);
    return at;
}

static uint32_t *marks_of(const Chunk *chunk, Py_ssize_t n_in, Py_ssize_t panel)
{
    return chunk->marks + panel * (parts(n_in, BLOCK) + 1);
}

/* Lay out a panel of the job's rows from `start` on; where it is, the chunk has then. */
static void lay_panel_at(const Job *job, const Chunk *chunk, Py_ssize_t p, Py_ssize_t start)
{
    const char *rows[PANEL];
    char *x = (char *)chunk->x + start * PANEL * job->cell;
    Py_ssize_t n;
    for (Py_ssize_t i = 0, first = p * PANEL; i < PANEL; i++) {
        Py_ssize_t row = first + i < job->n ? first + i : first; /* the first for those that are not */
        rows[i] = job->x + (job->order ? job->order[row] : job->first + row) * job->stride;
    }
    if (job->cell == 8)
        n = lay_uint64_t(rows, job->n_in, x, NULL, NULL);
    else if (job->cell == 4)
        n = lay_uint32_t(rows, job->n_in, x, NULL, NULL);
    else if (chunk->is_dense)
        n = lay_uint8_t(rows, job->n_in, x, NULL, NULL);
    else
        n = lay_uint8_t(rows, job->n_in, x, chunk->columns + start, marks_of(chunk, job->n_in, p));
    chunk->starts[p] = (uint32_t)start;
    chunk->ends[p] = (uint32_t)(start + n);
}

/* The same for a chunk that is not laid out before. */
static void lay_panel(const Job *job, Py_ssize_t p)
{
    lay_panel_at(job, &job->chunk, p, p * job->n_in);
}

/* Make the entries of a block's columns, at most BLOCK for each panel; returned is their end. */
static uint32_t *index_block(const Chunk *chunk, Py_ssize_t n_in, Py_ssize_t n_panels,
                             Py_ssize_t block, uint32_t *entry)
{
    uint32_t at[PANELS], ends[PANELS];
    for (Py_ssize_t p = 0; p < n_panels; p++) {
        const uint32_t *mark = marks_of(chunk, n_in, p) + block;
        at[p] = chunk->starts[p] + mark[0];
        ends[p] = chunk->starts[p] + mark[1];
    }
    for (uint32_t k = (uint32_t)(block * BLOCK), last = k + BLOCK; k < last; k++) {
        uint32_t *before = entry;
        for (Py_ssize_t p = 0; p < n_panels; p++) {
            int has_it = (at[p] < ends[p]) & (chunk->columns[at[p]] == k);
            *entry = at[p] << 7 | (uint32_t)p << 1;
            entry += has_it;
            at[p] += has_it;
        }
        if (entry > before)
            entry[-1] |= 1;
    }
    return entry;
}

/* Of dense panels, number the columns, and make the entries of the first. */
static void index_dense(const Chunk *chunk, Py_ssize_t n_in, Py_ssize_t n_panels)
{
    for (Py_ssize_t k = 0; k < n_in; k++)
        chunk->columns[k] = (uint32_t)k;
    for (Py_ssize_t p = 0; p < n_panels; p++)
        chunk->entries[p] = (uint32_t)(p * n_in) << 7 | (uint32_t)p << 1 | (p == n_panels - 1);
}

/* The entries of a block's columns, up to `last`; they are made if they are not there. */
static const uint32_t *entries_of(const Job *job, Py_ssize_t block, uint32_t *made,
                                  const uint32_t **last)
{
    const Chunk *chunk = &job->chunk;
    if (chunk->is_dense) {
        *last = chunk->entries + job->n_panels;
        return chunk->entries;
    }
    if (chunk->marks) {
        *last = index_block(chunk, job->n_in, job->n_panels, block, made);
        return made;
    }
    *last = chunk->entries + chunk->blocks[block + 1];
    return chunk->entries + chunk->blocks[block];
}

/* Look for labels of a minibatch that are no classes. */
static void check_labels(Job *job, const int32_t *y)
{
    for (Py_ssize_t i = 0; i < job->n_rows && !job->bad; i++)
        if ((uint32_t)y[i] >= (uint64_t)job->n_out)
            job->bad = y + i;
}

/* Put the rows of a minibatch in the order of their labels, which are classes: their numbers, and
   the labels. */
static void order_rows(Job *job, const int32_t *y, int32_t *order, int32_t *labels)
{
    memset(job->counts, 0, (job->n_out + 1) * sizeof *job->counts);
    for (Py_ssize_t i = 0; i < job->n_rows; i++)
        job->counts[y[i] + 1]++;
    for (Py_ssize_t c = 1; c < job->n_out; c++)
        job->counts[c] += job->counts[c - 1];
    for (Py_ssize_t i = 0; i < job->n_rows; i++) {
        int32_t at = job->counts[y[i]]++;
        order[at] = (int32_t)i;
        labels[at] = y[i];
    }
}

/* Task: lay out a chunk of bytes; its `x` stays NULL if there is no memory. */
static void lay_chunk(const Job *all, Py_ssize_t number)
{
    Job job = *all;
    Py_ssize_t of_chunk = job.max_panels * PANEL, of_batch = job.layout->of_batch;
    Py_ssize_t start = number / of_batch * job.n_rows, n_in = job.n_in;
    Py_ssize_t n_blocks = parts(n_in, BLOCK), n = 0;
    job.first = number % of_batch * of_chunk;
    job.n = smaller(job.n_rows - job.first, of_chunk);
    job.x += start * job.stride;
    job.order = all->order ? all->order + start + job.first : NULL;
    Py_ssize_t n_panels = parts(job.n, PANEL);
    Chunk rough, chunk = {0};
    void *memory = malloc(divide_chunk(&rough, 64, n_panels, &job));
    if (!memory)
        return;
    divide_chunk(&rough, (uintptr_t)memory, n_panels, &job);
    for (Py_ssize_t p = 0; p < n_panels; n = rough.ends[p++])
        lay_panel_at(&job, &rough, p, n);
    if (n > n_panels * n_in * 2 / 3) { /* to number the columns would take more than to leave them */
        rough.is_dense = chunk.is_dense = 1;
        for (Py_ssize_t p = n = 0; p < n_panels; n = rough.ends[p++])
            lay_panel_at(&job, &rough, p, n);
    }
    Py_ssize_t n_columns = chunk.is_dense ? n_in : n;
    Py_ssize_t n_entries = chunk.is_dense ? n_panels : job.y ? n + n_blocks + 1 : 0;
    if ((chunk.x = malloc(n * PANEL + (n_columns + n_entries + 2 * n_panels + 2) * 4))) {
        memcpy(chunk.x, rough.x, n * PANEL);
        chunk.starts = memcpy((char *)chunk.x + n * PANEL, rough.starts, n_panels * 4);
        chunk.ends = memcpy(chunk.starts + n_panels, rough.ends, n_panels * 4);
        chunk.columns = chunk.ends + n_panels;
        chunk.entries = chunk.columns + n_columns + 1; /* one more can be read */
        chunk.blocks = chunk.entries + n + 1;          /* and written */
        if (chunk.is_dense)
            index_dense(&chunk, n_in, n_panels);
        else
            memcpy(chunk.columns, rough.columns, n * 4);
        uint32_t *entry = chunk.entries;
        for (Py_ssize_t block = 0; job.y && !chunk.is_dense && block <= n_blocks; block++) {
            chunk.blocks[block] = (uint32_t)(entry - chunk.entries);
            if (block < n_blocks)
                entry = index_block(&rough, n_in, n_panels, block, entry);
        }
        all->layout->chunks[number] = chunk;
    }
    free(memory);
}
