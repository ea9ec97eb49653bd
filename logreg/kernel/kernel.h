/* Softmax regression: what the files of the kernel share.

   Scores are computed in panels of 16 rows: a lane of a vector is a row. A column that is blank in
   all 16 rows is left out. Gradients are summed in tiles of 16 columns: a lane is a column. A row
   that is blank in the tile is left out. Nothing is summed across lanes. A score is summed column by
   column, a gradient row by row in the order of x, with fma. So the bits of a result do not depend
   on the size of a vector, on threads, on how many steps a call takes, or on a layout. An x86-64
   without fma gives other bits.

   Python sees three functions. Arrays are contiguous and aligned. x has bytes or the type of W, which
   is float or double, and so have weights. Labels are int32, starts and classes int64, costs double.
   The caller must not change them meanwhile: Python's lock is released. Arrays that do not go
   together are a ValueError, and so is a label that is no class: then what was written means nothing.

   lay_out(x, y, n_rows, is_map, n_threads)
       Lays out the minibatches of n_rows rows of bytes, in an object that owns their memory. For
       `classes`, y is None. Rows that would take more than twice their room, or find no memory, are
       computed as they come. If x is a file's map that is only read, its pages are given back.
   classes((x, scale, layout), (W, b), classes, n_threads)
       Finds the class with the largest score scale * x W + b of each row, the first one of several.
   descend((x, scale, layout), (W, b), (y, weights), starts, costs, n_rows, n_threads, rule, velocities)
       Takes a step from each start on, and writes the cost before it. The cost is the mean negative
       log-likelihood of n_rows rows, each times its weight, plus l2 times the sum of the squares of
       W. Without weights, all are 1. The rule is (rate, l2, momentum). W, b and their velocities are
       changed; with empty velocities there is no momentum. If the rate is NaN, there is one start,
       and W and b become the gradients of the mean. */

#pragma once

#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#define PANEL 16    /* rows of a panel, and columns of a tile */
#define CHUNK 1024  /* rows that are scored before their gradient is summed, at the most */
#define GROUP 4     /* panels or tiles of a task, if W is too large for a near cache */
#define UNSLICED 24 /* classes, at the most, with which W is used as it is */
#define SIDE 4      /* a tile is a square of pixels with this side */

#define JOIN2(a, b) a##_##b
#define JOIN(a, b) JOIN2(a, b)
#if defined(__clang__)
#define UNROLLED _Pragma("clang loop unroll(full)")
#else
#define UNROLLED _Pragma("GCC unroll 24")
#endif

#pragma GCC visibility push(hidden)

/* A piece of memory, of which pointers are taken. Without memory, `take` only counts. */
typedef struct {
    char *memory;
    size_t used;
} Arena;

/* Take bytes at a multiple of 64: so no vector lies on two cache lines. */
void *take(Arena *arena, size_t n_bytes);

/* Get memory for what was counted; returns 0 if there is none. */
int provide(Arena *arena);

/* Rows that are laid out. Each row has a place in the panels. */
typedef struct {
    uint16_t *order;    /* the row at each place, */
    uint16_t *place_of; /* and the place of each row */
    uint8_t *cells;     /* the numbers of the panels, column by column; NULL: not laid out */
    uint16_t *columns;  /* the columns that they belong to */
    uint32_t *starts;   /* where the columns of each panel begin */
    uint32_t *lists;    /* where the rows of each tile begin; NULL if tiles list no rows */
    uint16_t *places;   /* the places of these rows, in the order of x, */
    uint8_t *ink;       /* and their numbers in the tile */
} Panels;

/* The minibatches of a data set. Each one has `n_chunks` chunks. */
typedef struct {
    size_t n_all, n_rows, n_in; /* rows of the set and of a minibatch, columns */
    size_t image_width;
    size_t n_chunks, n_panels; /* chunks of a minibatch, and of the set */
    atomic_size_t n_cells;     /* of all panels */
    char *memory;              /* n_bytes of addresses, of which the first n_used are used */
    size_t n_bytes;
    atomic_size_t n_used;
    Panels panels[];
} Layout;

typedef struct Job Job;
typedef void Task(Job *, size_t block);

/* The tasks for one set of instructions and one type of W. */
typedef struct {
    size_t n_classes; /* of which registers hold the sums */
    Task *score_panels, *add_gradients;
} Loops;

extern const Loops float_avx512, double_avx512, float_avx2, double_avx2, float_plain, double_plain;

/* Rows of a minibatch that are scored together. */
typedef struct {
    size_t step, first, n; /* the step, the first row in the minibatch, and the number of rows */
    const char *rows;
    const int32_t *labels;
    const void *weights; /* or NULL */
    const Panels *panels;
} Chunk;

