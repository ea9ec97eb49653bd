/* With what each processor has: on ARM, that is NEON. */

#define TARGET
#define BYTES 16
#define REAL double
#define INT uint64_t
#if defined(__aarch64__)
#include <arm_neon.h>
#define FMA(a, b, c) (Vector) vfmaq_f64((float64x2_t)(c), (float64x2_t)(a), (float64x2_t)(b))
#endif
#define LOOPS double_plain
#include "loops.inc"
