/* With what each processor has: on ARM, that is NEON. */

#define TARGET
#define BYTES 16
#define REAL float
#define INT uint32_t
#if defined(__aarch64__)
#include <arm_neon.h>
#define FMA(a, b, c) (Vector) vfmaq_f32((float32x4_t)(c), (float32x4_t)(a), (float32x4_t)(b))
#endif
#define LOOPS float_plain
#include "loops.inc"
