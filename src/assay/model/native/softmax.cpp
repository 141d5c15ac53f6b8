// One pass of the cross-entropy over a chunk of logits: loss of every row, and the gradient written over the logits.
#include <cmath>
#include <vector>

#include "lanes.h"

// logits: [rows, width], bfloat16, contiguous; becomes (softmax − one-hot) · scale. losses: [rows], nats.
extern "C" void softmax_pass(bf16* logits, const int64_t* targets, float* losses, int64_t rows, int64_t width,
                             float scale, int threads) {
#pragma omp parallel num_threads(threads)
    {
        std::vector<float> exponentials(width + 16);
        float* kept = exponentials.data();
        const int64_t whole = width / 64 * 64;
#pragma omp for schedule(static)
        for (int64_t row = 0; row < rows; row++) {
            bf16* line = logits + row * width;
            const float hit = widen(line[targets[row]]);
            const __m512 lowest = _mm512_set1_ps(-INFINITE);
            __m512 high[4] = {lowest, lowest, lowest, lowest};
            int64_t at = 0;
            for (; at < whole; at += 64)
                for (int part = 0; part < 4; part++)
                    high[part] = _mm512_max_ps(high[part], load(line + at + 16 * part));
            for (; at < width; at += 16) {
                const __mmask16 lanes = width - at < 16 ? (__mmask16)((1u << (width - at)) - 1) : 0xffff;
                high[0] = _mm512_mask_max_ps(high[0], lanes, high[0], load(line + at, lanes));
            }
            const __m512 pair = _mm512_max_ps(_mm512_max_ps(high[0], high[1]), _mm512_max_ps(high[2], high[3]));
            const float highest = _mm512_reduce_max_ps(pair);
            const __m512 top = _mm512_set1_ps(highest);

            __m512 sums[4] = {_mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps()};
            for (at = 0; at < whole; at += 64)
                for (int part = 0; part < 4; part++) {
                    const __m512 value = exp_of(_mm512_sub_ps(load(line + at + 16 * part), top));
                    _mm512_storeu_ps(kept + at + 16 * part, value);
                    sums[part] = _mm512_add_ps(sums[part], value);
                }
            for (; at < width; at += 16) {
                const __mmask16 lanes = width - at < 16 ? (__mmask16)((1u << (width - at)) - 1) : 0xffff;
                const __m512 value = exp_of(_mm512_sub_ps(load(line + at, lanes), top));
                _mm512_storeu_ps(kept + at, value);
                sums[0] = _mm512_mask_add_ps(sums[0], lanes, sums[0], value);
            }
            const __m512 both = _mm512_add_ps(_mm512_add_ps(sums[0], sums[1]), _mm512_add_ps(sums[2], sums[3]));
            const float sum = _mm512_reduce_add_ps(both);
            losses[row] = (float)(std::log((double)sum) + (double)highest - (double)hit);

            const float factor = scale / sum;
            const __m512 factors = _mm512_set1_ps(factor);
            for (at = 0; at < whole; at += 32) {
                const __m512 first = _mm512_mul_ps(_mm512_loadu_ps(kept + at), factors);
                const __m512 second = _mm512_mul_ps(_mm512_loadu_ps(kept + at + 16), factors);
                _mm512_storeu_si512(line + at, (__m512i)_mm512_cvtne2ps_pbh(second, first));
            }
            for (; at < width; at += 16) {
                const __mmask16 lanes = width - at < 16 ? (__mmask16)((1u << (width - at)) - 1) : 0xffff;
                store(line + at, _mm512_mul_ps(_mm512_loadu_ps(kept + at), factors), lanes);
            }
            line[targets[row]] = narrow(kept[targets[row]] * factor - scale);
        }
    }
}
