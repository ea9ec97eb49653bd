/* What is computed of a chunk of rows, for each set of instructions. */

#include <math.h>
#include "kernel.h"

#define AHEAD 2048  /* bytes: rows come from a far cache, and are asked for so long before */
#define LATER 12    /* terms: so long before are their factors asked for */
#define COLUMNS 256 /* of the panels of a task that are laid out at once, if they are not before */
#define ALL_CASES                                                                    \
    CASE(1) CASE(2) CASE(3) CASE(4) CASE(5) CASE(6) CASE(7) CASE(8) CASE(9) CASE(10) \
    CASE(11) CASE(12) CASE(13) CASE(14) CASE(15) CASE(16) CASE(17) CASE(18) CASE(19) \
    CASE(20) CASE(21) CASE(22) CASE(23) CASE(24)
#define SPAN_OF(bytes) ((bytes) < 64 ? 8 : 16)

/* Numbers of x, some side by side, of which each brings its product with factors to sums: those of a
   column of a panel with its weights, those of a row with the gradient by its scores. */
typedef struct {
    const char *cells;
    size_t stride, ahead;    /* bytes from one term to the next, and of those that are asked for */
    size_t cell, size;       /* bytes of a number, and how many numbers lie side by side */
    const uint16_t *numbers; /* of the factors; LATER more can be read */
    size_t n;
} Terms;

#define CELLS_OF JOIN(cells, BITS)
#define IN_16 ((int)(16 / sizeof(BITS))) /* numbers that 16 bytes hold */
#define BITS uint8_t
#define LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#include "panels.inc"
#define BITS uint32_t
#define LOW 0, 4, 1, 5
#define HIGH 2, 6, 3, 7
#include "panels.inc"
#define BITS uint64_t
#define LOW 0, 2
#define HIGH 1, 3
#include "panels.inc"

/* Of each set: what the compiler may use, bytes of a vector, and how many sums registers hold. */
#if defined(__x86_64__)
#include <immintrin.h>
#define TARGET_avx512 __attribute__((target("avx512f" WIDE)))
#define BYTES_avx512 64
#define N_SUMS_avx512 24
#define FMA_float_avx512(a, b, c) (VECTOR) _mm512_fmadd_ps((__m512)(a), (__m512)(b), (__m512)(c))
#define FMA_double_avx512(a, b, c) (VECTOR) _mm512_fmadd_pd((__m512d)(a), (__m512d)(b), (__m512d)(c))
#define WIDER_float_avx512(v) (VECTOR) _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32((__m128i)(v)))
#define WIDER_double_avx512(v) \
    (VECTOR) _mm512_cvtepi32_pd(_mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)(v))))
#define SET avx512
#include "set.inc"
#define TARGET_avx2 __attribute__((target("avx2,fma")))
#define BYTES_avx2 32
#define N_SUMS_avx2 12
#define FMA_float_avx2(a, b, c) (VECTOR) _mm256_fmadd_ps((__m256)(a), (__m256)(b), (__m256)(c))
#define FMA_double_avx2(a, b, c) (VECTOR) _mm256_fmadd_pd((__m256d)(a), (__m256d)(b), (__m256d)(c))
#define WIDER_float_avx2(v) \
    (VECTOR) _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)(v))))
#define WIDER_double_avx2(v) \
    (VECTOR) _mm256_cvtepi32_pd(_mm_cvtepu8_epi32(_mm_cvtsi32_si128((int)(v))))
#define SET avx2
#include "set.inc"
#endif
#define TARGET_plain
#define BYTES_plain 16
#define N_SUMS_plain 12
#if defined(__aarch64__)
#include <arm_neon.h>
#define NAME_OF_PLAIN "neon"
#define FMA_float_plain(a, b, c) \
    (VECTOR) vfmaq_f32((float32x4_t)(c), (float32x4_t)(a), (float32x4_t)(b))
#define FMA_double_plain(a, b, c) \
    (VECTOR) vfmaq_f64((float64x2_t)(c), (float64x2_t)(a), (float64x2_t)(b))
#else /* a product is rounded before it is added: other bits */
#define NAME_OF_PLAIN "plain"
#define FMA_float_plain(a, b, c) ((a) * (b) + (c))
#define FMA_double_plain(a, b, c) ((a) * (b) + (c))
#endif
#define WIDER_float_plain(v) \
    __builtin_convertvector(__builtin_convertvector(v, OF_REAL(wider)), VECTOR)
#define WIDER_double_plain(v) WIDER_float_plain(v)
#define SET plain
#include "set.inc"

#define TASKS(real, set) {score_panels_##real##_##set, add_gradients_##real##_##set}
#define ALL_TASKS(name, set) \
    {name, SPAN_OF(BYTES_##set), N_SUMS_##set, {TASKS(float, set), TASKS(double, set)}}
const Set sets[] = {
#if defined(__x86_64__)
    ALL_TASKS("avx512", avx512),
    ALL_TASKS("avx2", avx2),
#endif
    ALL_TASKS(NAME_OF_PLAIN, plain),
    {0},
};

int is_usable(const Set *set)
{
#if defined(__x86_64__)
    if (set < &sets[2])
        return set == sets ? __builtin_cpu_supports("avx512f")
                           : __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
    return 1;
}
