/* Lays out the minibatches of a set of bytes before the first step. */

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "kernel.h"

/* What needs room: rows, columns of all panels, tiles, and rows listed in all tiles. */
typedef struct {
    size_t n_rows, n_columns, n_tiles, n_listed;
} Sizes;

static Sizes largest_sizes(const Job *job, size_t n_rows)
{
    size_t n_tiles = divide_up(job->n_in, PANEL);
    return (Sizes){n_rows, divide_up(n_rows, PANEL) * job->n_in, n_tiles, n_tiles * n_rows};
}

/* Take memory, and copy there what lies at `from`, unless that is NULL. */
static void *take_copy(Arena *arena, const void *from, size_t n_bytes)
{
    void *memory = take(arena, n_bytes);
    return from ? memcpy(memory, from, n_bytes) : memory;
}

/* PANEL more items have room: they may be overwritten. */
static Lists take_lists(Arena *arena, Lists from, size_t n_lists, size_t n_items)
{
    Lists lists;
    lists.starts = take_copy(arena, from.starts, 4 * (n_lists + 1));
    lists.items = take_copy(arena, from.items, 2 * (n_items + PANEL));
    lists.cells = take_copy(arena, from.cells, (n_items + PANEL) * PANEL);
    return lists;
}

/* Take memory for rows, and copy there those of `from`; {0} has none. */
static LaidRows take_rows(Arena *arena, LaidRows from, Sizes sizes)
{
    LaidRows laid;
    laid.order = take_copy(arena, from.order, 2 * sizes.n_rows);
    laid.place_of = take_copy(arena, from.place_of, 2 * (sizes.n_rows + PANEL));
    laid.panels = take_lists(arena, from.panels, divide_up(sizes.n_rows, PANEL), sizes.n_columns);
    laid.tiles = take_lists(arena, from.tiles, sizes.n_tiles, sizes.n_listed);
    return laid;
}

static size_t bytes_of_rows(Sizes sizes)
{
    Arena arena = {0};
    take_rows(&arena, (LaidRows){0}, sizes);
    return arena.used;
}

static int compare(const void *a, const void *b)
{
    uint64_t one = *(const uint64_t *)a, other = *(const uint64_t *)b;
    return (one > other) - (one < other);
}

/* Order rows by label, then by their last ink: panels have more blank columns then. */
static void order_rows(const Job *job, const Chunk *chunk, const LaidRows *laid)
{
    uint64_t keys[CHUNK];
    for (size_t row = 0; row < chunk->n; row++) {
        const char *cells = job->x + (chunk->row + row) * job->n_in;
        uint64_t end = job->n_in, label = job->y ? (uint32_t)job->y[chunk->row + row] : 0;
        while (end > 0 && !cells[end - 1])
            end--;
        keys[row] = label << 32 | end << 16 | row;
    }
    qsort(keys, chunk->n, sizeof *keys, compare);
    for (size_t place = 0; place < chunk->n; place++) {
        laid->order[place] = (uint16_t)keys[place];
        laid->place_of[laid->order[place]] = (uint16_t)place;
    }
}

/* Returns the number of columns of all panels. */
static size_t lay_panels(const Job *job, const Chunk *chunk, Lists panels)
{
    size_t n = 0, n_panels = divide_up(chunk->n, PANEL);
    for (size_t panel = 0; panel < n_panels; panel++) {
        const char *rows[PANEL];
        find_rows(job, chunk, panel, rows);
        panels.starts[panel] = (uint32_t)n;
        n += lay_uint8_t(rows, 0, job->n_in, panels.cells + n * PANEL, panels.items + n);
    }
    panels.starts[n_panels] = (uint32_t)n;
    return n;
}

/* Copy a row's tile; returns whether a number in it is not 0. */
static size_t copy_ink(const Job *job, const char *row, size_t column, void *tile)
{
    uint32_t ink[SIDE] = {0};
    copy_tile(job, row, column, 1, (char *)ink);
    memcpy(tile, ink, PANEL);
    return (ink[0] | ink[1] | ink[2] | ink[3]) != 0;
}

/* List the rows with ink in each tile; returns their number. */
static size_t list_rows(const Job *job, const Chunk *chunk, Lists tiles)
{
    size_t n = 0, n_tiles = divide_up(job->n_in, PANEL);
    for (size_t tile = 0; tile < n_tiles; tile++) {
        size_t column = column_of_tile(job, tile);
        tiles.starts[tile] = (uint32_t)n;
        for (size_t row = 0; row < chunk->n; row++) {
            const char *cells = job->x + (chunk->row + row) * job->n_in;
            tiles.items[n] = chunk->laid->place_of[row];
            n += copy_ink(job, cells, column, tiles.cells + n * PANEL);
        }
    }
    tiles.starts[n_tiles] = (uint32_t)n;
    return n;
}

