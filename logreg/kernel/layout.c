/* Lays out the minibatches of a set of bytes before the first step. */

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "kernel.h"

#define ROUNDED(n) (((n) + 63) & ~(size_t)63)

void *take(Arena *arena, size_t n_bytes)
{
    size_t at = arena->used;
    arena->used += ROUNDED(n_bytes);
    return arena->memory ? (void *)(ROUNDED((size_t)arena->memory) + at) : NULL;
}

int provide(Arena *arena)
{
    arena->memory = malloc(arena->used + 64);
    arena->used = 0;
    return arena->memory != NULL;
}

/* How much room panels need: rows, columns of all panels, tiles, and rows listed in all tiles. */
typedef struct {
    size_t n_rows, n_columns, n_tiles, n_listed;
} Sizes;

static void take_panels(Arena *arena, Panels *panels, Sizes sizes)
{
    panels->order = take(arena, 2 * sizes.n_rows);
    panels->place_of = take(arena, 2 * (sizes.n_rows + PANEL));
    panels->panel_starts = take(arena, 4 * (divide_up(sizes.n_rows, PANEL) + 1));
    panels->tile_starts = take(arena, 4 * (sizes.n_tiles + 1));
    panels->columns = take(arena, 2 * (sizes.n_columns + PANEL));
    panels->cells = take(arena, (sizes.n_columns + PANEL) * PANEL);
    panels->tile_places = take(arena, 2 * (sizes.n_listed + PANEL));
    panels->tile_cells = take(arena, (sizes.n_listed + 1) * PANEL);
}

static size_t bytes_of_panels(Sizes sizes)
{
    Arena arena = {0};
    Panels panels;
    take_panels(&arena, &panels, sizes);
    return arena.used;
}

static void copy_panels(Panels *to, const Panels *from, Sizes sizes)
{
    memcpy(to->order, from->order, 2 * sizes.n_rows);
    memcpy(to->place_of, from->place_of, 2 * sizes.n_rows);
    memcpy(to->panel_starts, from->panel_starts, 4 * (divide_up(sizes.n_rows, PANEL) + 1));
    memcpy(to->tile_starts, from->tile_starts, 4 * (sizes.n_tiles + 1));
    memcpy(to->columns, from->columns, 2 * sizes.n_columns);
    memcpy(to->cells, from->cells, sizes.n_columns * PANEL);
    memcpy(to->tile_places, from->tile_places, 2 * sizes.n_listed);
    memcpy(to->tile_cells, from->tile_cells, sizes.n_listed * PANEL);
}

static int compare(const void *a, const void *b)
{
    uint64_t one = *(const uint64_t *)a, other = *(const uint64_t *)b;
    return (one > other) - (one < other);
}

/* Order rows by label, then by their last ink: so panels have more blank columns. */
static void order_rows(const Job *job, const Chunk *chunk, Panels *panels)
{
    uint64_t keys[CHUNK];
    for (size_t row = 0; row < chunk->n; row++) {
        const char *cells = chunk->rows + row * job->n_in;
        uint64_t end = job->n_in, label = job->y ? (uint32_t)chunk->labels[row] : 0;
        while (end > 0 && !cells[end - 1])
            end--;
        keys[row] = label << 32 | end << 16 | row;
    }
    qsort(keys, chunk->n, sizeof *keys, compare);
    for (size_t place = 0; place < chunk->n; place++) {
        panels->order[place] = (uint16_t)keys[place];
        panels->place_of[panels->order[place]] = (uint16_t)place;
    }
}

/* Returns the number of columns of all panels. */
static size_t lay_panels(const Job *job, const Chunk *chunk, Panels *panels)
{
    size_t n = 0, n_panels = divide_up(chunk->n, PANEL);
    for (size_t panel = 0; panel < n_panels; panel++) {
        const char *rows[PANEL];
        find_rows(chunk, panel, job->n_in, rows);
        panels->panel_starts[panel] = (uint32_t)n;
        n += lay_uint8_t(rows, 0, job->n_in, panels->cells + n * PANEL, panels->columns + n);
    }
    panels->panel_starts[n_panels] = (uint32_t)n;
    return n;
}

/* Copy a row's numbers in the tile at `column`; returns whether one is not 0. */
static int copy_tile(const Job *job, const char *row, size_t column, uint8_t *tile)
{
    uint32_t ink[SIDE] = {0};
    size_t n = job->n_in - column;
    if (job->image_width > SIDE)
        for (size_t i = 0; i < SIDE; i++)
            memcpy(&ink[i], row + column + i * job->image_width, SIDE);
    else if (n >= PANEL)
        memcpy(ink, row + column, PANEL);
    else
        memcpy(ink, row + column, n);
    memcpy(tile, ink, PANEL);
    return (ink[0] | ink[1] | ink[2] | ink[3]) != 0;
}

