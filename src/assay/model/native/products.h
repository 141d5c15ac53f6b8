// Products of small blocks of bfloat16 numbers, summed in float32, and the order in which they want their factors.
#pragma once
#include <cstdlib>
#include <cstring>

#include "lanes.h"

namespace {

const int STRIP = 64;  // columns of a packed strip and of a tile: four registers
const int TILE = 6;    // rows of a tile: 24 sums, four columns and a broadcast fit the 32 registers

template <class T>
struct Buffer {
    T* data;
    explicit Buffer(int64_t count) : data((T*)std::aligned_alloc(64, (count * sizeof(T) + 127) / 64 * 64)) {}
    ~Buffer() { std::free(data); }
    Buffer(const Buffer&) = delete;
    operator T*() const { return data; }
    void clear(int64_t count) { std::memset(data, 0, count * sizeof(T)); }
};

// c[row][0..63] (+)= Σ over pairs of a[row · a_row + pair · a_pair] · b[pair · 64 + column], both of two bfloat16 each.
template <int ROWS>
void tile(const uint32_t* a, int64_t a_row, int64_t a_pair, const uint32_t* b, float* c, int64_t c_row, int64_t pairs,
          bool add) {
    __m512 sums[ROWS][4];
#pragma GCC unroll 6
    for (int row = 0; row < ROWS; row++)
#pragma GCC unroll 4
        for (int part = 0; part < 4; part++)
            sums[row][part] = _mm512_setzero_ps();
    if (add)
        for (int row = 0; row < ROWS; row++)
            for (int part = 0; part < 4; part++) _mm_prefetch((const char*)(c + row * c_row + 16 * part), _MM_HINT_T0);
    for (int64_t pair = 0; pair < pairs; pair++) {
        __m512bh columns[4];
#pragma GCC unroll 4
        for (int part = 0; part < 4; part++)
            columns[part] = (__m512bh)_mm512_loadu_si512(b + pair * STRIP + 16 * part);
#pragma GCC unroll 6
        for (int row = 0; row < ROWS; row++) {
            const __m512bh value = (__m512bh)_mm512_set1_epi32((int)a[row * a_row + pair * a_pair]);
#pragma GCC unroll 4
            for (int part = 0; part < 4; part++)
                sums[row][part] = _mm512_dpbf16_ps(sums[row][part], value, columns[part]);
        }
    }
#pragma GCC unroll 6
    for (int row = 0; row < ROWS; row++)
#pragma GCC unroll 4
        for (int part = 0; part < 4; part++) {
            float* at = c + row * c_row + 16 * part;
            _mm512_storeu_ps(at, add ? _mm512_add_ps(sums[row][part], _mm512_loadu_ps(at)) : sums[row][part]);
        }
}

void tile_of(int rows, const uint32_t* a, int64_t a_row, int64_t a_pair, const uint32_t* b, float* c, int64_t c_row,
             int64_t pairs, bool add) {
    switch (rows) {
        case 6: return tile<6>(a, a_row, a_pair, b, c, c_row, pairs, add);
        case 5: return tile<5>(a, a_row, a_pair, b, c, c_row, pairs, add);
        case 4: return tile<4>(a, a_row, a_pair, b, c, c_row, pairs, add);
        case 3: return tile<3>(a, a_row, a_pair, b, c, c_row, pairs, add);
        case 2: return tile<2>(a, a_row, a_pair, b, c, c_row, pairs, add);
        default: return tile<1>(a, a_row, a_pair, b, c, c_row, pairs, add);
    }
}

// Rows for products over them: strips of 64 channels, [strip][row pair][channel].
void pack_along(const bf16* from, int64_t row, int64_t rows, int64_t padded, int64_t size, uint32_t* to) {
    for (int64_t at = 0; at < rows; at += 2)
        for (int64_t lane = 0; lane < size; lane += 16) {
            const __m256i zero = _mm256_setzero_si256();
            const __m256i first = _mm256_loadu_si256((const __m256i*)(from + at * row + lane));
            const __m256i second =
                at + 1 < rows ? _mm256_loadu_si256((const __m256i*)(from + (at + 1) * row + lane)) : zero;
            const __m512i high = _mm512_slli_epi32(_mm512_cvtepu16_epi32(second), 16);
            _mm512_storeu_si512(to + (lane / STRIP * padded / 2 + at / 2) * STRIP + lane % STRIP,
                                _mm512_or_si512(high, _mm512_cvtepu16_epi32(first)));
        }
}

// 16 × 16 words, turned over.
inline void turn(const uint32_t* from, int64_t row, int64_t rows, uint32_t* to, int64_t to_row) {
    __m512i x[16], y[16];
    for (int at = 0; at < 16; at++) x[at] = at < rows ? _mm512_loadu_si512(from + at * row) : _mm512_setzero_si512();
    for (int at = 0; at < 16; at += 2) {
        y[at] = _mm512_unpacklo_epi32(x[at], x[at + 1]);
        y[at + 1] = _mm512_unpackhi_epi32(x[at], x[at + 1]);
    }
    for (int at = 0; at < 16; at += 4)
        for (int low = 0; low < 2; low++) {
            x[at + 2 * low] = _mm512_unpacklo_epi64(y[at + low], y[at + 2 + low]);
            x[at + 2 * low + 1] = _mm512_unpackhi_epi64(y[at + low], y[at + 2 + low]);
        }
    for (int at = 0; at < 4; at++) {
        y[at] = _mm512_shuffle_i32x4(x[at], x[4 + at], 0x88);
        y[4 + at] = _mm512_shuffle_i32x4(x[at], x[4 + at], 0xdd);
        y[8 + at] = _mm512_shuffle_i32x4(x[8 + at], x[12 + at], 0x88);
        y[12 + at] = _mm512_shuffle_i32x4(x[8 + at], x[12 + at], 0xdd);
    }
    for (int at = 0; at < 8; at++) {
        _mm512_storeu_si512(to + at * to_row, _mm512_shuffle_i32x4(y[at], y[8 + at], 0x88));
        _mm512_storeu_si512(to + (8 + at) * to_row, _mm512_shuffle_i32x4(y[at], y[8 + at], 0xdd));
    }
}

inline __mmask16 within(int64_t first, int64_t from, int64_t to) {  // which of first, first + 1 … lie in [from, to)
    const int64_t low = from - first, high = to - first;
    const uint32_t below = high <= 0 ? 0 : high >= 16 ? 0xffff : (1u << high) - 1;
    const uint32_t before = low <= 0 ? 0 : low >= 16 ? 0xffff : (1u << low) - 1;
    return (__mmask16)(below & ~before);
}

}  // namespace
