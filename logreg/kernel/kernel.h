/* Softmax regression: what the files of the kernel share, each of which begins with what it does.

   Rows are scored in panels of 16: the numbers of a column lie side by side, a lane of a vector is a
   row, and a column that is blank in all 16 rows is left out. Gradients are summed in blocks of
   columns: a lane is a column, and a row that is blank in the block is left out. So nothing is summed
   across lanes: a score is summed column by column, a gradient row by row, as the rows come, with
   fma. The bits of a result depend neither on the size of a vector, nor on the number of threads,
   nor on how many steps a call takes, nor on a layout. An x86-64 without fma gives other bits.

   Python sees three functions. Their arrays are contiguous and aligned: x of bytes or of the type of
   W, which is float or double, labels int32, starts and classes int64, costs double. They belong to
   the caller, who must not change them meanwhile: Python's lock is not held. What does not go
   together is a ValueError, and so is a label that is none of the classes; what was written until
   then means nothing.

   lay_out(x, y, n_rows, is_map, n_threads)
       The minibatches of n_rows rows of bytes, as an object that owns their memory; y is None for
       `classes`, of n_rows rows. Rows that would take twice their room, or for which there is no
       memory, are left out, and computed as they come. If x is mapped from a file, to be read only,
       its pages are given back to the system.
   classes((x, scale, layout), (W, b), classes, n_threads)
       The class with the largest of the scores scale * x W + b of each row, the first of several.
   descend((x, scale, layout), (W, b), (y, weights), starts, costs, n_rows, n_threads, rate)
       A step of descent from each start on, on the mean negative log-likelihood of n_rows rows: the
       costs before them; W and b are changed. A row counts by the weight of its class, 1 if weights
       are None. If the rate is None, there is one start, and the gradients take the place of W and b. */

#pragma once

#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#define PANEL 16   /* rows of a panel, and columns of a task of gradients */
#define CHUNK 1024 /* rows, at the most, that are scored before a gradient is summed */
#define GROUP 4    /* panels of a task of scores, if W is too large for a near cache */
#define N_PARTS 8  /* of memory */
#define JOIN2(a, b) a##_##b
#define JOIN(a, b) JOIN2(a, b)
#if defined(__clang__)
#define UNROLLED _Pragma("unroll")
#define WIDE ""
#define SHUFFLE(type, a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define UNROLLED _Pragma("GCC unroll 24")
#define WIDE ",prefer-vector-width=512"
#define SHUFFLE(type, a, b, ...) __builtin_shuffle(a, b, (type){__VA_ARGS__})
#endif

/* Up to CHUNK rows of a minibatch, each of which has a place in the panels. */
typedef struct {
    void *memory; /* of all parts; NULL if the rows are not laid out */
    union {
        void *parts[N_PARTS];
        struct {
            uint16_t *order;    /* which row has each place, */
            uint16_t *place_of; /* and which place each row */
            uint8_t *cells;     /* panel after panel, column after column */
            uint16_t *columns;  /* the numbers of these columns */
            uint32_t *starts;   /* for each panel, where its columns begin */
            uint32_t *lists;    /* where the rows of a block of columns begin; NULL: all have ink */
            uint16_t *places;   /* the places of those rows, as they come, */
            uint8_t *ink;       /* and their cells */
        };
    };
} Chunk;

typedef struct {
    size_t n_all, n_rows, n_in, span; /* rows of x, of a minibatch; columns of x, of a block */
    size_t of_batch, n_chunks;        /* chunks of a minibatch, and of all */
    atomic_size_t n_cells;            /* of all that is laid out */
    Chunk chunks[];
} Layout;

typedef struct Job Job;
typedef void Task(Job *, size_t block);
typedef struct {
    const char *name;    /* "plain" has no fma */
    size_t span, n_sums; /* columns of a block that lists rows; vectors that registers hold */
    struct {
        Task *score_panels, *add_gradients;
    } of[2]; /* by whether W is of doubles */
} Set;

