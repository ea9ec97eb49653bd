#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx2,fma")))
#define BYTES 32
#define REAL double
#define INT uint64_t
#define FMA(a, b, c) (Vector) _mm256_fmadd_pd((__m256d)(a), (__m256d)(b), (__m256d)(c))
#define WIDER(v) (Vector) _mm256_cvtepi32_pd(_mm_cvtepu8_epi32(_mm_cvtsi32_si128((int)(v))))
#define LOOPS double_avx2
#include "loops.inc"

#endif
