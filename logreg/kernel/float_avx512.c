#if defined(__x86_64__)
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f")))
#define BYTES 64
#define REAL float
#define INT uint32_t
#define FMA(a, b, c) (Vector) _mm512_fmadd_ps((__m512)(a), (__m512)(b), (__m512)(c))
#define WIDER(v) (Vector) _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32((__m128i)(v)))
#define LOOPS float_avx512
#include "loops.inc"

#endif
