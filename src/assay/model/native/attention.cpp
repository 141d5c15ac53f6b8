// Causal attention with rotary positions, forward and backward, over the visible half alone.
//
// A head's keys and values are packed once in the order that the bfloat16 product instruction wants; queries are then
// taken in blocks small enough that scores stay in the second-level cache. Nothing of the size of the sequence's
// square is kept: the backward pass makes the scores again from queries, keys and each query's log-sum.
#include <cmath>

#include "products.h"

namespace {

const int QUERIES = 48;       // a forward block
const int KEY_BLOCK = 96;     // a backward block,
const int QUERY_BLOCK = 128;  // and its queries

struct Shape {
    int64_t batch, length, heads, size, row, out_row;
    int64_t padded() const { return (length + QUERY_BLOCK - 1) / STRIP * STRIP + STRIP; }
};

// Rotary positions: rows of a head, from a strided source to [rows, size].
void rotate(const bf16* from, int64_t row, const float* cos, const float* sin, bf16* to, int64_t rows, int64_t size) {
    const int64_t half = size / 2;
    for (int64_t at = 0; at < rows; at++, from += row, cos += half, sin += half, to += size)
        for (int64_t lane = 0; lane < half; lane += 16) {
            const __m512 left = load(from + lane), right = load(from + half + lane);
            const __m512 c = _mm512_loadu_ps(cos + lane), s = _mm512_loadu_ps(sin + lane);
            store(to + lane, _mm512_fmsub_ps(left, c, _mm512_mul_ps(right, s)));
            store(to + half + lane, _mm512_fmadd_ps(right, c, _mm512_mul_ps(left, s)));
        }
}

// The transpose of a rotation, of a gradient [rows, size] times a factor, to a strided place.
void rotate_back(const float* from, float factor, const float* cos, const float* sin, bf16* to, int64_t row,
                 int64_t rows, int64_t size) {
    const int64_t half = size / 2;
    const __m512 factors = _mm512_set1_ps(factor);
    for (int64_t at = 0; at < rows; at++, from += size, cos += half, sin += half, to += row)
        for (int64_t lane = 0; lane < half; lane += 16) {
            const __m512 left = _mm512_mul_ps(_mm512_loadu_ps(from + lane), factors);
            const __m512 right = _mm512_mul_ps(_mm512_loadu_ps(from + half + lane), factors);
            const __m512 c = _mm512_loadu_ps(cos + lane), s = _mm512_loadu_ps(sin + lane);
            store(to + lane, _mm512_fmadd_ps(left, c, _mm512_mul_ps(right, s)));
            store(to + half + lane, _mm512_fmsub_ps(right, c, _mm512_mul_ps(left, s)));
        }
}

// Rows of a head for products over its channels: strips of 64 rows, [strip][channel pair][row].
void pack_across(const bf16* from, int64_t row, int64_t rows, int64_t size, uint32_t* to) {
    const int64_t pairs = size / 2;
    for (int64_t at = 0; at < rows; at += 16)
        for (int64_t pair = 0; pair < pairs; pair += 16)
            turn((const uint32_t*)(from + at * row) + pair, row / 2, rows - at < 16 ? rows - at : 16,
                 to + (at / STRIP * pairs + pair) * STRIP + at % STRIP, STRIP);
}

// The scores of one query in [base, base + span), of which [from, to) are visible, become weights before division by
// their sum; returns the sum, and the largest score times the factor.
float softmax(const float* scores, bf16* weights, int64_t base, int64_t span, int64_t from, int64_t to, float factor,
              float* top) {
    const int64_t first = (from - base) / 16 * 16, last = (to - base + 15) / 16 * 16;
    __m512 high = _mm512_set1_ps(-INFINITE);
    for (int64_t at = first; at < last; at += 16)
        high = _mm512_mask_max_ps(high, within(base + at, from, to), high, _mm512_loadu_ps(scores + at));
    *top = _mm512_reduce_max_ps(high) * factor;
    const __m512 factors = _mm512_set1_ps(factor), tops = _mm512_set1_ps(*top);
    __m512 sum = _mm512_setzero_ps();
    for (int64_t at = 0; at < first; at += 16) store(weights + at, _mm512_setzero_ps());
    for (int64_t at = first; at < last; at += 16) {
        const __m512 power = exp2_of(_mm512_fmsub_ps(_mm512_loadu_ps(scores + at), factors, tops));
        const __m512 value = _mm512_maskz_mov_ps(within(base + at, from, to), power);
        sum = _mm512_add_ps(sum, value);
        store(weights + at, value);
    }
    for (int64_t at = last; at < span; at += 16) store(weights + at, _mm512_setzero_ps());
    return _mm512_reduce_add_ps(sum);
}

}  // namespace

