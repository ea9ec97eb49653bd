/* Softmax regression: what the files of the kernel share.

   Scores are computed in panels of 16 rows: a lane of a vector is a row. Columns that are blank in all
   of them are left out. Gradients are summed in tiles of 16 columns: a lane is a column. Rows that are
   blank there are left out. A score is summed column by column, a gradient row by row in the order of
   x, with fma, nothing across lanes. So bits depend on fma (an x86-64 without it gives others), but not
   on vectors, threads, steps a call or layouts.

   Python sees three functions. Arrays are contiguous and aligned, and nobody may change them during a
   call, which releases Python's lock. x has bytes or the type of W: float or double, as are weights.
   Labels are int32, starts and classes int64, costs double. Arrays that do not go together and labels
   that are no class are a ValueError; then what was written means nothing.

   lay_out(x, y, n_rows, is_map, n_threads)
       Lays out minibatches of n_rows rows of bytes, in an object that owns their memory. For `classes`,
       y is None. Minibatches that would take more than twice their room, or find no memory, are
       computed without. is_map: x is a file's map that is only read, whose pages are given back.
   classes((x, scale, layout), (W, b), classes, n_threads)
       Finds the class with the largest score scale * x W + b of each row, the first one of several.
   descend((x, scale, layout), (W, b), (y, weights), starts, costs, n_rows, n_threads,
           (rate, l2, momentum), velocities)
       Takes a step from each start on, and writes the cost before it: the mean of n_rows negative
       log-likelihoods, each times its weight (None: 1), plus l2 times the sum of the squares of W.
       W, b and their velocities (empty: no momentum) are changed. If the rate is NaN, there is one
       start, and W and b become the gradients of the mean. */

#pragma once

#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#define PANEL 16        /* rows of a panel, and columns of a tile */
#define CHUNK 1024      /* most rows that are scored before their gradient is summed */
#define GROUP 4         /* panels or tiles of a task, if W is too large for a near cache */
#define MAX_UNSLICED 24 /* with more classes, W is copied to slices */
#define SIDE 4          /* a tile of an image is a square with this side */

#define JOIN2(a, b) a##_##b
#define JOIN(a, b) JOIN2(a, b)
#if defined(__clang__)
#define UNROLLED _Pragma("clang loop unroll(full)")
#else
#define UNROLLED _Pragma("GCC unroll 24")
#endif

#pragma GCC visibility push(hidden)

/* Memory of which pieces are taken; `take` only counts while there is none. */
typedef struct {
    char *memory;
    size_t used;
} Arena;

/* Take bytes at a multiple of 64: so no vector lies on two cache lines. */
void *take(Arena *arena, size_t n_bytes);

/* Get memory for what was counted; returns 0 if there is none. */
int provide(Arena *arena);

/* Rows that are laid out, each at a place. `columns` and `cells` hold the panels one after the other,
   `tile_places` and `tile_cells` the tiles; the starts say where each begins and the last ends. */
typedef struct {
    uint16_t *order;    /* the row at each place */
    uint16_t *place_of; /* the place of each row */
    uint32_t *panel_starts;
    uint16_t *columns;     /* that are not blank in the panel, */
    uint8_t *cells;        /* and their numbers; NULL: not laid out */
    uint32_t *tile_starts; /* NULL: tiles list no rows */
    uint16_t *tile_places; /* of rows that are not blank in the tile, in the order of x, */
    uint8_t *tile_cells;   /* and their numbers */
} Panels;

typedef struct {
    size_t n_all, n_rows, n_in; /* rows of the set and of a minibatch, columns */
    size_t image_width;
    size_t n_chunks;       /* of a minibatch */
    atomic_size_t n_cells; /* of all panels */
    char *memory;
    size_t n_bytes; /* of addresses in `memory` */
    atomic_size_t n_used;
    Panels panels[];
} Layout;

typedef struct Job Job;
typedef void Task(Job *, size_t block);

/* The tasks for one set of instructions and one type of W. */
typedef struct {
    size_t n_classes; /* whose sums fit into registers */
    Task *score_panels, *add_gradients;
} Loops;

extern const Loops float_avx512, double_avx512, float_avx2, double_avx2, float_plain, double_plain;

