// What lies between the products of a forward pass without gradients, for float32 and bfloat16, over rows that are
// tokens of whatever sequence: normalisation, rotary positions, the gated unit, and attention over a tree of tokens.
//
// A residual stream is float32 in either case; only what products read and write is of the weights' type.
#include <algorithm>
#include <cmath>
#include <vector>

#include "words.h"

namespace {

const int BLOCK = 16;  // tokens of the row whose keys and values are packed together
const int ROWS = 48;   // queries, times the heads that share a key head, at a time

inline float sum_of(__m512 x) { return _mm512_reduce_add_ps(x); }

// x += delta, and its normalised form; root mean square if `centred` is false.
template <class T>
void norm(float* x, const T* delta, const T* gain, T* to, int64_t rows, int64_t width, float epsilon, bool centred,
          int threads) {
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t row = 0; row < rows; row++) {
        float* line = x + row * width;
        __m512 sums = _mm512_setzero_ps(), squares = _mm512_setzero_ps();
        for (int64_t lane = 0; lane < width; lane += 16) {
            __m512 value = _mm512_loadu_ps(line + lane);
            if (delta) {
                value = _mm512_add_ps(value, load(delta + row * width + lane));
                _mm512_storeu_ps(line + lane, value);
            }
            sums = _mm512_add_ps(sums, value);
            squares = _mm512_fmadd_ps(value, value, squares);
        }
        float middle = 0;
        if (centred) {
            middle = sum_of(sums) / width;
            const __m512 mean = _mm512_set1_ps(middle);
            squares = _mm512_setzero_ps();
            for (int64_t lane = 0; lane < width; lane += 16) {
                const __m512 value = _mm512_sub_ps(_mm512_loadu_ps(line + lane), mean);
                squares = _mm512_fmadd_ps(value, value, squares);
            }
        }
        const __m512 mean = _mm512_set1_ps(middle);
        const __m512 inverse = _mm512_set1_ps(1 / std::sqrt(sum_of(squares) / width + epsilon));
        for (int64_t lane = 0; lane < width; lane += 16) {
            const __m512 value = _mm512_mul_ps(_mm512_sub_ps(_mm512_loadu_ps(line + lane), mean), inverse);
            store(to + row * width + lane, _mm512_mul_ps(value, load(gain + lane)));
        }
    }
}

// Rotary positions in place: the first `heads` heads of every row; cos, sin: [rows, size / 2].
template <class T>
void rotate(T* x, const float* cos, const float* sin, int64_t rows, int64_t row, int64_t heads, int64_t size,
            int threads) {
    const int64_t half = size / 2;
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t at = 0; at < rows; at++)
        for (int64_t head = 0; head < heads; head++) {
            T* left = x + at * row + head * size;
            T* right = left + half;
            for (int64_t lane = 0; lane < half; lane += 16) {
                const __m512 first = load(left + lane), second = load(right + lane);
                const __m512 c = load(cos + at * half + lane), s = load(sin + at * half + lane);
                store(left + lane, _mm512_fmsub_ps(first, c, _mm512_mul_ps(second, s)));
                store(right + lane, _mm512_fmadd_ps(second, c, _mm512_mul_ps(first, s)));
            }
        }
}

// silu(gate) · up: gate and up lie in rows of `row`, what is made in rows of `to_row`.
template <class T>
void gate(const T* gates, const T* ups, T* to, int64_t rows, int64_t width, int64_t row, int64_t to_row, int threads) {
    const __m512 one = _mm512_set1_ps(1), zero = _mm512_setzero_ps();
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t at = 0; at < rows; at++)
        for (int64_t lane = 0; lane < width; lane += 16) {
            const __m512 x = load(gates + at * row + lane);
            const __m512 open = _mm512_add_ps(one, exp_of(_mm512_sub_ps(zero, x)));
            store(to + at * to_row + lane, _mm512_mul_ps(_mm512_div_ps(x, open), load(ups + at * row + lane)));
        }
}

