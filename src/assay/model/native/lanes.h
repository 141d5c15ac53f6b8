// Sixteen float32 lanes: bfloat16 in and out, 2^x and e^x. Needs AVX-512 with its bfloat16 instructions.
#pragma once
#include <immintrin.h>
#include <omp.h>

#include <cstdint>

typedef uint16_t bf16;

static const float LOG2E = 1.44269504088896341f;
static const float INFINITE = __builtin_inff();

static inline __m512 widen(__m256i x) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(x), 16)); }
static inline __m512 load(const bf16* at) { return widen(_mm256_loadu_si256((const __m256i*)at)); }
static inline __m512 load(const bf16* at, __mmask16 lanes) { return widen(_mm256_maskz_loadu_epi16(lanes, at)); }
static inline __m256i narrow(__m512 x) { return (__m256i)_mm512_cvtneps_pbh(x); }
static inline void store(bf16* at, __m512 x) { _mm256_storeu_si256((__m256i*)at, narrow(x)); }
static inline void store(bf16* at, __m512 x, __mmask16 lanes) { _mm256_mask_storeu_epi16(at, lanes, narrow(x)); }
static inline __m512 load(const float* at) { return _mm512_loadu_ps(at); }
static inline void store(float* at, __m512 x) { _mm512_storeu_ps(at, x); }
static inline float widen(bf16 x) {
    uint32_t bits = (uint32_t)x << 16;
    float value;
    __builtin_memcpy(&value, &bits, 4);
    return value;
}
static inline bf16 narrow(float x) { return (bf16)_mm_extract_epi16((__m128i)_mm_cvtneps_pbh(_mm_set_ss(x)), 0); }

// 2^whole · 2^part for |part| ≤ 1/2: the minimax polynomial of degree 5, relative error 7.5e-8.
static inline __m512 raise(__m512 whole, __m512 part) {
    __m512 y = _mm512_set1_ps(1.3276470126584172e-3f);
    y = _mm512_fmadd_ps(y, part, _mm512_set1_ps(9.675540961325169e-3f));
    y = _mm512_fmadd_ps(y, part, _mm512_set1_ps(5.550713092088699e-2f));
    y = _mm512_fmadd_ps(y, part, _mm512_set1_ps(2.4022120237350464e-1f));
    y = _mm512_fmadd_ps(y, part, _mm512_set1_ps(6.931469440460205e-1f));
    y = _mm512_fmadd_ps(y, part, _mm512_set1_ps(1.0000001192092896f));
    return _mm512_scalef_ps(y, whole);
}
static inline __m512 nearest(__m512 x) {
    return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
static inline __m512 exp2_of(__m512 x) {
    __m512 whole = nearest(x);
    return raise(whole, _mm512_sub_ps(x, whole));
}
// The product with log2(e) is kept exact enough by the fused subtraction and the constant's low part.
static inline __m512 exp_of(__m512 x) {
    __m512 whole = nearest(_mm512_mul_ps(x, _mm512_set1_ps(LOG2E)));
    __m512 part = _mm512_fmsub_ps(x, _mm512_set1_ps(LOG2E), whole);
    return raise(whole, _mm512_fmadd_ps(x, _mm512_set1_ps(1.925963033500e-8f), part));
}
