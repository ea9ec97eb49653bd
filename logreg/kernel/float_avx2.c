#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx2,fma")))
#define BYTES 32
#define REAL float
#define INT uint32_t
#define FMA(a, b, c) (Vector) _mm256_fmadd_ps((__m256)(a), (__m256)(b), (__m256)(c))
#define WIDER(v) \
    (Vector) _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)(v))))
#define LOOPS float_avx2
#include "loops.inc"

#endif