// A query's visible keys, as blocks of the row: those of the tokens before its run, and its run's own.
struct Visible {
    std::vector<int64_t> blocks;
    std::vector<__mmask16> masks;  // tokens of the block that lie on the path before the run
    int64_t own;                   // index of the run's first block
    void add(int64_t from, int64_t to, bool path) {
        for (int64_t block = from / BLOCK; block * BLOCK < to; block++) {
            if (blocks.empty() || blocks.back() != block) {
                blocks.push_back(block);
                masks.push_back(0);
            }
            if (path) masks.back() |= within(block * BLOCK, from, to);
        }
    }
};

// out[row] = Σ over blocks of weights · values, times factors[row].
template <class T, int PARTS>
struct Mix {
    const uint32_t* weights;
    int64_t weights_row;
    const uint32_t* values;  // of the head, at the first lane
    int64_t values_block, values_row;
    const std::vector<int64_t>& blocks;
    const float* factors;
    T* const* out;
    int64_t lane;
    template <int COUNT>
    void run() const {
        const int64_t words = BLOCK / numbers<T>();
        __m512 sums[COUNT][PARTS];
        clear(sums);
        for (size_t at = 0; at < blocks.size(); at++) {
            const uint32_t* first = values + blocks[at] * values_block;
            const uint32_t* b[PARTS];
#pragma GCC unroll 4
            for (int part = 0; part < PARTS; part++) b[part] = first + 16 * part;
            accumulate<T, COUNT, PARTS>(sums, weights + at * words, weights_row, b, values_row, words);
        }
#pragma GCC unroll 6
        for (int row = 0; row < COUNT; row++)
#pragma GCC unroll 4
            for (int part = 0; part < PARTS; part++)
                store(out[row] + lane + 16 * part, _mm512_mul_ps(sums[row][part], _mm512_set1_ps(factors[row])));
    }
};

// One query's scores become weights, not yet divided by their sum, which is returned.
template <class T>
float soften(const float* scores, T* weights, const Visible& visible, int64_t begin, int64_t token, float factor) {
    const int64_t count = (int64_t)visible.blocks.size();
    auto seen = [&](int64_t at) -> __mmask16 {
        __mmask16 mask = visible.masks[at];
        if (at >= visible.own) mask |= within(visible.blocks[at] * BLOCK, begin, token + 1);
        return mask;
    };
    __m512 high = _mm512_set1_ps(-INFINITE);
    for (int64_t at = 0; at < count; at++)
        high = _mm512_mask_max_ps(high, seen(at), high, _mm512_loadu_ps(scores + BLOCK * at));
    const __m512 factors = _mm512_set1_ps(factor), tops = _mm512_set1_ps(_mm512_reduce_max_ps(high) * factor);
    __m512 sum = _mm512_setzero_ps();
    for (int64_t at = 0; at < count; at++) {
        const __m512 power = exp2_of(_mm512_fmsub_ps(_mm512_loadu_ps(scores + BLOCK * at), factors, tops));
        const __m512 value = _mm512_maskz_mov_ps(seen(at), power);
        sum = _mm512_add_ps(sum, value);
        store(weights + BLOCK * at, value);
    }
    return sum_of(sum);
}

// Sixteen rows of values as words of two rows: [row pair][channel].
void pack_values(const bf16* from, int64_t row, int64_t rows, int64_t size, uint32_t* to) {
    const __m256i zero = _mm256_setzero_si256();
    for (int64_t at = 0; at < BLOCK; at += 2)
        for (int64_t lane = 0; lane < size; lane += 16) {
            const bf16* first = from + at * row + lane;
            const __m256i one = at < rows ? _mm256_loadu_si256((const __m256i*)first) : zero;
            const __m256i two = at + 1 < rows ? _mm256_loadu_si256((const __m256i*)(first + row)) : zero;
            const __m512i high = _mm512_slli_epi32(_mm512_cvtepu16_epi32(two), 16);
            _mm512_storeu_si512(to + at / 2 * size + lane, _mm512_or_si512(high, _mm512_cvtepu16_epi32(one)));
        }
}

struct Tree {
    int64_t tokens, runs, heads, key_heads, size, query_row, key_row, value_row;
};

