/* kernel_loops.h for each pair of types that x and W may have. */
#define REAL float
#define INT int32_t
#define LOG logf
#define LN2_HIGH 0.693359375
#define LN2_LOW -2.12194440e-4
#define BIAS 127
#define MANTISSA 23
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
#undef LOG
#undef LN2_HIGH
#undef LN2_LOW
#undef BIAS
#undef MANTISSA
#undef WIDEN
#define REAL double
#define INT int64_t
#define LOG log
#define LN2_HIGH 0.693145751953125
#define LN2_LOW 1.42860682030941723212e-6
#define BIAS 1023
#define MANTISSA 52
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
#undef LOG
#undef LN2_HIGH
#undef LN2_LOW
#undef BIAS
#undef MANTISSA
#undef SET
#undef TARGET
#undef BYTES
#undef ROWS
#undef FROM_BYTES