/* Give a map's whole pages back, which can be read again. */
static void give_pages_back(const char *begin, const char *end)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t first = divide_up((size_t)begin, page), last = (size_t)end / page;
    if (first < last)
        madvise((void *)(first * page), (last - first) * page, MADV_DONTNEED);
}

/* Task: lay out a chunk in the largest room that it can need, then keep a copy. */
static void lay_chunk(Job *job, size_t index)
{
    Layout *layout = job->layout;
    size_t n_chunks = divide_up(job->n_rows, job->rows_of_chunk);
    Chunk chunk = chunk_at(job, index / n_chunks * job->n_rows, index % n_chunks * job->rows_of_chunk);
    Sizes largest = largest_sizes(job, chunk.n);
    Arena arena = {.used = bytes_of_rows(largest)};
    if (!provide(&arena))
        return;
    LaidRows room = take_rows(&arena, (LaidRows){0}, largest);
    chunk.laid = &room;
    order_rows(job, &chunk, &room);
    size_t n_columns = lay_panels(job, &chunk, room.panels);
    size_t n_listed = job->y ? list_rows(job, &chunk, room.tiles) : 0;
    int has_lists = n_listed > 0 && (job->image_width > SIDE || n_listed <= largest.n_listed / 4 * 3);
    Sizes sizes = {chunk.n, n_columns, largest.n_tiles, has_lists ? n_listed : 0};
    atomic_fetch_add(&layout->n_cells, n_columns * PANEL);
    if (n_columns * PANEL <= 2 * chunk.n * job->n_in) {
        size_t at = atomic_fetch_add(&layout->n_used, bytes_of_rows(sizes));
        Arena place = {.memory = layout->memory, .used = at};
        layout->chunks[index] = take_rows(&place, room, sizes);
        if (!has_lists) /* it takes less time to go through all rows */
            layout->chunks[index].tiles.starts = NULL;
    }
    free(arena.memory);
    const char *rows = job->x + chunk.row * job->n_in;
    if (job->is_map)
        give_pages_back(rows, rows + chunk.n * job->n_in);
}

/* The width of images if they are squares with many blank tiles, else SIDE. */
static size_t find_image_width(Job *job)
{
    size_t width = SIDE, n_inked = 0, n_tiles = job->n_in / PANEL, n_rows = smaller(job->n_rows, CHUNK);
    uint8_t tile[PANEL];
    while (width * width < job->n_in)
        width += SIDE;
    if (width * width != job->n_in)
        return SIDE;
    job->image_width = width;
    for (size_t row = 0; row < n_rows; row++)
        for (size_t i = 0; i < n_tiles; i++)
            n_inked += copy_ink(job, job->x + row * job->n_in, column_of_tile(job, i), tile);
    return n_inked <= n_rows * n_tiles / 4 * 3 ? width : SIDE;
}

/* Reserve addresses. Memory is taken as it is written to, in large pages: with small ones, a step took
   1.1 times as long. */
static int reserve(Layout *layout, size_t n_bytes)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    void *memory = mmap(NULL, n_bytes, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (memory == MAP_FAILED)
        return 0;
#if defined(MADV_HUGEPAGE)
    madvise(memory, n_bytes, MADV_HUGEPAGE);
#endif
    layout->memory = memory;
    layout->n_bytes = n_bytes;
    return 1;
}

Layout *new_layout(Job *job, size_t n_threads)
{
    job->rows_of_chunk = rows_of_chunk(job);
    size_t n_chunks = divide_up(job->n_rows, job->rows_of_chunk);
    size_t n_all_chunks = job->n_all / job->n_rows * n_chunks;
    Layout *layout = calloc(1, sizeof *layout + n_all_chunks * sizeof *layout->chunks);
    if (!layout)
        return NULL;
    job->layout = layout;
    layout->n_all = job->n_all;
    layout->n_rows = job->n_rows;
    layout->n_in = job->n_in;
    layout->image_width = job->image_width = find_image_width(job);
    if (reserve(layout, n_all_chunks * bytes_of_rows(largest_sizes(job, job->rows_of_chunk)))) {
        Team *team = gather(job, n_threads);
        share(team, job, lay_chunk, n_all_chunks);
        dismiss(team);
    }
    return layout;
}

void free_layout(Layout *layout)
{
    if (layout->memory)
        munmap(layout->memory, layout->n_bytes);
    free(layout);
}