template <class T>
void attend(const T* query, const T* key, const T* value, T* out, const int64_t* begins, const int64_t* offsets,
            const int64_t* spans, const Tree& tree, int threads) {
    const int64_t size = tree.size, group = tree.heads / tree.key_heads, words = size / numbers<T>();
    const int64_t blocks = (tree.tokens + BLOCK - 1) / BLOCK, packed = BLOCK * words;
    const int64_t at_once = std::max<int64_t>(1, ROWS / group), most = std::max<int64_t>(group, at_once * group);
    const float factor = LOG2E / std::sqrt((float)size);
    struct Job {
        int64_t run, first, count;
    };
    std::vector<Job> jobs;
    int64_t widest = 0;
    for (int64_t run = 0; run < tree.runs; run++) {
        int64_t wide = (begins[run + 1] - begins[run]) / BLOCK + 3;
        for (int64_t span = offsets[run]; span < offsets[run + 1]; span++)
            wide += (spans[2 * span + 1] - spans[2 * span]) / BLOCK + 2;
        widest = std::max(widest, wide * BLOCK);
        for (int64_t first = begins[run]; first < begins[run + 1]; first += at_once)
            jobs.push_back({run, first, std::min(at_once, begins[run + 1] - first)});
    }
    Buffer<uint32_t> keys(tree.key_heads * blocks * packed), values(tree.key_heads * blocks * packed);
#pragma omp parallel num_threads(threads)
    {
#pragma omp for schedule(static)
        for (int64_t at = 0; at < tree.key_heads * blocks; at++) {
            const int64_t head = at / blocks, first = at % blocks * BLOCK;
            const int64_t rows = std::min<int64_t>(BLOCK, tree.tokens - first);
            const T* from = key + first * tree.key_row + head * size;
            for (int64_t word = 0; word < words; word += 16)
                turn((const uint32_t*)from + word, tree.key_row / numbers<T>(), rows,
                     keys + at * packed + word * BLOCK, BLOCK);
            const T* source = value + first * tree.value_row + head * size;
            if constexpr (sizeof(T) == 2) {
                pack_values(source, tree.value_row, rows, size, values + at * packed);
            } else {
                for (int64_t row = 0; row < BLOCK; row++)
                    for (int64_t lane = 0; lane < size; lane += 16)
                        _mm512_storeu_ps((float*)(values + at * packed) + row * size + lane,
                                         row < rows ? load(source + row * tree.value_row + lane)
                                                    : _mm512_setzero_ps());
            }
        }
        Visible visible;
        Buffer<uint32_t> queries(most * words);
        Buffer<float> scores(most * widest);
        Buffer<T> weights(most * widest);
        std::vector<float> factors(most);
        std::vector<T*> places(most);
#pragma omp for schedule(dynamic, 8)
        for (int64_t at = 0; at < (int64_t)jobs.size() * tree.key_heads; at++) {
            const int64_t head = at / (int64_t)jobs.size();
            const Job& job = jobs[at % (int64_t)jobs.size()];
            const int64_t rows = job.count * group, begin = begins[job.run];
            visible.blocks.clear();
            visible.masks.clear();
            for (int64_t span = offsets[job.run]; span < offsets[job.run + 1]; span++)
                visible.add(spans[2 * span], spans[2 * span + 1], true);
            const bool joined = !visible.blocks.empty() && visible.blocks.back() == begin / BLOCK;
            visible.own = (int64_t)visible.blocks.size() - (joined ? 1 : 0);
            visible.add(begin, job.first + job.count, false);
            const int64_t count = (int64_t)visible.blocks.size(), wide = (count + 1) / 2 * 2 * BLOCK;
            for (int64_t row = 0; row < rows; row++) {
                const int64_t token = job.first + row / group, mine = head * group + row % group;
                std::memcpy(queries + row * words, query + token * tree.query_row + mine * size, size * sizeof(T));
                places[row] = out + (token * tree.heads + mine) * size;
            }
            auto block = [&](int64_t index) {
                return keys + (head * blocks + visible.blocks[std::min(index, count - 1)]) * packed;
            };
            for (int64_t index = 0; index < count;) {
                const bool four = count - index > 2;
                for (int64_t row = 0; row < rows; row += TILE) {
                    const uint32_t* a = queries + row * words;
                    float* c = scores + row * wide + index * BLOCK;
                    if (four)
                        by_rows(rows - row, RowsByColumns<T, 4>{a, words,
                                                                {block(index), block(index + 1), block(index + 2),
                                                                 block(index + 3)},
                                                                BLOCK, words, c, wide});
                    else
                        by_rows(rows - row,
                                RowsByColumns<T, 2>{a, words, {block(index), block(index + 1)}, BLOCK, words, c, wide});
                }
                index += four ? 4 : 2;
            }
            for (int64_t row = 0; row < rows; row++)
                factors[row] = 1 / soften(scores + row * wide, weights + row * wide, visible, begin,
                                          job.first + row / group, factor);
            const uint32_t* of_head = values + head * blocks * packed;
            for (int64_t row = 0; row < rows; row += TILE)
                for (int64_t lane = 0; lane < size;) {
                    const uint32_t* a = (const uint32_t*)(weights + row * wide);
                    const int64_t a_row = wide / numbers<T>();
                    if (size - lane >= 64) {
                        by_rows(rows - row, Mix<T, 4>{a, a_row, of_head + lane, packed, size, visible.blocks,
                                                      &factors[row], &places[row], lane});
                        lane += 64;
                    } else {
                        by_rows(rows - row, Mix<T, 2>{a, a_row, of_head + lane, packed, size, visible.blocks,
                                                      &factors[row], &places[row], lane});
                        lane += 32;
                    }
                }
        }
    }
}

}  // namespace

