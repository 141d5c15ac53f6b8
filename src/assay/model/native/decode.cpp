// Generation's own kernels, for float32 and bfloat16: attention over keys and values kept from earlier tokens, logits
// of a few hidden states, and the choice of a token.
//
// Kept keys lie in blocks of sixteen positions, [word of channels][position]; kept values in words along positions,
// [word of positions][channel]: what the products of words.h want, so that a step reads every one of them once and
// packs nothing.
#include <algorithm>
#include <cmath>
#include <vector>

#include "words.h"

namespace {

const int KEYS = 16;     // of a block
const int QUERIES = 48;  // of a job

struct Kept {
    int64_t runs, heads, key_heads, size, query_row, key_row, value_row, capacity;
};

struct Run {
    int64_t token, count, slot, position;
};

struct Piece {
    int64_t run, first, count, head;
};

// Parts of four registers while they last, then single ones.
template <class T>
void products(const uint32_t* a, int64_t a_row, const uint32_t* b, int64_t part_step, int64_t b_row, int64_t words,
              float* c, int64_t c_row, int64_t rows, int64_t parts) {
    for (int64_t row = 0; row < rows; row += TILE) {
        const uint32_t* at = a + row * a_row;
        int64_t part = 0;
        for (; part + 4 <= parts; part += 4) {
            const uint32_t* from = b + part * part_step;
            by_rows(rows - row, RowsByColumns<T, 4>{at, a_row,
                                                    {from, from + part_step, from + 2 * part_step, from + 3 * part_step},
                                                    b_row, words, c + row * c_row + 16 * part, c_row});
        }
        for (; part < parts; part++)
            by_rows(rows - row,
                    RowsByColumns<T, 1>{at, a_row, {b + part * part_step}, b_row, words, c + row * c_row + 16 * part,
                                        c_row});
    }
}

// Scores become weights before division by their sum, zero from `visible` on up to `span`; returns 1 / sum.
template <class T>
float soften(const float* scores, T* weights, int64_t visible, int64_t span, float factor) {
    __m512 high = _mm512_set1_ps(-INFINITE);
    for (int64_t at = 0; at < visible; at += 16)
        high = _mm512_mask_max_ps(high, within(at, 0, visible), high, _mm512_loadu_ps(scores + at));
    const __m512 factors = _mm512_set1_ps(factor), tops = _mm512_set1_ps(_mm512_reduce_max_ps(high) * factor);
    __m512 sum = _mm512_setzero_ps();
    int64_t at = 0;
    for (; at < visible; at += 16) {
        const __m512 power = exp2_of(_mm512_fmsub_ps(_mm512_loadu_ps(scores + at), factors, tops));
        const __m512 value = _mm512_maskz_mov_ps(within(at, 0, visible), power);
        sum = _mm512_add_ps(sum, value);
        store(weights + at, value);
    }
    for (; at < span; at += 16) store(weights + at, _mm512_setzero_ps());
    return 1 / _mm512_reduce_add_ps(sum);
}

template <class T>
void keep(const T* key, const T* value, T* keys, T* values, const Run& run, const Kept& kept) {
    const int64_t words = kept.size / numbers<T>();
    for (int64_t at = 0; at < run.count; at++) {
        const int64_t position = run.position + at;
        const uint32_t* from = (const uint32_t*)(key + (run.token + at) * kept.key_row);
        uint32_t* block = (uint32_t*)keys + position / KEYS * KEYS * words + position % KEYS;
        for (int64_t word = 0; word < words; word++) block[word * KEYS] = from[word];
        const T* given = value + (run.token + at) * kept.value_row;
        T* line = values + position / numbers<T>() * numbers<T>() * kept.size + position % numbers<T>();
        for (int64_t channel = 0; channel < kept.size; channel++) line[channel * numbers<T>()] = given[channel];
    }
}

template <class T>
void attend(const T* query, const T* key, const T* value, T* out, T* keys, T* values, const Run* runs,
            const Kept& kept, int threads) {
    const int64_t size = kept.size, words = size / numbers<T>(), group = kept.heads / kept.key_heads;
    const int64_t step = std::max<int64_t>(1, QUERIES / group), of_head = kept.capacity * size;
    const float factor = LOG2E / std::sqrt((float)size);
    std::vector<Piece> pieces;
    int64_t longest = 0;
    for (int64_t run = 0; run < kept.runs; run++) {
        longest = std::max(longest, runs[run].position + runs[run].count);
        for (int64_t first = 0; first < runs[run].count; first += step)
            for (int64_t head = 0; head < kept.key_heads; head++)
                pieces.push_back({run, first, std::min(step, runs[run].count - first), head});
    }
    const int64_t wide = (longest + KEYS - 1) / KEYS * KEYS;
#pragma omp parallel num_threads(threads)
    {
        Buffer<T> queries(step * group * size), weights(step * group * wide);
        Buffer<float> scores(step * group * wide), mixed(step * group * size);
        std::vector<float> shares(step * group);
#pragma omp for schedule(static)
        for (int64_t job = 0; job < kept.runs * kept.key_heads; job++) {
            const Run& run = runs[job / kept.key_heads];
            const int64_t head = job % kept.key_heads, place = (run.slot * kept.key_heads + head) * of_head;
            keep<T>(key + head * size, value + head * size, keys + place, values + place, run, kept);
        }
#pragma omp for schedule(dynamic)
        for (size_t job = 0; job < pieces.size(); job++) {
            const Piece& piece = pieces[job];
            const Run& run = runs[piece.run];
            const int64_t rows = piece.count * group, place = (run.slot * kept.key_heads + piece.head) * of_head;
            const int64_t seen = run.position + piece.first + 1;  // by the first token of the piece
            const int64_t span = (seen + piece.count - 1 + KEYS - 1) / KEYS * KEYS;
            const int64_t token = run.token + piece.first;
            for (int64_t at = 0; at < piece.count; at++)
                std::memcpy(queries + at * group * size,
                            query + (token + at) * kept.query_row + piece.head * group * size,
                            group * size * sizeof(T));
            products<T>((const uint32_t*)(T*)queries, words, (const uint32_t*)(keys + place), words * KEYS, KEYS, words,
                        scores, span, rows, span / KEYS);
            for (int64_t row = 0; row < rows; row++)
                shares[row] = soften<T>(scores + row * span, weights + row * span, seen + row / group, span, factor);
            products<T>((const uint32_t*)(T*)weights, span / numbers<T>(), (const uint32_t*)(values + place), 16, size,
                        span / numbers<T>(), mixed, size, rows, size / 16);
            for (int64_t row = 0; row < rows; row++) {
                T* to = out + ((token + row / group) * kept.heads + piece.head * group + row % group) * size;
                const __m512 share = _mm512_set1_ps(shares[row]);
                for (int64_t lane = 0; lane < size; lane += 16)
                    store(to + lane, _mm512_mul_ps(_mm512_loadu_ps(mixed + row * size + lane), share));
            }
        }
    }
}

template <class T>
void logits_of(const T* hidden, const T* packed, float* logits, int64_t rows, int64_t width, int64_t strips,
               int threads) {
    const int64_t words = width / numbers<T>();
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t strip = 0; strip < strips; strip++)
        products<T>((const uint32_t*)hidden, words, (const uint32_t*)packed + strip * STRIP * words, 16, STRIP, words,
                    logits + strip * STRIP, strips * STRIP, rows, STRIP / 16);
}

