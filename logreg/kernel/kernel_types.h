/* kernel_loops.h for each pair of types that x and W may have, for one instruction set. */
#define REAL float
#define INT uint32_t
#define SIZE 4
#define CELL float
#define WIDEN(v) (v)
#include "kernel_loops.h"
#define CELL uint8_t
#define WIDEN(v) ((VECTOR)FROM_BYTES(v))
#include "kernel_loops.h"
#undef REAL
#undef INT
#undef SIZE
#define REAL double
#define INT uint64_t
#define SIZE 8
#define CELL uint8_t
#define WIDEN(v) __builtin_convertvector(__builtin_convertvector(v, NAME(wider)), VECTOR)
#include "kernel_loops.h"
#define CELL double
#define WIDEN(v) (v)
#include "kernel_loops.h"
#undef REAL
#undef INT
#undef SIZE
#undef SET
#undef TARGET
#undef BYTES
#undef SUMS
#undef FUSED_float
#undef FUSED_double
#undef FROM_BYTES