/* List the rows with ink in each tile; returns their number. */
static size_t list_rows(const Job *job, const Chunk *chunk, Panels *panels)
{
    size_t n = 0, n_tiles = divide_up(job->n_in, PANEL);
    for (size_t tile = 0; tile < n_tiles; tile++) {
        size_t column = column_of_tile(job->image_width, tile);
        panels->tile_starts[tile] = (uint32_t)n;
        for (size_t row = 0; row < chunk->n; row++) {
            panels->tile_places[n] = panels->place_of[row];
            uint8_t *cells = panels->tile_cells + n * PANEL;
            n += (size_t)copy_tile(job, chunk->rows + row * job->n_in, column, cells);
        }
    }
    panels->tile_starts[n_tiles] = (uint32_t)n;
    return n;
}

/* Give whole pages of a map back to the system, which can read them again. */
static void give_pages_back(const char *begin, const char *end)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t first = divide_up((size_t)begin, page), last = (size_t)end / page;
    if (first < last)
        madvise((void *)(first * page), (last - first) * page, MADV_DONTNEED);
}

/* Task: lay out a chunk in the largest room it can need, then keep a copy as large as it is. */
static void lay_chunk(Job *job, size_t index)
{
    Layout *layout = job->layout;
    Panels room, *kept = &layout->panels[index];
    size_t n_chunks = layout->n_chunks, first = index % n_chunks * job->rows_of_chunk;
    size_t start = index / n_chunks * job->n_rows + first, n_tiles = divide_up(job->n_in, PANEL);
    Chunk chunk = {.n = smaller(job->rows_of_chunk, job->n_rows - first), .panels = &room};
    chunk.rows = job->x + start * job->n_in;
    chunk.labels = job->y ? job->y + start : NULL;
    size_t all_columns = divide_up(chunk.n, PANEL) * job->n_in, all_listed = n_tiles * chunk.n;
    Arena arena = {.used = bytes_of_panels((Sizes){chunk.n, all_columns, n_tiles, all_listed})};
    if (!provide(&arena))
        return;
    take_panels(&arena, &room, (Sizes){chunk.n, all_columns, n_tiles, all_listed});
    order_rows(job, &chunk, &room);
    size_t n_columns = lay_panels(job, &chunk, &room);
    size_t n_listed = job->y ? list_rows(job, &chunk, &room) : 0;
    int has_lists = n_listed > 0 && (job->image_width > SIDE || n_listed <= all_listed / 4 * 3);
    Sizes sizes = {chunk.n, n_columns, n_tiles, has_lists ? n_listed : 0};
    atomic_fetch_add(&layout->n_cells, n_columns * PANEL);
    if (n_columns * PANEL <= 2 * chunk.n * job->n_in) {
        size_t at = atomic_fetch_add(&layout->n_used, bytes_of_panels(sizes));
        Arena place = {.memory = layout->memory, .used = at};
        take_panels(&place, kept, sizes);
        copy_panels(kept, &room, sizes);
        if (!has_lists) /* it takes less time to go through all rows */
            kept->tile_starts = NULL;
    }
    free(arena.memory);
    if (job->is_map)
        give_pages_back(chunk.rows, chunk.rows + chunk.n * job->n_in);
}

/* Returns the width of images if they are squares with many blank tiles, else SIDE. */
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
            n_inked += (size_t)copy_tile(job, job->x + row * job->n_in, column_of_tile(width, i), tile);
    return n_inked <= n_rows * n_tiles / 4 * 3 ? width : SIDE;
}

/* Reserve addresses for the largest panels. Memory is taken as it is written to, in large pages: with
   small ones, a step took 1.1 times as long. */
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
    job->rows_of_chunk = rows_of_chunk(job->n_rows, job->n_in);
    size_t n_chunks = divide_up(job->n_rows, job->rows_of_chunk), n = job->rows_of_chunk;
    size_t n_panels = job->n_all / job->n_rows * n_chunks, n_tiles = divide_up(job->n_in, PANEL);
    size_t n_columns = divide_up(n, PANEL) * job->n_in;
    Layout *layout = calloc(1, sizeof *layout + n_panels * sizeof *layout->panels);
    if (!layout)
        return NULL;
    job->layout = layout;
    layout->n_all = job->n_all;
    layout->n_rows = job->n_rows;
    layout->n_in = job->n_in;
    layout->image_width = job->image_width = find_image_width(job);
    layout->n_chunks = n_chunks;
    if (reserve(layout, n_panels * bytes_of_panels((Sizes){n, n_columns, n_tiles, n_tiles * n}))) {
        Team *team = gather(job, n_threads);
        share(team, job, lay_chunk, n_panels);
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
