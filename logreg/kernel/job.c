/* Takes the steps of a job, or finds the classes of its rows. */

#include <stdlib.h>
#include "kernel.h"

#define LARGE (1 << 18) /* bytes of W that a near cache does not hold */
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

static void divide_work(Job *job)
{
    size_t n_slices = divide_up(job->n_out, job->loops->n_classes);
    job->slice_width = divide_up(job->n_out, n_slices); /* all about as wide */
    job->is_sliced = job->n_out > MAX_UNSLICED;
    job->rows_of_chunk = rows_of_chunk(job);
    job->panels_of_task = job->n_in * job->n_out * job->W_itemsize > LARGE ? GROUP : 1;
    job->image_width = job->layout ? job->layout->image_width : SIDE;
}

static void take_memory(Job *job, Arena *arena)
{
    size_t n = job->rows_of_chunk, n_out = job->n_out, row_of_W = n_out * job->W_itemsize;
    size_t all_of_W = divide_up(job->n_in, PANEL) * PANEL * row_of_W;
    job->scores = take(arena, n * row_of_W);
    job->score_gradients = take(arena, n * row_of_W);
    job->exp_sums = take(arena, n * job->W_itemsize);
    job->label_scores = take(arena, n * job->W_itemsize);
    job->place_weights = take(arena, n * job->W_itemsize);
    job->sums = take(arena, job->y ? all_of_W : 0);
    job->sums_of_b = take(arena, PANEL * row_of_W);
    job->squares = take(arena, job->n_in * sizeof *job->squares);
    job->as_they_come.order = take(arena, 2 * (n + PANEL)); /* prefetches read more than n */
    job->working_W = job->is_sliced ? take(arena, all_of_W) : job->W;
    job->working_v = job->is_sliced && job->velocity_of_W ? take(arena, all_of_W) : job->velocity_of_W;
}

/* Copy W and its velocity to slices one after the other, or back. */
static void slice(const Job *job, int is_back)
{
    char *whole[] = {job->W, job->velocity_of_W}, *sliced[] = {job->working_W, job->working_v};
    for (int i = 0; i < 2 && whole[i] && job->is_sliced; i++)
        for (size_t class = 0; class < job->n_out; class += job->slice_width)
            for (size_t k = 0; k < job->n_in; k++) {
                size_t n = slice_classes(job, class) * job->W_itemsize;
                char *row = whole[i] + (k * job->n_out + class) * job->W_itemsize;
                if (is_back)
                    memcpy(row, sliced[i], n);
                else
                    memcpy(sliced[i], row, n);
                sliced[i] += n;
            }
}

Chunk chunk_at(const Job *job, size_t start, size_t first)
{
    size_t n = smaller(job->rows_of_chunk, job->n_rows - first);
    Chunk chunk = {start + first, first, n, &job->as_they_come};
    if (job->layout) {
        size_t n_chunks = divide_up(job->n_rows, job->rows_of_chunk);
        size_t index = start / job->n_rows * n_chunks + first / job->rows_of_chunk;
        if (has_panels(&job->layout->chunks[index]))
            chunk.laid = &job->layout->chunks[index];
    }
    return chunk;
}

/* The sum of the squares of W before the step, in an order that depends only on n_in. */
static double sum_of_squares(const Job *job)
{
    double sums[8] = {0};
    for (size_t k = 0; k < job->n_in; k++)
        sums[k % 8] += job->squares[k];
    for (size_t i = 1; i < 8; i++)
        sums[0] += sums[i];
    return sums[0];
}

static void do_steps(Job *job, Team *team)
{
    for (job->step = 0; job->step < job->n_steps; job->step++) {
        size_t start = job->y ? (size_t)job->starts[job->step] : 0;
        for (size_t first = 0; first < job->n_rows; first += job->rows_of_chunk) {
            job->chunk = chunk_at(job, start, first);
            size_t n_panels = divide_up(job->chunk.n, PANEL), n_tiles = divide_up(job->n_in, PANEL);
            share(team, job, job->loops->score_panels, divide_up(n_panels, job->panels_of_task));
            if (atomic_load(&job->bad_row))
                return;
            if (job->y)
                share(team, job, job->loops->add_gradients, 1 + divide_up(n_tiles, tiles_of_task(job)));
        }
        if (job->l2 != 0)
            job->costs[job->step] += job->l2 * sum_of_squares(job);
    }
}

int run_job(Job *job, size_t n_threads)
{
    Arena arena = {0};
    divide_work(job);
    take_memory(job, &arena);
    if (!provide(&arena))
        return 0;
    take_memory(job, &arena);
    for (size_t i = 0; i < job->rows_of_chunk; i++)
        job->as_they_come.order[i] = (uint16_t)i;
    job->as_they_come.place_of = job->as_they_come.order;
    slice(job, 0);
    Team *team = gather(job, n_threads);
    do_steps(job, team);
    dismiss(team);
    if (job->y)
        slice(job, 1);
    free(arena.memory);
    return 1;
}