// query, key, value: first element of each inside [batch, length, row]; cos, sin: [length, size / 2];
// starts: [batch, length], first key that each query sees, or null; out: inside [batch, length, out_row];
// log_sums: [batch, heads, length], base 2.
extern "C" void attention_forward(const bf16* query, const bf16* key, const bf16* value, const float* cos,
                                  const float* sin, const int32_t* starts, bf16* out, float* log_sums,
                                  const int64_t* numbers, int threads) {
    const Shape shape = {numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5]};
    const int64_t length = shape.length, size = shape.size, padded = shape.padded(), half = size / 2;
    const float factor = LOG2E / std::sqrt((float)size);
#pragma omp parallel num_threads(threads)
    {
        Buffer<uint32_t> keys(padded * half), values(padded * half);
        Buffer<bf16> turned(padded * size), weights(QUERIES * padded);
        Buffer<float> scores(QUERIES * padded), summed(QUERIES * size);
        keys.clear(padded * half);
        values.clear(padded * half);
#pragma omp for schedule(static)
        for (int64_t job = 0; job < shape.batch * shape.heads; job++) {
            const int64_t batch = job / shape.heads, head = job % shape.heads;
            const int64_t begin = batch * length * shape.row + head * size;
            rotate(key + begin, shape.row, cos, sin, turned, length, size);
            pack_across(turned, size, length, size, keys);
            pack_along(value + begin, shape.row, length, padded, size, values);
            for (int64_t block = 0; block < length; block += QUERIES) {
                const int64_t rows = length - block < QUERIES ? length - block : QUERIES;
                const int64_t base = starts ? starts[batch * length + block] / STRIP * STRIP : 0;
                const int64_t span = (block + rows - base + STRIP - 1) / STRIP * STRIP;
                rotate(query + (batch * length + block) * shape.row + head * size, shape.row, cos + block * half,
                       sin + block * half, turned, rows, size);
                for (int64_t strip = 0; strip < span; strip += STRIP)
                    for (int64_t row = 0; row < rows; row += TILE)
                        tile_of(rows - row < TILE ? rows - row : TILE, (const uint32_t*)(turned + row * size),
                                half, 1, keys + (base + strip) * half, scores + row * span + strip, span, half,
                                false);
                float sums[QUERIES];
                for (int64_t row = 0; row < rows; row++) {
                    const int64_t at = block + row, first = starts ? starts[batch * length + at] : 0;
                    float top;
                    sums[row] = softmax(scores + row * span, weights + row * span, base, span, first, at + 1,
                                        factor, &top);
                    log_sums[(batch * shape.heads + head) * length + at] = top + std::log2(sums[row]);
                }
                for (int64_t row = 0; row < rows; row += TILE) {
                    const int64_t count = rows - row < TILE ? rows - row : TILE;
                    const int64_t pairs = (block + row + count - base + 1) / 2;
                    for (int64_t strip = 0; strip < size; strip += STRIP)
                        tile_of(count, (const uint32_t*)(weights + row * span), span / 2, 1,
                                values + (strip / STRIP * padded + base) / 2 * STRIP, summed + row * size + strip,
                                size, pairs, false);
                }
                bf16* to = out + (batch * length + block) * shape.out_row + head * size;
                for (int64_t row = 0; row < rows; row++, to += shape.out_row) {
                    const __m512 share = _mm512_set1_ps(1 / sums[row]);
                    for (int64_t lane = 0; lane < size; lane += 16)
                        store(to + lane, _mm512_mul_ps(_mm512_loadu_ps(summed + row * size + lane), share));
                }
            }
        }
    }
}

