/* kernel_loops.h for each pair of types that x and W may have. */
#define REAL float
#define INT int32_t
#define CELL float
#define WIDEN(cells, vector) (cells)
#include "kernel_loops.h"
#undef CELL
#undef WIDEN
#define CELL uint8_t
#define WIDEN(cells, vector) ((vector)FROM_BYTES(cells))
#include "kernel_loops.h"
#undef CELL
#undef REAL
#undef INT
#undef WIDEN
#define REAL double
#define INT int64_t
#define CELL uint8_t
#define WIDEN(cells, vector) __builtin_convertvector(__builtin_convertvector(cells, NAME(ints)), vector)
#include "kernel_loops.h"
#undef CELL
#undef WIDEN
#define CELL double
#define WIDEN(cells, vector) (cells)
#include "kernel_loops.h"
#undef CELL
#undef WIDEN
#undef REAL
#undef INT
#undef SET
#undef TARGET
#undef BYTES
#undef ROWS
#undef FROM_BYTES