struct Job {
    struct { /* what is given */
        const char *x;
        const int32_t *y;    /* NULL for classes */
        const void *weights; /* of the classes, or NULL */
        void *W, *b;
        size_t n_all, n_rows, n_in, n_out, cell, real; /* the last: bytes of a number of x, of W */
        double scale, rate;
        const int64_t *starts;
        size_t n_steps;
        Layout *layout; /* or NULL */
        const Set *set;
        int64_t *classes;
        double *costs;
        int is_step, is_map;
    } in;
    struct {                /* what it needs for itself */
        size_t width;       /* classes of a tile, whose sums registers hold, at the most */
        size_t most, group; /* rows of a chunk, and panels of a task, at the most */
        const char *end;    /* of x */
        Chunk as_they_come;
        union {
            void *parts[N_PARTS];
            struct {
                void *z, *d, *sums, *db; /* scores by panel; gradients by place; by W, and by b */
                void *w, *losses;        /* W, tile after tile; losses by place */
                char *last;              /* columns, where a vector would reach beyond x */
                uint16_t *order;
            };
        };
    } own;
    struct { /* where it is */
        Task *task;
        size_t step, first, n; /* first row of the chunk in its minibatch, and how many it has */
        const char *rows;
        const int32_t *labels;
        const Chunk *chunk;
        atomic_size_t bad; /* 1 + a row whose label is none of the classes */
    } at;
};

#pragma GCC visibility push(hidden)

extern const Set sets[]; /* the best one first, and one without a name last */
int is_usable(const Set *set);

/* Lay out the columns from `first` to `last` of PANEL rows: column by column, PANEL numbers for
   each. Those that all rows leave blank are left out; the others are numbered, from `first` on.
   Returned is how many they are; behind them, up to 16 bytes more a row mean nothing. */
typedef size_t Lay(const char *const *rows, size_t first, size_t last, void *out, uint16_t *columns);
Lay lay_uint8_t, lay_uint32_t, lay_uint64_t; /* by the size of a number */

/* Get memory for parts of so many bytes, each at a multiple of 64: so no vector lies on two lines. */
void *new_parts(void **parts, const size_t *bytes);

Layout *new_layout(Job *job, size_t n_threads); /* of what is `in` a job; NULL without memory */

/* Do one phase of a job after the other: `next` sets it up, and returns how many blocks it has, below
   2^32 and 0 at the end. Who has done the last block of a phase calls it. */
void work(Job *job, size_t (*next)(Job *), size_t n_threads);

#pragma GCC visibility pop

static inline size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* How many parts of a size there are, if the last may be smaller. */
static inline size_t parts(size_t n, size_t size)
{
    return n / size + (n % size != 0);
}

/* How many rows a chunk has at the most: their scores, and floats, are to stay in a cache. */
static inline size_t rows_of_chunk(size_t n_rows, size_t bytes_of_row)
{
    size_t n_panels = (1 << 16) / bytes_of_row;
    return PANEL * smaller(parts(n_rows, PANEL), smaller(n_panels < 8 ? 8 : n_panels, CHUNK / PANEL));
}

/* How many classes a tile has, which begins with this one. */
static inline size_t classes_from(const Job *job, size_t class)
{
    return smaller(job->own.width, job->in.n_out - class);
}

/* Columns of a task of gradients: a cache line of each row, where rows are read as they come. */
static inline size_t columns_of_task(const Job *job)
{
    return job->in.cell == 1 && !job->at.chunk->lists ? 64 : PANEL;
}

/* Which row has a place: the first of a panel, where there is none. */
static inline size_t row_at(const Job *job, const Chunk *chunk, size_t place)
{
    return chunk->order[place < job->at.n ? place : place / PANEL * PANEL];
}

static inline void find_rows(const Job *job, const Chunk *chunk, size_t panel, const char **rows)
{
    for (size_t i = 0; i < PANEL; i++)
        rows[i] = job->at.rows + row_at(job, chunk, panel * PANEL + i) * job->in.n_in * job->in.cell;
}