// As above; out and its gradient lie in rows of out_row, the three gradients found in rows of row.
extern "C" void attention_backward(const bf16* query, const bf16* key, const bf16* value, const float* cos,
                                   const float* sin, const int32_t* starts, const bf16* out, const float* log_sums,
                                   const bf16* out_gradient, bf16* query_gradient, bf16* key_gradient,
                                   bf16* value_gradient, const int64_t* numbers, int threads) {
    const Shape shape = {numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5]};
    const int64_t length = shape.length, size = shape.size, padded = shape.padded(), half = size / 2;
    const float scale = 1 / std::sqrt((float)size), factor = LOG2E * scale;
#pragma omp parallel num_threads(threads)
    {
        Buffer<bf16> keys(padded * size), queries(padded * size);
        Buffer<uint32_t> keys_along(padded * half), queries_across(padded * half), queries_along(padded * half);
        Buffer<uint32_t> outs_across(padded * half), outs_along(padded * half), pairwise(KEY_BLOCK / 2 * QUERY_BLOCK);
        Buffer<float> to_query(padded * size), to_key(padded * size), to_value(padded * size);
        Buffer<float> scores(KEY_BLOCK * QUERY_BLOCK), slopes(KEY_BLOCK * QUERY_BLOCK);
        Buffer<bf16> weights(KEY_BLOCK * QUERY_BLOCK), score_gradient(KEY_BLOCK * QUERY_BLOCK);
        Buffer<float> sums(padded), means(padded);
        Buffer<int32_t> first(padded);
        keys_along.clear(padded * half);
        queries_across.clear(padded * half);
        queries_along.clear(padded * half);
        outs_across.clear(padded * half);
        outs_along.clear(padded * half);
        for (int64_t at = 0; at < padded; at++) sums[at] = 0, means[at] = 0, first[at] = 0;
#pragma omp for schedule(static)
        for (int64_t job = 0; job < shape.batch * shape.heads; job++) {
            const int64_t batch = job / shape.heads, head = job % shape.heads;
            const int64_t begin = batch * length * shape.row + head * size;
            rotate(key + begin, shape.row, cos, sin, keys, length, size);
            pack_along(keys, size, length, padded, size, keys_along);
            to_key.clear(length * size);
            to_value.clear(length * size);
            if (starts) std::memcpy(first, starts + batch * length, length * sizeof(int32_t));
            const int64_t there = batch * length * shape.out_row + head * size;
            rotate(query + begin, shape.row, cos, sin, queries, length, size);
            pack_across(queries, size, length, size, queries_across);
            pack_along(queries, size, length, padded, size, queries_along);
            pack_across(out_gradient + there, shape.out_row, length, size, outs_across);
            pack_along(out_gradient + there, shape.out_row, length, padded, size, outs_along);
            to_query.clear(padded * size);
            std::memcpy(sums, log_sums + (batch * shape.heads + head) * length, length * sizeof(float));
            for (int64_t at = 0; at < length; at++) {
                __m512 sum = _mm512_setzero_ps();
                for (int64_t lane = 0; lane < size; lane += 16)
                    sum = _mm512_fmadd_ps(load(out + there + at * shape.out_row + lane),
                                          load(out_gradient + there + at * shape.out_row + lane), sum);
                means[at] = _mm512_reduce_add_ps(sum);
            }
            for (int64_t left = 0; left < length; left += KEY_BLOCK) {
                const int64_t count = length - left < KEY_BLOCK ? length - left : KEY_BLOCK;
                for (int64_t top = left / STRIP * STRIP; top < length; top += QUERY_BLOCK) {
                    if (starts && first[top] >= left + count) break;
                    for (int64_t row = 0; row < count; row += TILE)
                        for (int64_t strip = 0; strip < QUERY_BLOCK; strip += STRIP) {
                            const int64_t column = top + strip, rows = count - row < TILE ? count - row : TILE;
                            if (column + STRIP <= left + row || column >= length) continue;
                            tile_of(rows, (const uint32_t*)(keys + (left + row) * size), half, 1,
                                    queries_across + column * half, scores + row * QUERY_BLOCK + strip,
                                    QUERY_BLOCK, half, false);
                            tile_of(rows, (const uint32_t*)(value + begin + (left + row) * shape.row),
                                    shape.row / 2, 1, outs_across + column * half,
                                    slopes + row * QUERY_BLOCK + strip, QUERY_BLOCK, half, false);
                        }
                    const bool whole = top >= left + count && !starts;
                    const __m512 factors = _mm512_set1_ps(factor);
                    const __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
                    for (int64_t row = 0; row < count; row += 2)
                        for (int64_t lane = 0; lane < QUERY_BLOCK; lane += 16) {
                            const int64_t column = top + lane;
                            __m512i words = _mm512_setzero_si512();
                            for (int64_t odd = 0; odd < 2 && row + odd < count; odd++) {
                                const int64_t at = (row + odd) * QUERY_BLOCK + lane;
                                __mmask16 seen = within(column, 0, length);
                                if (!whole) {
                                    const __m512i mine = _mm512_set1_epi32((int)(left + row + odd));
                                    const __m512i its = _mm512_add_epi32(lanes, _mm512_set1_epi32((int)column));
                                    seen &= _mm512_cmple_epi32_mask(mine, its);
                                    if (starts)
                                        seen &= _mm512_cmple_epi32_mask(_mm512_loadu_si512(first + column), mine);
                                }
                                __m512 weight = _mm512_setzero_ps(), slope = weight;
                                if (seen) {
                                    weight = exp2_of(_mm512_fmsub_ps(_mm512_loadu_ps(scores + at), factors,
                                                                     _mm512_loadu_ps(sums + column)));
                                    weight = _mm512_maskz_mov_ps(seen, weight);
                                    slope = _mm512_sub_ps(_mm512_loadu_ps(slopes + at),
                                                          _mm512_loadu_ps(means + column));
                                    slope = _mm512_maskz_mul_ps(seen, slope, weight);
                                }
                                store(weights + at, weight);
                                const __m256i narrowed = narrow(slope);
                                _mm256_storeu_si256((__m256i*)(score_gradient + at), narrowed);
                                const __m512i wide = _mm512_cvtepu16_epi32(narrowed);
                                words = _mm512_or_si512(words, odd ? _mm512_slli_epi32(wide, 16) : wide);
                            }
                            _mm512_storeu_si512(pairwise + row / 2 * QUERY_BLOCK + lane, words);
                        }
                    const int64_t columns = length - top < QUERY_BLOCK ? length - top : QUERY_BLOCK;
                    for (int64_t row = 0; row < count; row += TILE) {
                        const int64_t rows = count - row < TILE ? count - row : TILE;
                        const int64_t from = left + row > top ? (left + row - top) / 2 : 0;
                        const int64_t pairs = (columns + 1) / 2 - from;
                        if (pairs <= 0) continue;
                        const int64_t at = row * QUERY_BLOCK / 2 + from;
                        for (int64_t strip = 0; strip < size; strip += STRIP) {
                            const int64_t packed = (strip / STRIP * padded / 2 + top / 2 + from) * STRIP;
                            const int64_t to = (left + row) * size + strip;
                            tile_of(rows, (const uint32_t*)(bf16*)weights + at, QUERY_BLOCK / 2, 1,
                                    outs_along + packed, to_value + to, size, pairs, true);
                            tile_of(rows, (const uint32_t*)(bf16*)score_gradient + at, QUERY_BLOCK / 2, 1,
                                    queries_along + packed, to_key + to, size, pairs, true);
                        }
                    }
                    for (int64_t row = 0; row < columns; row += TILE) {
                        const int64_t rows = columns - row < TILE ? columns - row : TILE;
                        const int64_t visible = top + row + rows - left;
                        const int64_t pairs = ((visible < count ? visible : count) + 1) / 2;
                        if (visible <= 0) continue;
                        for (int64_t strip = 0; strip < size; strip += STRIP)
                            tile_of(rows, pairwise + row, 1, QUERY_BLOCK,
                                    keys_along + (strip / STRIP * padded / 2 + left / 2) * STRIP,
                                    to_query + (top + row) * size + strip, size, pairs, true);
                    }
                }
            }
            rotate_back(to_query, scale, cos, sin, query_gradient + begin, shape.row, length, size);
            rotate_back(to_key, scale, cos, sin, key_gradient + begin, shape.row, length, size);
            bf16* to = value_gradient + begin;
            for (int64_t at = 0; at < length; at++, to += shape.row)
                for (int64_t lane = 0; lane < size; lane += 16)
                    store(to + lane, _mm512_loadu_ps(to_value + at * size + lane));
        }
    }
}
