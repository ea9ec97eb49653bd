/* The loops for each pair of types that x and W may have, for one instruction set. */
#define REAL float
#define INT uint32_t
#include "kernel_softmax.h"
#define CELL float
#define BITS uint32_t
#define WIDEN(v) (v)
#include "kernel_loops.h"
#define CELL uint8_t
#define BITS uint8_t
#define WIDEN(v) ((VECTOR)FROM_BYTES(v))
#include "kernel_loops.h"
#undef REAL
#undef INT
#define REAL double
#define INT uint64_t
#include "kernel_softmax.h"
#define CELL uint8_t
#define BITS uint8_t
#define WIDEN(v) __builtin_convertvector(__builtin_convertvector(v, OF_REAL(wider)), VECTOR)
#include "kernel_loops.h"
#define CELL double
#define BITS uint64_t
#define WIDEN(v) (v)
#include "kernel_loops.h"
#undef REAL
#undef INT
#undef SET
#undef TARGET
#undef BYTES
#undef SPAN
#undef FUSED_float
#undef FUSED_double
#undef FROM_BYTES
