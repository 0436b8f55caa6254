// Tensorwise form: one lane after another, with its tensors in memory.
#include <cstdlib>
#include <type_traits>

template <class T> struct Vector;
template <> struct Vector<double> { typedef f64 type; };
template <> struct Vector<float> { typedef f32 type; };

template <class V, class T> static inline V load(const T* source, int64_t stride) {
  V v; for (int w = 0; w < W; ++w) v[w] = source[w * stride]; return v; }
template <> inline f64 load<f64, double>(const double* source, int64_t stride) {
  f64 v;
  if (stride == 1) __builtin_memcpy(&v, source, sizeof v); else for (int w = 0; w < W; ++w) v[w] = source[w * stride];
  return v; }
template <> inline f32 load<f32, float>(const float* source, int64_t stride) {
  f32 v;
  if (stride == 1) __builtin_memcpy(&v, source, sizeof v); else for (int w = 0; w < W; ++w) v[w] = source[w * stride];
  return v; }
template <> inline mask load<mask, bool>(const bool* source, int64_t stride) {
  mask v; for (int w = 0; w < W; ++w) v[w] = -source[w * stride]; return v; }

template <class V, class T> static inline void store(V v, T* target, int64_t stride) {
  if (stride == 1 && sizeof(V) == sizeof(T) * W) __builtin_memcpy(target, &v, sizeof v);
  else for (int w = 0; w < W; ++w) target[w * stride] = v[w]; }
static inline void store(mask v, bool* target, int64_t stride) {
  for (int w = 0; w < W; ++w) target[w * stride] = v[w] != 0; }

// The first COUNT of W numbers; the others are 0.
template <class V, int COUNT, class T> static inline V load_part(const T* source, int64_t stride) {
  V v{};
  if constexpr (sizeof(V) == sizeof(T) * W) if (stride == 1) {
    if (COUNT == W) return load<V>(source, 1);
#if defined(__AVX512F__)
    // Assembler, because gcc 12 would turn its builtin functions into aligned moves, which crash on unaligned rows.
    typedef const char Numbers[sizeof(T) * COUNT];
    auto& numbers = *reinterpret_cast<Numbers*>(source);
    if constexpr (std::is_same<V, f32>::value && W == 16) {
      asm("vmovups %1, %0%{%2%}%{z%}" : "=v"(v) : "m"(numbers), "Yk"(static_cast<unsigned short>((1 << COUNT) - 1)));
      return v; }
    if constexpr (std::is_same<V, f64>::value && W == 8) {
      asm("vmovupd %1, %0%{%2%}%{z%}" : "=v"(v) : "m"(numbers), "Yk"(static_cast<unsigned char>((1 << COUNT) - 1)));
      return v; }
#endif
    __builtin_memcpy(&v, source, sizeof(T) * COUNT); return v; }
  // A true element of a mask has all bits set.
  for (int w = 0; w < COUNT; ++w) v[w] = std::is_same<T, bool>::value ? -source[w * stride] : source[w * stride];
  return v; }
template <int COUNT, class V, class T> static inline void store_part(V v, T* target, int64_t stride) {
  if constexpr (sizeof(V) == sizeof(T) * W) if (stride == 1) {
    if (COUNT == W) return store(v, target, 1);
#if defined(__AVX512F__)
    typedef char Numbers[sizeof(T) * COUNT];
    auto& numbers = *reinterpret_cast<Numbers*>(target);
    if constexpr (std::is_same<V, f32>::value && W == 16) {
      asm("vmovups %1, %0%{%2%}" : "+m"(numbers) : "v"(v), "Yk"(static_cast<unsigned short>((1 << COUNT) - 1)));
      return; }
    if constexpr (std::is_same<V, f64>::value && W == 8) {
      asm("vmovupd %1, %0%{%2%}" : "+m"(numbers) : "v"(v), "Yk"(static_cast<unsigned char>((1 << COUNT) - 1)));
      return; }
#endif
    __builtin_memcpy(target, &v, sizeof(T) * COUNT); return; }
  for (int w = 0; w < COUNT; ++w) target[w * stride] = std::is_same<T, bool>::value ? v[w] != 0 : v[w]; }

