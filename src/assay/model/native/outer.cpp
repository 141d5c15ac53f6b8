// The gradient of a weight: gᵀ·x, summed over the rows of a step.
//
// Both factors are taken in the order of their rows, two at a time, as they lie in memory: nothing is turned over.
#include "products.h"

namespace {
const int COLUMNS = 96;  // of g at a time,
const int ROWS = 256;    // and rows: what is packed of both stays in the second-level cache
}  // namespace

// g: [rows, count], x: [rows, width], contiguous. Into to: [count, width], bfloat16, or, if sums is given, added to
// sums: [count, width], float32. width is a multiple of 64, count of 16.
extern "C" void outer_products(const bf16* g, const bf16* x, bf16* to, float* sums, int64_t rows, int64_t count,
                               int64_t width, int threads) {
    const int64_t padded = (rows + 1) / 2 * 2;
    Buffer<uint32_t> packed(padded / 2 * width);
#pragma omp parallel num_threads(threads)
    {
#pragma omp for schedule(static)
        for (int64_t strip = 0; strip < width; strip += STRIP)
            pack_along(x + strip, width, rows, padded, STRIP, packed + strip / STRIP * padded / 2 * STRIP);
        Buffer<uint32_t> words(ROWS / 2 * COLUMNS);
        Buffer<float> block(COLUMNS * width);
#pragma omp for schedule(static)
        for (int64_t left = 0; left < count; left += COLUMNS) {
            const int64_t columns = count - left < COLUMNS ? count - left : COLUMNS;
            float* made = sums ? sums + left * width : block;
            for (int64_t top = 0; top < rows; top += ROWS) {
                const int64_t some = rows - top < ROWS ? rows - top : ROWS, pairs = (some + 1) / 2;
                for (int64_t row = 0; row < some; row += 2)
                    for (int64_t lane = 0; lane < columns; lane += 16) {
                        const bf16* at = g + (top + row) * count + left + lane;
                        const __m256i first = _mm256_loadu_si256((const __m256i*)at);
                        const __m256i second = row + 1 < some ? _mm256_loadu_si256((const __m256i*)(at + count))
                                                              : _mm256_setzero_si256();
                        const __m512i high = _mm512_slli_epi32(_mm512_cvtepu16_epi32(second), 16);
                        _mm512_storeu_si512(words + row / 2 * COLUMNS + lane,
                                            _mm512_or_si512(high, _mm512_cvtepu16_epi32(first)));
                    }
                for (int64_t strip = 0; strip < width; strip += STRIP)
                    for (int64_t column = 0; column < columns; column += TILE)
                        tile_of(columns - column < TILE ? columns - column : TILE, words + column, 1, COLUMNS,
                                packed + (strip / STRIP * padded / 2 + top / 2) * STRIP,
                                made + column * width + strip, width, pairs, sums || top);
            }
            if (!sums)
                for (int64_t at = 0; at < columns * width; at += 16)
                    store(to + left * width + at, _mm512_loadu_ps(block + at));
        }
    }
}