// x: [rows, width], float32, changed; delta: likewise of the type, or null; gain: [width]; to: [rows, width].
#define NORM(NAME, T)                                                                                                 \
    extern "C" void NAME(float* x, const T* delta, const T* gain, T* to, int64_t rows, int64_t width, float epsilon,  \
                         int centred, int threads) {                                                                  \
        norm<T>(x, delta, gain, to, rows, width, epsilon, centred, threads);                                          \
    }
NORM(infer_norm_float, float)
NORM(infer_norm_bf16, bf16)

#define ROTATE(NAME, T)                                                                                               \
    extern "C" void NAME(T* x, const float* cos, const float* sin, int64_t rows, int64_t row, int64_t heads,          \
                         int64_t size, int threads) {                                                                 \
        rotate<T>(x, cos, sin, rows, row, heads, size, threads);                                                      \
    }
ROTATE(infer_rotate_float, float)
ROTATE(infer_rotate_bf16, bf16)

#define GATE(NAME, T)                                                                                                 \
    extern "C" void NAME(const T* gates, const T* ups, T* to, int64_t rows, int64_t width, int64_t row,               \
                         int64_t to_row, int threads) {                                                               \
        gate<T>(gates, ups, to, rows, width, row, to_row, threads);                                                   \
    }
GATE(infer_gate_float, float)
GATE(infer_gate_bf16, bf16)

// query: [tokens, query_row], likewise key and value; out: [tokens, heads, size]. Run r is the tokens begins[r] …
// begins[r + 1], each seeing those of its run before it and the spans offsets[r] … offsets[r + 1]: [from, to) of
// tokens, ascending. numbers: tokens, runs, heads, key heads, size, and the three rows.
#define ATTEND(NAME, T)                                                                                               \
    extern "C" void NAME(const T* query, const T* key, const T* value, T* out, const int64_t* begins,                 \
                         const int64_t* offsets, const int64_t* spans, const int64_t* numbers, int threads) {         \
        const Tree tree = {numbers[0], numbers[1], numbers[2], numbers[3],                                            \
                           numbers[4], numbers[5], numbers[6], numbers[7]};                                           \
        attend<T>(query, key, value, out, begins, offsets, spans, tree, threads);                                     \
    }
ATTEND(infer_attend_float, float)
ATTEND(infer_attend_bf16, bf16)