// Combines the N numbers of a vector, in halves.
template <int N, class T, class V, class Combine> static inline T combine_all(V v, Combine combine) {
  if constexpr (N > 4) {
    typedef T Half __attribute__((vector_size(sizeof(T) * N / 2)));
    Half low, high;
    __builtin_memcpy(&low, &v, sizeof low);
    __builtin_memcpy(&high, reinterpret_cast<const char*>(&v) + sizeof low, sizeof high);
    return combine_all<N / 2, T>(combine(low, high), combine);
  } else if constexpr (N == 4) return combine(combine(T(v[0]), T(v[1])), combine(T(v[2]), T(v[3])));
  else if constexpr (N == 2) return combine(T(v[0]), T(v[1]));
  else return v[0];
}

// Combines `total` with the mapped numbers of ROWS rows; `initial` is the neutral element.
template <int64_t ROWS, int64_t LENGTH, class T, class S, class Map, class Combine>
static inline T reduce_rows(const S* source, int64_t row, int64_t stride, T total, T initial, Map map, Combine combine) {
  if constexpr (std::is_same<S, T>::value && std::is_floating_point<T>::value && LENGTH >= W / 2) {
    typedef typename Vector<T>::type V;
    if (stride == 1) {
      constexpr int64_t FULL = LENGTH / W * W;
      constexpr int PART = LENGTH - FULL;
      V partial = broadcast<V>(initial);
      for (int64_t r = 0; r < ROWS; ++r) {
        for (int64_t i = 0; i < FULL; i += W) partial = combine(partial, V(map(load<V>(source + r * row + i, 1))));
        if constexpr (PART > 0) {
          decltype(V{} < V{}) is_part;
          for (int w = 0; w < W; ++w) is_part[w] = -(w < PART);
          partial = is_part ? combine(partial, V(map(load_part<V, PART>(source + r * row + FULL, 1)))) : partial;
        }
      }
      return combine(total, combine_all<W, T>(partial, combine));
    }
  }
  for (int64_t r = 0; r < ROWS; ++r) for (int64_t i = 0; i < LENGTH; ++i)
    total = combine(total, T(map(source[r * row + i * stride])));
  return total;
}

// Combines ROWS mapped rows into the contiguous row `target`.
template <int COUNT, int64_t ROWS, class T, class Map, class Combine>
static inline void reduce_column_block(const T* source, int64_t row, T* target, T initial, Map map, Combine combine) {
  typedef typename Vector<T>::type V;
  constexpr int CHAINS = ROWS < 4 ? 1 : 4;  // sums wait for one another
  V totals[CHAINS];
  for (V& total : totals) total = broadcast<V>(initial);
  int64_t r = 0;
  for (; r + CHAINS <= ROWS; r += CHAINS)
#pragma GCC unroll 4
    for (int chain = 0; chain < CHAINS; ++chain)
      totals[chain] = combine(totals[chain], V(map(load_part<V, COUNT>(source + (r + chain) * row, 1))));
  for (; r < ROWS; ++r) totals[0] = combine(totals[0], V(map(load_part<V, COUNT>(source + r * row, 1))));
  for (int chain = 1; chain < CHAINS; ++chain) totals[0] = combine(totals[0], totals[chain]);
  store_part<COUNT>(combine(load_part<V, COUNT>(target, 1), totals[0]), target, 1);
}
template <int64_t ROWS, int64_t COLUMNS, class T, class Map, class Combine>
static inline void reduce_columns(const T* source, int64_t row, T* target, T initial, Map map, Combine combine) {
  constexpr int64_t FULL = COLUMNS / W * W;
  constexpr int PART = COLUMNS - FULL;
  for (int64_t i = 0; i < FULL; i += W) reduce_column_block<W, ROWS>(source + i, row, target + i, initial, map, combine);
  if constexpr (PART > 0) reduce_column_block<PART, ROWS>(source + FULL, row, target + FULL, initial, map, combine);
}

