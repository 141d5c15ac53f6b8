// Log-probabilities of given tokens behind given hidden states, in one pass over the vocabulary: logits are made in
// float32 whatever the type, a few hundred of a row at a time, turned into a running maximum and sum, and dropped.
#include <algorithm>
#include <cmath>
#include <vector>

#include "words.h"

namespace {

const int STRIPS = 8;  // of 64 tokens of the vocabulary whose logits are held
const int ROWS = 96;   // hidden states at a time

template <class T>
void pack(const T* weight, int64_t vocabulary, int64_t width, uint32_t* to, int threads) {
    const int64_t words = width / numbers<T>();
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t first = 0; first < (vocabulary + STRIP - 1) / STRIP * STRIP; first += 16)
        for (int64_t word = 0; word < words; word += 16)
            turn((const uint32_t*)(weight + first * width) + word, words,
                 std::max<int64_t>(0, std::min<int64_t>(16, vocabulary - first)),
                 to + (first / STRIP * words + word) * STRIP + first % STRIP, STRIP);
}

struct Running {
    float top = -INFINITE;
    __m512 sum = _mm512_setzero_ps();
    int64_t best = 0;  // the lowest id of the largest logit
};

// Take in the logits of tokens base … base + count.
void take(Running& running, const float* logits, int64_t base, int64_t count) {
    __m512 high = _mm512_set1_ps(-INFINITE);
    for (int64_t at = 0; at < count; at += 16)
        high = _mm512_mask_max_ps(high, within(at, 0, count), high, _mm512_loadu_ps(logits + at));
    const float top = _mm512_reduce_max_ps(high);
    if (top > running.top) {
        running.sum = _mm512_mul_ps(running.sum, _mm512_set1_ps(std::exp(running.top - top)));
        running.top = top;
        running.best = base + (std::find(logits, logits + count, top) - logits);
    }
    const __m512 tops = _mm512_set1_ps(running.top);
    __m512 sums[2] = {running.sum, _mm512_setzero_ps()};
    for (int64_t at = 0; at < count; at += 16)
        sums[at / 16 % 2] = _mm512_mask_add_ps(sums[at / 16 % 2], within(at, 0, count), sums[at / 16 % 2],
                                               exp_of(_mm512_sub_ps(_mm512_loadu_ps(logits + at), tops)));
    running.sum = _mm512_add_ps(sums[0], sums[1]);
}

template <class T>
void score(const T* hidden, const uint32_t* packed, const int64_t* offsets, const int64_t* targets, float* found,
           uint8_t* likeliest, int64_t rows, int64_t width, int64_t vocabulary, int threads) {
    const int64_t words = width / numbers<T>(), wide = STRIPS * STRIP;
#pragma omp parallel num_threads(threads)
    {
        Buffer<float> logits(ROWS * wide);
        std::vector<Running> running(ROWS);
#pragma omp for schedule(dynamic)
        for (int64_t first = 0; first < rows; first += ROWS) {
            const int64_t count = std::min<int64_t>(ROWS, rows - first);
            std::fill(running.begin(), running.end(), Running());
            for (int64_t base = 0; base < vocabulary; base += wide) {
                const int64_t here = std::min(wide, vocabulary - base);
                for (int64_t strip = 0; strip < here; strip += STRIP) {
                    const uint32_t* b = packed + (base + strip) * words;
                    for (int64_t row = 0; row < count; row += TILE)
                        by_rows(count - row,
                                RowsByColumns<T, 4>{(const uint32_t*)(hidden + (first + row) * width),
                                                    words,
                                                    {b, b + 16, b + 32, b + 48},
                                                    STRIP,
                                                    words,
                                                    logits + row * wide + strip,
                                                    wide});
                }
                for (int64_t row = 0; row < count; row++) {
                    const float* line = logits + row * wide;
                    take(running[row], line, base, here);
                    for (int64_t at = offsets[first + row]; at < offsets[first + row + 1]; at++)
                        if (targets[at] >= base && targets[at] < base + here) found[at] = line[targets[at] - base];
                }
            }
            for (int64_t row = 0; row < count; row++) {
                const double sum = std::log((double)_mm512_reduce_add_ps(running[row].sum)) + running[row].top;
                for (int64_t at = offsets[first + row]; at < offsets[first + row + 1]; at++) {
                    found[at] = (float)(found[at] - sum);
                    likeliest[at] = targets[at] == running[row].best;
                }
            }
        }
    }
}

}  // namespace

// weight: [vocabulary, width] → [strip of 64 tokens][word][token], tokens beyond the vocabulary zero.
#define PACK(NAME, T)                                                                                                 \
    extern "C" void NAME(const T* weight, int64_t vocabulary, int64_t width, uint32_t* to, int threads) {             \
        pack<T>(weight, vocabulary, width, to, threads);                                                              \
    }
PACK(score_pack_float, float)
PACK(score_pack_bf16, bf16)

// hidden: [rows, width]; targets offsets[r] … offsets[r + 1] are asked of row r; found: nats; likeliest: 0 or 1.
#define SCORE(NAME, T)                                                                                                \
    extern "C" void NAME(const T* hidden, const uint32_t* packed, const int64_t* offsets, const int64_t* targets,     \
                         float* found, uint8_t* likeliest, int64_t rows, int64_t width, int64_t vocabulary,           \
                         int threads) {                                                                               \
        score<T>(hidden, packed, offsets, targets, found, likeliest, rows, width, vocabulary, threads);               \
    }
SCORE(score_tokens_float, float)
SCORE(score_tokens_bf16, bf16)
