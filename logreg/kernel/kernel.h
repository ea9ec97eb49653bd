/* Softmax regression: what the files of the kernel share.

   Scores are computed in panels of 16 rows, each in a lane of a vector, without columns that are blank
   in all of them. Gradients are summed in tiles of 16 columns, each in a lane, without rows that are
   blank there. A score is summed column by column, a gradient row by row in the order of x, with fma.
   So bits depend on fma (an x86-64 without it gives others), but not on vectors, threads, steps a call
   or layouts. */

#pragma once

#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#define PANEL 16        /* rows of a panel, and columns of a tile */
#define CHUNK 1024      /* most rows that are scored before their gradient is summed */
#define GROUP 4         /* panels or tiles of a task, if W is too large for a near cache */
#define MAX_UNSLICED 24 /* with more classes, W is copied to slices */
#define SIDE 4          /* of an image's tile, a square */

#define JOIN2(a, b) a##_##b
#define JOIN(a, b) JOIN2(a, b)
#if defined(__clang__)
#define UNROLLED _Pragma("clang loop unroll(full)")
#else
#define UNROLLED _Pragma("GCC unroll 24")
#endif

#pragma GCC visibility push(hidden)

/* Lists one after the other: `starts` has where each begins and the last ends. */
typedef struct {
    uint32_t *starts;
    uint16_t *items;
    uint8_t *cells; /* PANEL numbers an item */
} Lists;

/* Rows of a chunk, each at a place. They are in one of three states:

                       panels   tiles
     as they come         -       -
     laid out             +       -     to find classes, or where few tiles are blank
     laid out with tiles  +       +   */
typedef struct {
    uint16_t *order;    /* the row at each place */
    uint16_t *place_of; /* the place of each row */
    Lists panels;       /* columns that are not blank there, or NULL cells */
    Lists tiles;        /* places of rows that are not blank there, in the order of x; or NULL starts */
} LaidRows;

typedef struct {
    size_t n_all, n_rows, n_in; /* of its job */
    size_t image_width;
    atomic_size_t n_cells; /* of all panels */
    char *memory;
    size_t n_bytes; /* of `memory` */
    atomic_size_t n_used;
    LaidRows chunks[];
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
    size_t row, first, n; /* the first one, in x and in the minibatch, and their number */
    const LaidRows *laid;
} Chunk;

struct Job {
    /* The arguments. */
    const char *x;
    const int32_t *y;    /* NULL: classes are found */
    const void *weights; /* or NULL */
    void *W, *b, *velocity_of_W, *velocity_of_b; /* velocities: NULL without momentum */
    size_t n_all, n_rows;        /* rows of x, and of a minibatch */
    size_t n_in, n_out;          /* columns and classes */
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
    size_t slice_width; /* classes of a slice of W: registers hold their sums */
    int is_sliced;      /* slices of W lie one after the other in memory */
    size_t rows_of_chunk, panels_of_task;
    size_t image_width; /* in pixels; SIDE for a table */

    /* Memory of the job. */
    void *scores;                /* panel by panel, class by class */
    void *score_gradients;       /* slice by slice, place by place */
    void *exp_sums;              /* of each place: the sum of exponentials, then the loss */
    void *label_scores;          /* minus the highest */
    void *place_weights;
    void *sums, *sums_of_b;      /* gradients by W, tile by tile, class by class; and by b */
    void *working_W, *working_v; /* W and its velocity, or their copies in slices */
    double *squares;             /* their sum in each row of W */
    LaidRows as_they_come;       /* only the order */

    size_t step;
    Chunk chunk;           /* the one being computed */
    atomic_size_t bad_row; /* 1 + a row whose label is no class */
};

/* Memory of which pieces are taken; `take` only counts while there is none. */
typedef struct {
    char *memory;
    size_t used;
} Arena;

/* Take bytes from a multiple of 64 on: so no vector lies on two cache lines. */
void *take(Arena *arena, size_t n_bytes);