/* Rows of a minibatch that are scored together. */
typedef struct {
    size_t step, first, n; /* first: the row in the minibatch; n: rows */
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
    void *W, *b, *velocity_of_W, *velocity_of_b; /* velocities: NULL without momentum */
    size_t n_all, n_rows, n_in, n_out;
    size_t itemsize, W_itemsize; /* bytes of a number of x, and of W */
    double scale, rate, l2, momentum;
    const int64_t *starts;
    size_t n_steps;
    Layout *layout; /* or NULL */
    int64_t *classes;
    double *costs;
    int is_step; /* 0: W and b become gradients */
    int is_map;  /* x is a file's map */

    /* How the work is divided. */
    const Loops *loops;
    size_t slice_width; /* classes of a slice of W, at the most: registers hold their sums */
    int is_sliced;      /* whether the slices of W lie one after the other in memory */
    size_t rows_of_chunk, panels_of_task;
    size_t image_width; /* in pixels; SIDE for a table */

    /* Memory of the job. */
    void *scores;                /* panel by panel, class by class */
    void *score_gradients;       /* gradients by the scores: slice by slice, place by place */
    void *exp_sums;              /* of each place: the sum of exponentials, then the loss */
    void *label_scores;          /* the label's score minus the highest */
    void *place_weights;
    void *sums, *sums_of_b;      /* gradients by W, tile by tile, class by class; and by b */
    void *working_W, *working_v; /* W and its velocity, or their copies in slices */
    double *squares;             /* sums of squares of each row of W */
    Panels as_they_come;         /* of rows that are not laid out: has only their order */

    Chunk chunk;           /* the one being computed */
    atomic_size_t bad_row; /* 1 + a row whose label is no class */
};

/* Lay out the columns from `first` to `last` of PANEL rows, without those that are blank in all rows.
   `columns` count from `first`. Returns how many were laid out; up to PANEL more are overwritten. */
typedef size_t Lay(const char *const *rows, size_t first, size_t last, void *cells, uint16_t *columns);
Lay lay_uint8_t, lay_uint32_t, lay_uint64_t;

/* Transpose n times PANEL numbers; up to 3 numbers behind the result are overwritten. */
typedef void Transpose(const void *from, size_t n, void *to);
Transpose transpose_uint8_t, transpose_uint32_t, transpose_uint64_t;

Layout *new_layout(Job *job, size_t n_threads); /* NULL without memory */
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

/* Rows of a chunk, at the most: their scores should stay in a cache. */
static inline size_t rows_of_chunk(size_t n_rows, size_t bytes_of_row)
{
    size_t n_panels = (1 << 16) / bytes_of_row;
    return PANEL * smaller(divide_up(n_rows, PANEL), smaller(n_panels < 8 ? 8 : n_panels, CHUNK / PANEL));
}

static inline int is_laid_out(const Panels *panels)
{
    return panels->cells != NULL;
}

/* The first column of a tile. In a table, a tile is PANEL columns side by side. */
static inline size_t column_of_tile(size_t image_width, size_t tile)
{
    size_t n_side_by_side = image_width / SIDE;
    return tile / n_side_by_side * SIDE * image_width + tile % n_side_by_side * SIDE;
}

/* The number of classes of the slice that begins with this one. */
static inline size_t slice_classes(const Job *job, size_t class)
{
    return smaller(job->slice_width, job->n_out - class);
}

/* Tiles of a task of gradients; without lists, bytes are read by cache lines. */
static inline size_t tiles_of_task(const Job *job)
{
    int is_by_lines = job->itemsize == 1 && !job->chunk.panels->tile_starts;
    return job->panels_of_task > 1 || is_by_lines ? GROUP : 1;
}

/* The row at a place; behind the last row, the first one of the panel. */
static inline size_t row_at_place(const Chunk *chunk, size_t place)
{
    return chunk->panels->order[place < chunk->n ? place : place / PANEL * PANEL];
}

static inline void find_rows(const Chunk *chunk, size_t panel, size_t bytes_of_row, const char **rows)
{
    for (size_t i = 0; i < PANEL; i++)
        rows[i] = chunk->rows + row_at_place(chunk, panel * PANEL + i) * bytes_of_row;
}