struct Job {
    /* The arguments. */
    const char *x;
    const int32_t *y;    /* NULL for `classes` */
    const void *weights; /* or NULL */
    void *W, *b, *velocity_of_W, *velocity_of_b; /* the last two: NULL without momentum */
    size_t n_all, n_rows, n_in, n_out;
    size_t cell, real; /* bytes of a number of x, and of W */
    double scale, rate, l2, momentum;
    const int64_t *starts;
    size_t n_steps;
    Layout *layout; /* or NULL */
    int64_t *classes;
    double *costs;
    int is_step, is_map;

    /* How the work is divided. */
    const Loops *loops;
    size_t width;       /* classes of a slice of W, at the most: registers hold their sums */
    int is_sliced;      /* whether the slices of W lie one after the other in memory */
    size_t rows_of_chunk;
    size_t group;       /* panels of a task */
    size_t image_width; /* in pixels; SIDE for a table */

    /* Memory of the job. */
    void *scores;              /* panel by panel, class by class */
    void *by_scores;           /* gradients by the scores: slice by slice, place by place */
    void *totals, *margins;    /* of each place: the sum of exponentials, and the label's exponent */
    void *weight_at;           /* the weight of each place */
    void *sums, *sums_of_b;    /* gradients by W, tile by tile, class by class; and by b */
    void *sliced_W, *sliced_v; /* W and its velocity in slices, or W and its velocity */
    double *squares;           /* sums of squares of each row of W */
    Panels as_they_come;       /* of rows that are not laid out: has only their order */

    Chunk at;          /* where the job is */
    atomic_size_t bad; /* 1 + a row whose label is none of the classes */
};

/* Lay out the columns from `first` to `last` of PANEL rows, but for those that are blank in all rows.
   The numbers of the others count from `first`. Returns how many they are; up to 16 bytes a row
   behind them mean nothing. */
typedef size_t Lay(const char *const *rows, size_t first, size_t last, void *cells, uint16_t *columns);
Lay lay_uint8_t, lay_uint32_t, lay_uint64_t;

/* Turn PANEL numbers of each of n classes, class by class, into n numbers side by side, PANEL times.
   Up to 3 numbers behind them mean nothing. */
typedef void Turn(const void *from, size_t n, void *to);
Turn turn_uint8_t, turn_uint32_t, turn_uint64_t;

/* Lay out all minibatches of a job's rows; returns NULL without memory. */
Layout *new_layout(Job *job, size_t n_threads);
void free_layout(Layout *layout);

/* This thread and others, which end with `dismiss`: nothing is left for a forked child. */
typedef struct Team Team;
Team *gather(Job *job, size_t n_threads);

/* Do a task for the blocks 0 .. n_blocks - 1, below 2^32, together. Returns when all are done. */
void share(Team *team, Job *job, Task *task, size_t n_blocks);
void dismiss(Team *team);

#pragma GCC visibility pop

static inline size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline size_t divide_up(size_t n, size_t size)
{
    return n / size + (n % size != 0);
}

/* Rows of a chunk, at the most: their scores, and floats, should stay in a cache. */
static inline size_t rows_of_chunk(size_t n_rows, size_t bytes_of_row)
{
    size_t n_panels = (1 << 16) / bytes_of_row;
    return PANEL * smaller(divide_up(n_rows, PANEL), smaller(n_panels < 8 ? 8 : n_panels, CHUNK / PANEL));
}

/* The first column of a tile. In a table, a tile is PANEL columns side by side. */
static inline size_t column_of_tile(size_t image_width, size_t tile)
{
    size_t n_side_by_side = image_width / SIDE;
    return tile / n_side_by_side * SIDE * image_width + tile % n_side_by_side * SIDE;
}

/* The number of classes of the slice that begins with this one. */
static inline size_t classes_from(const Job *job, size_t class)
{
    return smaller(job->width, job->n_out - class);
}

/* Tiles of a task of gradients: a cache line of each row, if rows are read as they come. */
static inline size_t tiles_of_task(const Job *job)
{
    return job->group > 1 || (job->cell == 1 && !job->at.panels->lists) ? GROUP : 1;
}

/* The row at a place; behind the last row, the first one of the panel. */
static inline size_t row_at(const Panels *panels, size_t n_rows, size_t place)
{
    return panels->order[place < n_rows ? place : place / PANEL * PANEL];
}

static inline void find_rows(const Chunk *chunk, const Panels *panels, size_t panel, size_t bytes_of_row,
                             const char **rows)
{
    for (size_t i = 0; i < PANEL; i++)
        rows[i] = chunk->rows + row_at(panels, chunk->n, panel * PANEL + i) * bytes_of_row;
}
