/* Rows to columns, for each size of a number. */

#include "kernel.h"

#if defined(__clang__)
#define SHUFFLE(type, a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLE(type, a, b, ...) __builtin_shuffle(a, b, (type){__VA_ARGS__})
#endif

/* LOW and HIGH: the numbers in each half of two vectors that are interleaved. */
#define NUMBER uint8_t
#define LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#include "panels.inc"
#define NUMBER uint32_t
#define LOW 0, 4, 1, 5
#define HIGH 2, 6, 3, 7
#include "panels.inc"
#define NUMBER uint64_t
#define LOW 0, 2
#define HIGH 1, 3
#include "panels.inc"