/* Get memory for what was counted; 0: there is none. */
int provide(Arena *arena);

/* Do a job; 0: there is no memory for it. */
int run_job(Job *job, size_t n_threads);

/* The chunk that begins at row `first` of the minibatch that begins at row `start` of x. */
Chunk chunk_at(const Job *job, size_t start, size_t first);

Layout *new_layout(Job *job, size_t n_threads); /* NULL without memory */
void free_layout(Layout *layout);

/* Lay out the columns from `first` to `last` of PANEL rows that are not blank in all. `columns` count
   from `first`. Returns their number; up to PANEL more are overwritten. */
typedef size_t Lay(const char *const *rows, size_t first, size_t last, void *cells, uint16_t *columns);
Lay lay_uint8_t, lay_uint32_t, lay_uint64_t;

/* Transpose n times PANEL numbers; up to 3 more are overwritten. */
typedef void Transpose(const void *from, size_t n, void *to);
Transpose transpose_uint8_t, transpose_uint32_t, transpose_uint64_t;

/* Threads, with this one; all others end with `dismiss`: nothing is left for a forked child. */
typedef struct Team Team;
Team *gather(Job *job, size_t n_threads);

/* Do a task for the blocks 0 .. n_blocks - 1, below 2^32, together. */
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

/* Rows of a chunk: their scores should stay in a cache. */
static inline size_t rows_of_chunk(const Job *job)
{
    size_t n_panels = (1 << 16) / (job->n_in * job->itemsize);
    n_panels = smaller(n_panels < 8 ? 8 : n_panels, CHUNK / PANEL);
    return PANEL * smaller(divide_up(job->n_rows, PANEL), n_panels);
}

/* The first column of a tile. In a table, a tile is PANEL columns side by side. */
static inline size_t column_of_tile(const Job *job, size_t tile)
{
    size_t n_side_by_side = job->image_width / SIDE;
    return tile / n_side_by_side * SIDE * job->image_width + tile % n_side_by_side * SIDE;
}

/* Copy a row's tile that begins at a column. Columns beyond x are left as they are. */
static inline void copy_tile(const Job *job, const char *row, size_t column, size_t itemsize,
                             char *tile)
{
    size_t last = column + (SIDE - 1) * job->image_width + SIDE;
    for (size_t i = 0; i < SIDE; i++, column += job->image_width, tile += SIDE * itemsize)
        if (last <= job->n_in)
            memcpy(tile, row + column * itemsize, SIDE * itemsize);
        else if (column < job->n_in)
            memcpy(tile, row + column * itemsize, smaller(SIDE, job->n_in - column) * itemsize);
}

/* Classes of the slice that begins with this one. */
static inline size_t slice_classes(const Job *job, size_t class)
{
    return smaller(job->slice_width, job->n_out - class);
}

static inline int has_panels(const LaidRows *laid)
{
    return laid->panels.cells != NULL;
}

static inline int has_tiles(const LaidRows *laid)
{
    return laid->tiles.starts != NULL;
}

/* Tiles of a task of gradients; without lists, bytes are read by cache lines. */
static inline size_t tiles_of_task(const Job *job)
{
    int is_by_lines = job->itemsize == 1 && !has_tiles(job->chunk.laid);
    return is_by_lines || job->panels_of_task > 1 ? GROUP : 1;
}

/* The row at a place; beyond the last, the panel's first. */
static inline size_t row_at_place(const Chunk *chunk, size_t place)
{
    return chunk->laid->order[place < chunk->n ? place : place / PANEL * PANEL];
}

static inline void find_rows(const Job *job, const Chunk *chunk, size_t panel, const char **rows)
{
    for (size_t i = 0; i < PANEL; i++) {
        size_t row = chunk->row + row_at_place(chunk, panel * PANEL + i);
        rows[i] = job->x + row * job->n_in * job->itemsize;
    }
}
