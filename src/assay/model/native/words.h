// Products of small blocks for either type: everything is 32-bit words, one float32 or two bfloat16, summed in float32.
#pragma once
#include "products.h"

namespace {

template <class T>
constexpr int numbers() {  // in a word
    return 4 / (int)sizeof(T);
}

template <class T>
inline __m512 multiply(__m512 sum, uint32_t value, __m512i column);
template <>
inline __m512 multiply<bf16>(__m512 sum, uint32_t value, __m512i column) {
    return _mm512_dpbf16_ps(sum, (__m512bh)_mm512_set1_epi32((int)value), (__m512bh)column);
}
template <>
inline __m512 multiply<float>(__m512 sum, uint32_t value, __m512i column) {
    return _mm512_fmadd_ps(_mm512_castsi512_ps(_mm512_set1_epi32((int)value)), _mm512_castsi512_ps(column), sum);
}

// sums[row][part] += Σ over words of a[row · a_row + word] · b[part][word · b_row + lane], for sixteen lanes.
template <class T, int ROWS, int PARTS>
inline __attribute__((always_inline)) void accumulate(__m512 (&sums)[ROWS][PARTS], const uint32_t* a, int64_t a_row,
                                                      const uint32_t* const (&b)[PARTS], int64_t b_row,
                                                      int64_t words) {
    for (int64_t word = 0; word < words; word++) {
        __m512i columns[PARTS];
#pragma GCC unroll 4
        for (int part = 0; part < PARTS; part++) columns[part] = _mm512_loadu_si512(b[part] + word * b_row);
#pragma GCC unroll 6
        for (int row = 0; row < ROWS; row++)
#pragma GCC unroll 4
            for (int part = 0; part < PARTS; part++)
                sums[row][part] = multiply<T>(sums[row][part], a[row * a_row + word], columns[part]);
    }
}

template <int ROWS, int PARTS>
inline __attribute__((always_inline)) void clear(__m512 (&sums)[ROWS][PARTS]) {
#pragma GCC unroll 6
    for (int row = 0; row < ROWS; row++)
#pragma GCC unroll 4
        for (int part = 0; part < PARTS; part++) sums[row][part] = _mm512_setzero_ps();
}

// Calls Work::run<rows>() for rows = 1 … 6.
template <class Work, int ROWS = TILE>
inline void by_rows(int64_t rows, const Work& work) {
    if constexpr (ROWS > 1) {
        if (rows < ROWS) return by_rows<Work, ROWS - 1>(rows, work);
    }
    work.template run<ROWS>();
}

// c[row][0 … 16·PARTS) = a[row] · b over the words of one row; b as for `accumulate`.
template <class T, int PARTS>
struct RowsByColumns {
    const uint32_t* a;
    int64_t a_row;
    const uint32_t* b[PARTS];
    int64_t b_row, words;
    float* c;
    int64_t c_row;
    template <int ROWS>
    void run() const {
        __m512 sums[ROWS][PARTS];
        clear(sums);
        accumulate<T, ROWS, PARTS>(sums, a, a_row, b, b_row, words);
#pragma GCC unroll 6
        for (int row = 0; row < ROWS; row++)
#pragma GCC unroll 4
            for (int part = 0; part < PARTS; part++) _mm512_storeu_ps(c + row * c_row + 16 * part, sums[row][part]);
    }
};

}  // namespace
