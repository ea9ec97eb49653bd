#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f")))
#define BYTES 64
#define REAL double
#define INT uint64_t
#define FMA(a, b, c) (Vector) _mm512_fmadd_pd((__m512d)(a), (__m512d)(b), (__m512d)(c))
#define WIDER(v) \
    (Vector) _mm512_cvtepi32_pd(_mm256_cvtepu8_epi32(_mm_cvtsi64_si128((long long)(v))))
#define LOOPS double_avx512
#include "loops.inc"

#endif