// Which of the powers are kept: those above the lowest, and of its equals the ones up to the last id.
struct Nucleus {
    float lowest = 0;
    int64_t last = INT64_MAX;
    __mmask16 kept(__m512 powers, int64_t first) const {
        const __mmask16 equal = _mm512_cmp_ps_mask(powers, _mm512_set1_ps(lowest), _CMP_EQ_OQ);
        const __mmask16 above = _mm512_cmp_ps_mask(powers, _mm512_set1_ps(lowest), _CMP_GT_OQ);
        return above | (equal & within(first, 0, last == INT64_MAX ? last : last + 1));
    }
};

// The fewest of the largest powers whose sum reaches `mass`; of equal ones the lowest ids. Sums by the leading bits of
// a number find where the boundary lies; only what shares those bits with it is sorted.
Nucleus nucleus(const float* powers, int64_t count, double mass) {
    const int SHIFT = 20, BINS = 1 << (31 - SHIFT);
    std::vector<double> sums(BINS);
    const auto bin = [&](int64_t at) {
        uint32_t bits;
        std::memcpy(&bits, powers + at, 4);
        return (int)(bits >> SHIFT);
    };
    for (int64_t at = 0; at < count; at++) sums[bin(at)] += powers[at];
    int edge = BINS - 1;
    while (edge > 0 && mass > sums[edge]) mass -= sums[edge--];
    std::vector<int64_t> ids;
    for (int64_t at = 0; at < count; at++)
        if (bin(at) == edge) ids.push_back(at);
    std::stable_sort(ids.begin(), ids.end(), [&](int64_t one, int64_t other) { return powers[one] > powers[other]; });
    for (const int64_t at : ids) {
        mass -= powers[at];
        if (mass <= 0) return {powers[at], at};
    }
    return ids.empty() ? Nucleus() : Nucleus{powers[ids.back()], ids.back()};
}

