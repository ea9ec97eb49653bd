/* All minibatches of a set of bytes laid out before the first step, so that no step does it again. */

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "kernel.h"

#define ROUNDED(n) (((n) + 63) & ~(size_t)63)

void *new_parts(void **parts, const size_t *bytes)
{
    size_t n = 64;
    for (int i = 0; i < N_PARTS; i++)
        n += ROUNDED(bytes[i]);
    void *memory = malloc(n);
    size_t at = ROUNDED((size_t)memory);
    for (int i = 0; i < N_PARTS; at += ROUNDED(bytes[i++]))
        parts[i] = (void *)at;
    return memory;
}

static int compare(const void *a, const void *b)
{
    uint64_t one = *(const uint64_t *)a, other = *(const uint64_t *)b;
    return (one > other) - (one < other);
}

/* Order rows by label, and then by where their ink ends: so panels have more blank columns. */
static void order_rows(const Job *job, Chunk *chunk)
{
    uint64_t keys[CHUNK];
    for (size_t r = 0; r < job->at.n; r++) {
        const char *row = job->at.rows + r * job->in.n_in;
        uint64_t end = job->in.n_in, label = job->in.y ? (uint32_t)job->at.labels[r] : 0;
        while (end > 0 && !row[end - 1])
            end--;
        keys[r] = label << 32 | end << 16 | r;
    }
    qsort(keys, job->at.n, sizeof *keys, compare);
    for (size_t place = 0; place < job->at.n; place++) {
        chunk->order[place] = (uint16_t)keys[place];
        chunk->place_of[chunk->order[place]] = (uint16_t)place;
    }
}

/* Lay out the panels; returned is how many columns they have. */
static size_t lay_panels(const Job *job, Chunk *chunk)
{
    size_t n = 0;
    for (size_t p = 0; p < parts(job->at.n, PANEL); p++) {
        const char *rows[PANEL];
        find_rows(job, chunk, p, rows);
        chunk->starts[p] = (uint32_t)n;
        n += lay_uint8_t(rows, 0, job->in.n_in, chunk->cells + n * PANEL, chunk->columns + n);
    }
    chunk->starts[parts(job->at.n, PANEL)] = (uint32_t)n;
    return n;
}

/* List the rows that have ink in each block of columns; returned is how many that makes. */
static size_t list_rows(const Job *job, Chunk *chunk)
{
    size_t n = 0, n_in = job->in.n_in, span = job->in.set->span;
    uint32_t *list = chunk->lists;
    for (size_t k = 0; k < n_in; k += span) {
        size_t size = smaller(span, n_in - k);
        const char *cells = job->at.rows + k;
        *list++ = (uint32_t)n;
        for (size_t r = 0; r < job->at.n; r++, cells += n_in) {
            uint64_t ink[2] = {0, 0};
            if (size == 16)
                memcpy(ink, cells, 16);
            else if (size == 8)
                memcpy(ink, cells, 8);
            else
                memcpy(ink, cells, size);
            memcpy(chunk->ink + n * span, ink, 16); /* the next one writes over half of it, if 8 */
            chunk->places[n] = chunk->place_of[r];
            n += (ink[0] | ink[1]) != 0;
        }
    }
    *list = (uint32_t)n;
    return n;
}

/* Task: lay out a chunk where there is room for all that may be, and keep what there is. */
static void lay_chunk(Job *all, size_t task)
{
    Job job = {.in = all->in};
    Layout *layout = job.in.layout;
    Chunk room, *chunk = &layout->chunks[task];
    size_t n_in = job.in.n_in, span = layout->span, n_lists = parts(n_in, span);
    size_t in_batch = task % layout->of_batch * all->own.most;
    size_t start = task / layout->of_batch * layout->n_rows + in_batch;
    size_t n = job.at.n = smaller(all->own.most, layout->n_rows - in_batch);
    job.at.rows = job.in.x + start * n_in;
    job.at.labels = job.in.y + start;
    size_t n_columns = parts(n, PANEL) * n_in + PANEL, n_listed = n_lists * n + 2;
    size_t bytes[N_PARTS] = {2 * n, 2 * n, n_columns * PANEL, 2 * n_columns,
                             4 * parts(n, PANEL) + 4, 4 * n_lists + 4, 2 * n_listed, n_listed * span};
    if (!(room.memory = new_parts(room.parts, bytes)))
        return;
    order_rows(&job, &room);
    n_columns = lay_panels(&job, &room);
    n_listed = job.in.y ? list_rows(&job, &room) : 0;
    if (n_listed > n_lists * n / 4 * 3) /* it takes less time to go through all rows */
        n_listed = 0;
    bytes[2] = n_columns * PANEL, bytes[3] = 2 * n_columns;
    bytes[6] = 2 * n_listed, bytes[7] = n_listed * span;
    atomic_fetch_add(&layout->n_cells, n_columns * PANEL);
    if (n_columns * PANEL <= 2 * n * n_in && (chunk->memory = new_parts(chunk->parts, bytes))) {
        for (int i = 0; i < N_PARTS; i++)
            memcpy(chunk->parts[i], room.parts[i], bytes[i]);
        chunk->lists = n_listed ? chunk->lists : NULL;
    }
    free(room.memory);
    if (job.in.is_map) { /* its whole pages are given back: if they must, they are read again */
        size_t page = (size_t)sysconf(_SC_PAGESIZE), first = parts((size_t)job.at.rows, page);
        size_t end = (size_t)(job.at.rows + n * n_in) / page;
        if (first < end)
            madvise((void *)(first * page), (end - first) * page, MADV_DONTNEED);
    }
}

static size_t next_phase(Job *job)
{
    size_t n = job->at.task ? 0 : job->in.layout->n_chunks;
    job->at.task = lay_chunk;
    return n;
}

Layout *new_layout(Job *job, size_t n_threads)
{
    size_t n_rows = job->in.n_rows, most = rows_of_chunk(n_rows, job->in.n_in);
    size_t of_batch = parts(n_rows, most), n_chunks = job->in.n_all / n_rows * of_batch;
    Layout *layout = calloc(1, sizeof *layout + n_chunks * sizeof *layout->chunks);
    if (layout) {
        size_t span = job->in.set->span;
        *layout = (Layout){job->in.n_all, n_rows, job->in.n_in, span, of_batch, n_chunks, 0};
        job->in.layout = layout;
        job->own.most = most;
        work(job, next_phase, n_threads);
    }
    return layout;
}