// Keeps a vector in its register: gcc would load it again for each product, and the loads are the bottleneck.
template <class V> static inline V keep_in_register(V v) {
#if defined(__AVX512F__)
  asm("" : "+v"(v));
#elif defined(__AVX__)
  asm("" : "+x"(v));
#endif
  return v; }

// Computes a tile of ROWS × COLUMNS · W numbers of a product in registers.
template <int ROWS, int COLUMNS, int K, class T>
static inline void product_tile(
    const T* a, int64_t a_row, int64_t a_column, const T* b, int64_t b_row, T* c, int64_t c_row) {
  typedef typename Vector<T>::type V;
  V sums[ROWS][COLUMNS];
  for (int r = 0; r < ROWS; ++r) for (int j = 0; j < COLUMNS; ++j) sums[r][j] = V{};
  for (int64_t k = 0; k < K; ++k) {
    V right[COLUMNS];
#pragma GCC unroll 8
    for (int j = 0; j < COLUMNS; ++j) right[j] = keep_in_register(load<V>(b + k * b_row + j * W, 1));
#pragma GCC unroll 8
    for (int r = 0; r < ROWS; ++r) {
      const V left = broadcast<V>(a[r * a_row + k * a_column]);
#pragma GCC unroll 8
      for (int j = 0; j < COLUMNS; ++j) sums[r][j] += left * right[j];
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < ROWS; ++r)
#pragma GCC unroll 8
    for (int j = 0; j < COLUMNS; ++j) store(sums[r][j], c + r * c_row + j * W, 1);
}

template <int ROWS, int COLUMNS, int M, int N, int K, class T>
static inline void product_panel(
    const T* a, int64_t a_row, int64_t a_column, const T* b, int64_t b_row, T* c, int64_t c_row) {
  for (int64_t n = 0; n + COLUMNS * W <= N; n += COLUMNS * W) {
    int64_t m = 0;
    for (; m + ROWS <= M; m += ROWS)
      product_tile<ROWS, COLUMNS, K>(a + m * a_row, a_row, a_column, b + n, b_row, c + m * c_row + n, c_row);
    for (; m < M; ++m)
      product_tile<1, COLUMNS, K>(a + m * a_row, a_row, a_column, b + n, b_row, c + m * c_row + n, c_row);
  }
}

// c = a b, where N is a multiple of W and the rows of b and c are contiguous.
template <int M, int N, int K, class T>
static inline void product_of_vectors(
    const T* a, int64_t a_row, int64_t a_column, const T* b, int64_t b_row, T* c, int64_t c_row) {
  constexpr int BY_FOUR = N / (4 * W) * 4 * W, BY_TWO = (N - BY_FOUR) / (2 * W) * 2 * W;
  constexpr int BY_ONE = N - BY_FOUR - BY_TWO;
  if constexpr (BY_FOUR > 0) product_panel<4, 4, M, BY_FOUR, K>(a, a_row, a_column, b, b_row, c, c_row);
  if constexpr (BY_TWO > 0) product_panel<8, 2, M, BY_TWO, K>(
    a, a_row, a_column, b + BY_FOUR, b_row, c + BY_FOUR, c_row);
  if constexpr (BY_ONE > 0) product_panel<8, 1, M, BY_ONE, K>(
    a, a_row, a_column, b + BY_FOUR + BY_TWO, b_row, c + BY_FOUR + BY_TWO, c_row);
}

// Transposes a block of W × W numbers in log W stages, each of which swaps the numbers `half` off the diagonal.
template <class T> static inline void transpose_block(const T* source, int64_t source_row, T* target, int64_t target_row) {
#if defined(__clang__)  // has no __builtin_shuffle
  for (int r = 0; r < W; ++r) for (int w = 0; w < W; ++w) target[w * target_row + r] = source[r * source_row + w];
#else
  typedef typename Vector<T>::type V;
  V rows[W];
#pragma GCC unroll 64
  for (int r = 0; r < W; ++r) rows[r] = load<V>(source + r * source_row, 1);
#pragma GCC unroll 6
  for (int half = 1; half < W; half *= 2) {
    decltype(V{} < V{}) low, high;
#pragma GCC unroll 64
    for (int w = 0; w < W; ++w) { low[w] = w & half ? W + w - half : w; high[w] = w & half ? W + w : w + half; }
#pragma GCC unroll 64
    for (int r = 0; r < W; ++r) if ((r & half) == 0) {
      const V upper = rows[r], lower = rows[r + half];
      rows[r] = __builtin_shuffle(upper, lower, low);
      rows[r + half] = __builtin_shuffle(upper, lower, high);
    }
  }
#pragma GCC unroll 64
  for (int r = 0; r < W; ++r) store(rows[r], target + r * target_row, 1);
#endif
}

// Transposes N rows of K numbers.
template <int N, int K, class T> static inline void transpose(const T* source, int64_t source_row, T* target, int64_t target_row) {
  constexpr int FULL_N = N / W * W, FULL_K = K / W * W;
  for (int64_t n = 0; n < FULL_N; n += W) for (int64_t k = 0; k < FULL_K; k += W)
    transpose_block(source + n * source_row + k, source_row, target + k * target_row + n, target_row);
  for (int64_t n = 0; n < N; ++n) for (int64_t k = n < FULL_N ? FULL_K : 0; k < K; ++k)
    target[k * target_row + n] = source[n * source_row + k];
}

// c = a b for any strides of a and b; c is M × N and contiguous. `scratch` holds (K + M) · (N rounded up to W) numbers.
template <int M, int N, int K, class T>
static inline void product(
    const T* a, const T* b, int64_t a_row, int64_t a_column, int64_t b_row, int64_t b_column, T* c, T* scratch) {
  constexpr int PADDED = (N + W - 1) / W * W;
  if (a_column == 1 && b_row == 1 && (M < 8 || N < 8)) {
    for (int64_t m = 0; m < M; ++m) for (int64_t n = 0; n < N; ++n) {
      typedef typename Vector<T>::type V;
      V sums = V{};
      T sum = 0;
      int64_t k = 0;
      for (; k + W <= K; k += W) sums += load<V>(a + m * a_row + k, 1) * load<V>(b + n * b_column + k, 1);
      for (int w = 0; w < W; ++w) sum += sums[w];
      for (; k < K; ++k) sum += a[m * a_row + k] * b[n * b_column + k];
      c[m * N + n] = sum;
    }
    return;
  }
  const T* rows = b;
  if (b_column != 1 || PADDED != N) {
    if (b_row == 1) transpose<N, K>(b, b_column, scratch, PADDED);
    else for (int64_t k = 0; k < K; ++k) for (int64_t n = 0; n < N; ++n) scratch[k * PADDED + n] = b[k * b_row + n * b_column];
    for (int64_t k = 0; k < K; ++k) for (int64_t n = N; n < PADDED; ++n) scratch[k * PADDED + n] = 0;
    rows = scratch;
    b_row = PADDED;
  }
  if constexpr (PADDED == N) {
    product_of_vectors<M, N, K>(a, a_row, a_column, rows, b_row, c, N);
  } else {
    T* const padded = scratch + K * PADDED;
    product_of_vectors<M, PADDED, K>(a, a_row, a_column, rows, b_row, padded, PADDED);
    for (int64_t m = 0; m < M; ++m) for (int64_t n = 0; n < N; ++n) c[m * N + n] = padded[m * PADDED + n];
  }
}

${calls}extern "C" int64_t advance(
    const int64_t* stops, int64_t stop_count, int64_t seeds, int64_t settings, int64_t first_group, int64_t end_group,
    const void* const* inputs, void* const* outputs) {
$pointers
  char* const memory = static_cast<char*>(std::aligned_alloc(64, $bytes));
  if (memory == nullptr) return -1;
$buffers
  for (int64_t lane = first_group; lane < end_group; ++lane) {
    const int64_t seed = lane / settings, setting = lane % settings;
$loads
    int64_t step = 0;
    for (int64_t stop = 0; stop < stop_count; ++stop) {
      for (; step < stops[stop]; ++step) {
$statements
      }
      const int64_t offset = stop * seeds * settings + lane;
$stores
    }
  }
  std::free(memory);
  return 0;
}
