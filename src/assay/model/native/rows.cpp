// The passes over rows between a layer's products: normalisation and the gated unit, forward and backward.
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "lanes.h"

namespace {
const int64_t PARTS = 16;  // sums over rows are taken in as many parts whatever the threads, so that bits stay

__m512 logistic(__m512 x) {
    const __m512 one = _mm512_set1_ps(1);
    return _mm512_div_ps(one, _mm512_add_ps(one, exp_of(_mm512_sub_ps(_mm512_setzero_ps(), x))));
}
}  // namespace

// Layer normalisation without bias: x, to: [rows, width]; gain: [width]; moments: [rows, 2], mean and 1 / deviation.
extern "C" void norm_forward(const bf16* x, const bf16* gain, bf16* to, float* moments, int64_t rows, int64_t width,
                             float epsilon, int threads) {
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t row = 0; row < rows; row++) {
        const bf16* line = x + row * width;
        __m512 sum = _mm512_setzero_ps(), squares = sum;
        for (int64_t lane = 0; lane < width; lane += 16) sum = _mm512_add_ps(sum, load(line + lane));
        const float mean = _mm512_reduce_add_ps(sum) / (float)width;
        const __m512 means = _mm512_set1_ps(mean);
        for (int64_t lane = 0; lane < width; lane += 16) {
            const __m512 centred = _mm512_sub_ps(load(line + lane), means);
            squares = _mm512_fmadd_ps(centred, centred, squares);
        }
        const float inverse = 1 / std::sqrt(_mm512_reduce_add_ps(squares) / (float)width + epsilon);
        const __m512 inverses = _mm512_set1_ps(inverse);
        for (int64_t lane = 0; lane < width; lane += 16) {
            const __m512 normal = _mm512_mul_ps(_mm512_sub_ps(load(line + lane), means), inverses);
            store(to + row * width + lane, _mm512_mul_ps(normal, load(gain + lane)));
        }
        moments[2 * row] = mean;
        moments[2 * row + 1] = inverse;
    }
}

// Its backward pass; what came past the layer is added: to = past + d(norm). gain_gradient: [width], float32.
extern "C" void norm_backward(const bf16* gradient, const bf16* x, const bf16* gain, const float* moments,
                              const bf16* past, bf16* to, float* gain_gradient, int64_t rows, int64_t width,
                              int threads) {
    float* parts = (float*)std::aligned_alloc(64, PARTS * width * sizeof(float));
    std::memset(parts, 0, PARTS * width * sizeof(float));
    const __m512 share = _mm512_set1_ps(1 / (float)width);
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t part = 0; part < PARTS; part++) {
        float* mine = parts + part * width;
        for (int64_t row = rows * part / PARTS; row < rows * (part + 1) / PARTS; row++) {
            const bf16 *line = x + row * width, *slope = gradient + row * width;
            const __m512 mean = _mm512_set1_ps(moments[2 * row]), inverse = _mm512_set1_ps(moments[2 * row + 1]);
            __m512 sum = _mm512_setzero_ps(), along = sum;
            for (int64_t lane = 0; lane < width; lane += 16) {
                const __m512 normal = _mm512_mul_ps(_mm512_sub_ps(load(line + lane), mean), inverse);
                const __m512 outer = load(slope + lane), inner = _mm512_mul_ps(outer, load(gain + lane));
                sum = _mm512_add_ps(sum, inner);
                along = _mm512_fmadd_ps(inner, normal, along);
                _mm512_storeu_ps(mine + lane, _mm512_fmadd_ps(outer, normal, _mm512_loadu_ps(mine + lane)));
            }
            sum = _mm512_mul_ps(_mm512_set1_ps(_mm512_reduce_add_ps(sum)), share);
            along = _mm512_mul_ps(_mm512_set1_ps(_mm512_reduce_add_ps(along)), share);
            for (int64_t lane = 0; lane < width; lane += 16) {
                const __m512 normal = _mm512_mul_ps(_mm512_sub_ps(load(line + lane), mean), inverse);
                const __m512 inner = _mm512_mul_ps(load(slope + lane), load(gain + lane));
                const __m512 centred = _mm512_sub_ps(_mm512_fnmadd_ps(normal, along, inner), sum);
                store(to + row * width + lane, _mm512_fmadd_ps(centred, inverse, load(past + row * width + lane)));
            }
        }
    }
    for (int64_t lane = 0; lane < width; lane++) {
        float sum = 0;
        for (int64_t part = 0; part < PARTS; part++) sum += parts[part * width + lane];
        gain_gradient[lane] = sum;
    }
    std::free(parts);
}

// silu(gate) · up: gate and up lie in rows of `row`, what is made in rows of `to_row`.
extern "C" void gated_forward(const bf16* gate, const bf16* up, bf16* to, int64_t rows, int64_t width, int64_t row,
                              int64_t to_row, int threads) {
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t at = 0; at < rows; at++)
        for (int64_t lane = 0; lane < width; lane += 16) {
            const __m512 x = load(gate + at * row + lane);
            const __m512 made = _mm512_mul_ps(_mm512_mul_ps(x, logistic(x)), load(up + at * row + lane));
            store(to + at * to_row + lane, made);
        }
}

// Its backward pass; the gradients found lie as gate and up do.
extern "C" void gated_backward(const bf16* gradient, const bf16* gate, const bf16* up, bf16* gate_gradient,
                               bf16* up_gradient, int64_t rows, int64_t width, int64_t row, int64_t to_row,
                               int threads) {
    const __m512 one = _mm512_set1_ps(1);
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t at = 0; at < rows; at++)
        for (int64_t lane = 0; lane < width; lane += 16) {
            const __m512 x = load(gate + at * row + lane), slope = load(gradient + at * to_row + lane);
            const __m512 open = logistic(x), silu = _mm512_mul_ps(x, open);
            const __m512 rise = _mm512_fmadd_ps(silu, _mm512_sub_ps(one, open), open);
            const __m512 through = _mm512_mul_ps(slope, load(up + at * row + lane));
            store(gate_gradient + at * row + lane, _mm512_mul_ps(through, rise));
            store(up_gradient + at * row + lane, _mm512_mul_ps(slope, silu));
        }
}