int64_t likeliest(const float* logits, int64_t count, float* top) {
    __m512 high = _mm512_set1_ps(-INFINITE);
    for (int64_t at = 0; at < count; at += 16)
        high = _mm512_mask_max_ps(high, within(at, 0, count), high, _mm512_loadu_ps(logits + at));
    *top = _mm512_reduce_max_ps(high);
    return std::find(logits, logits + count, *top) - logits;
}

// A token by its logits, of which powers are made in place.
int64_t draw(float* logits, int64_t count, float temperature, float top_p, double uniform) {
    float top;
    const int64_t best = likeliest(logits, count, &top);
    if (temperature == 0) return best;
    const __m512 inverse = _mm512_set1_ps(1 / temperature), tops = _mm512_set1_ps(top);
    double sum = 0;
    for (int64_t at = 0; at < count; at += 16) {
        const __mmask16 lanes = within(at, 0, count);
        const __m512 apart = _mm512_sub_ps(_mm512_maskz_loadu_ps(lanes, logits + at), tops);
        const __m512 power = _mm512_maskz_mov_ps(lanes, exp_of(_mm512_mul_ps(apart, inverse)));
        _mm512_mask_storeu_ps(logits + at, lanes, power);
        sum += _mm512_reduce_add_ps(power);
    }
    Nucleus all;
    if (top_p < 1) {
        all = nucleus(logits, count, top_p * sum);
        sum = 0;
        for (int64_t at = 0; at < count; at += 16) {
            const __mmask16 lanes = within(at, 0, count);
            const __m512 power = _mm512_maskz_loadu_ps(lanes, logits + at);
            sum += _mm512_mask_reduce_add_ps(lanes & all.kept(power, at), power);
        }
    }
    double left = uniform * sum;
    int64_t last = best;
    for (int64_t at = 0; at < count; at += 16) {
        const __m512 power = _mm512_maskz_loadu_ps(within(at, 0, count), logits + at);
        const __mmask16 lanes = within(at, 0, count) & all.kept(power, at);
        const float here = _mm512_mask_reduce_add_ps(lanes, power);
        if (left >= here) {
            left -= here;
            continue;
        }
        for (int lane = 0; lane < 16; lane++) {
            if (!(lanes >> lane & 1) || logits[at + lane] == 0) continue;
            last = at + lane;
            left -= logits[last];
            if (left < 0) return last;
        }
        return last;
    }
    return last;
}

}  // namespace

// query: [tokens, query_row], likewise key and value; out: [tokens, heads, size]; keys, values: [slot, key head,
// capacity, size] in the order above; runs: tokens of one slot each, at consecutive positions, that see what is kept
// of the slot and themselves. numbers: those of `Kept`.
#define ATTEND(NAME, T)                                                                                               \
    extern "C" void NAME(const T* query, const T* key, const T* value, T* out, T* keys, T* values, const int64_t* runs, \
                         const int64_t* numbers, int threads) {                                                       \
        const Kept kept = {numbers[0], numbers[1], numbers[2], numbers[3],                                            \
                           numbers[4], numbers[5], numbers[6], numbers[7]};                                           \
        attend<T>(query, key, value, out, keys, values, (const Run*)runs, kept, threads);                             \
    }
ATTEND(decode_attend_float, float)
ATTEND(decode_attend_bf16, bf16)

// hidden: [rows, width]; packed: as score_pack makes it; logits: [rows, 64 · strips], float32.
#define LOGITS(NAME, T)                                                                                               \
    extern "C" void NAME(const T* hidden, const T* packed, float* logits, int64_t rows, int64_t width, int64_t strips, \
                         int threads) {                                                                               \
        logits_of<T>(hidden, packed, logits, rows, width, strips, threads);                                           \
    }
LOGITS(decode_logits_float, float)
LOGITS(decode_logits_bf16, bf16)

// logits: [rows, row], changed; settings: [rows, 3], temperature, top-p, a number in [0, 1).
extern "C" void decode_choose(float* logits, const double* settings, int64_t* chosen, int64_t rows, int64_t row,
                              int64_t count, int threads) {
#pragma omp parallel for schedule(dynamic) num_threads(threads)
    for (int64_t at = 0; at < rows; at++) {
        const double* its = settings + 3 * at;
        chosen[at] = draw(logits + at * row, count, (float)its[0], (float)its[1], its[2]);
    }
}
