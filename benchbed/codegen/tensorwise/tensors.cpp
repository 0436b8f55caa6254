// Steps of one lane after the other, its tensors in memory: rows, reductions, products of matrices.
#include <cstdlib>
#include <type_traits>

template <class T> struct Vector;
template <> struct Vector<double> { typedef f64 type; };
template <> struct Vector<float> { typedef f32 type; };

template <class V, class T> static inline V taken(const T* from, int64_t stride) {
  V v; for (int w = 0; w < W; ++w) v[w] = from[w * stride]; return v; }
template <> inline f64 taken<f64, double>(const double* from, int64_t stride) {
  f64 v;
  if (stride == 1) __builtin_memcpy(&v, from, sizeof v); else for (int w = 0; w < W; ++w) v[w] = from[w * stride];
  return v; }
template <> inline f32 taken<f32, float>(const float* from, int64_t stride) {
  f32 v;
  if (stride == 1) __builtin_memcpy(&v, from, sizeof v); else for (int w = 0; w < W; ++w) v[w] = from[w * stride];
  return v; }
template <> inline mask taken<mask, bool>(const bool* from, int64_t stride) {
  mask v; for (int w = 0; w < W; ++w) v[w] = -from[w * stride]; return v; }

template <class V, class T> static inline void put(V v, T* to, int64_t stride) {
  if (stride == 1 && sizeof(V) == sizeof(T) * W) __builtin_memcpy(to, &v, sizeof v);
  else for (int w = 0; w < W; ++w) to[w * stride] = v[w]; }
static inline void put(mask v, bool* to, int64_t stride) {
  for (int w = 0; w < W; ++w) to[w * stride] = v[w] != 0; }

// What becomes of a row, beginning with `total`; `start` changes nothing.
template <class T, class S, class Each, class Join>
static inline T reduced(const S* row, int64_t length, int64_t stride, T total, T start, Each each, Join join) {
  int64_t i = 0;
  if constexpr (std::is_same<S, T>::value && std::is_floating_point<T>::value) {
    typedef typename Vector<T>::type V;
    if (stride == 1 && length >= W) {
      V sums = widen<V>(start);
      for (; i + W <= length; i += W) sums = join(sums, each(taken<V>(row + i, 1)));
      for (int w = 0; w < W; ++w) total = join(total, T(sums[w]));
    }
  }
  for (; i < length; ++i) total = join(total, T(each(row[i * stride])));
  return total;
}

// Without it gcc loads a number again for each product that it is in, and loads are what there are too many of.
template <class V> static inline V in_register(V v) {
#if defined(__AVX512F__)
  asm("" : "+v"(v));
#elif defined(__AVX__)
  asm("" : "+x"(v));
#endif
  return v; }

// A block of ROWS × COLUMNS · W numbers of a product stays in registers.
template <int ROWS, int COLUMNS, int K, class T>
static inline void block_of_product(
    const T* a, int64_t a_row, int64_t a_column, const T* b, int64_t b_row, T* c, int64_t c_row) {
  typedef typename Vector<T>::type V;
  V sums[ROWS][COLUMNS];
  for (int r = 0; r < ROWS; ++r) for (int j = 0; j < COLUMNS; ++j) sums[r][j] = V{};
  for (int64_t k = 0; k < K; ++k) {
    V right[COLUMNS];
#pragma GCC unroll 8
    for (int j = 0; j < COLUMNS; ++j) right[j] = in_register(taken<V>(b + k * b_row + j * W, 1));
#pragma GCC unroll 8
    for (int r = 0; r < ROWS; ++r) {
      const V left = widen<V>(a[r * a_row + k * a_column]);
#pragma GCC unroll 8
      for (int j = 0; j < COLUMNS; ++j) sums[r][j] += left * right[j];
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < ROWS; ++r)
#pragma GCC unroll 8
    for (int j = 0; j < COLUMNS; ++j) put(sums[r][j], c + r * c_row + j * W, 1);
}

template <int ROWS, int COLUMNS, int M, int N, int K, class T>
static inline void columns_of_product(
    const T* a, int64_t a_row, int64_t a_column, const T* b, int64_t b_row, T* c, int64_t c_row) {
  for (int64_t n = 0; n + COLUMNS * W <= N; n += COLUMNS * W) {
    int64_t m = 0;
    for (; m + ROWS <= M; m += ROWS)
      block_of_product<ROWS, COLUMNS, K>(a + m * a_row, a_row, a_column, b + n, b_row, c + m * c_row + n, c_row);
    for (; m < M; ++m)
      block_of_product<1, COLUMNS, K>(a + m * a_row, a_row, a_column, b + n, b_row, c + m * c_row + n, c_row);
  }
}

// c = a b, with N a multiple of W, rows of b and c one number after the other.
template <int M, int N, int K, class T>
static inline void whole_product(
    const T* a, int64_t a_row, int64_t a_column, const T* b, int64_t b_row, T* c, int64_t c_row) {
  constexpr int IN_FOURS = N / (4 * W) * 4 * W, IN_TWOS = (N - IN_FOURS) / (2 * W) * 2 * W;
  constexpr int REST = N - IN_FOURS - IN_TWOS;
  if constexpr (IN_FOURS > 0) columns_of_product<4, 4, M, IN_FOURS, K>(a, a_row, a_column, b, b_row, c, c_row);
  if constexpr (IN_TWOS > 0) columns_of_product<8, 2, M, IN_TWOS, K>(
    a, a_row, a_column, b + IN_FOURS, b_row, c + IN_FOURS, c_row);
  if constexpr (REST > 0) columns_of_product<8, 1, M, REST, K>(
    a, a_row, a_column, b + IN_FOURS + IN_TWOS, b_row, c + IN_FOURS + IN_TWOS, c_row);
}

// W rows of W numbers become W columns, in log W stages: each swaps what lies `half` off the diagonal.
template <class T> static inline void turned_block(const T* from, int64_t from_row, T* to, int64_t to_row) {
#if defined(__clang__)  // has no __builtin_shuffle
  for (int r = 0; r < W; ++r) for (int w = 0; w < W; ++w) to[w * to_row + r] = from[r * from_row + w];
#else
  typedef typename Vector<T>::type V;
  V rows[W];
#pragma GCC unroll 64
  for (int r = 0; r < W; ++r) rows[r] = taken<V>(from + r * from_row, 1);
#pragma GCC unroll 6
  for (int half = 1; half < W; half *= 2) {
    decltype(V{} < V{}) low, high;
#pragma GCC unroll 64
    for (int w = 0; w < W; ++w) { low[w] = w & half ? W + w - half : w; high[w] = w & half ? W + w : w + half; }
#pragma GCC unroll 64
    for (int r = 0; r < W; ++r) if ((r & half) == 0) {
      const V one = rows[r], other = rows[r + half];
      rows[r] = __builtin_shuffle(one, other, low);
      rows[r + half] = __builtin_shuffle(one, other, high);
    }
  }
#pragma GCC unroll 64
  for (int r = 0; r < W; ++r) put(rows[r], to + r * to_row, 1);
#endif
}

// K columns of N numbers, as rows.
template <int N, int K, class T> static inline void turned(const T* from, int64_t from_row, T* to, int64_t to_row) {
  constexpr int WHOLE_N = N / W * W, WHOLE_K = K / W * W;
  for (int64_t n = 0; n < WHOLE_N; n += W) for (int64_t k = 0; k < WHOLE_K; k += W)
    turned_block(from + n * from_row + k, from_row, to + k * to_row + n, to_row);
  for (int64_t n = 0; n < N; ++n) for (int64_t k = n < WHOLE_N ? WHOLE_K : 0; k < K; ++k)
    to[k * to_row + n] = from[n * from_row + k];
}

// c = a b for any strides of a and b; c is M × N, row after row. `scratch` holds (K + M) · (N, rounded up to W) numbers.
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
      for (; k + W <= K; k += W) sums += taken<V>(a + m * a_row + k, 1) * taken<V>(b + n * b_column + k, 1);
      for (int w = 0; w < W; ++w) sum += sums[w];
      for (; k < K; ++k) sum += a[m * a_row + k] * b[n * b_column + k];
      c[m * N + n] = sum;
    }
    return;
  }
  const T* rows = b;
  if (b_column != 1 || PADDED != N) {
    if (b_row == 1) turned<N, K>(b, b_column, scratch, PADDED);
    else for (int64_t k = 0; k < K; ++k) for (int64_t n = 0; n < N; ++n) scratch[k * PADDED + n] = b[k * b_row + n * b_column];
    for (int64_t k = 0; k < K; ++k) for (int64_t n = N; n < PADDED; ++n) scratch[k * PADDED + n] = 0;
    rows = scratch;
    b_row = PADDED;
  }
  if constexpr (PADDED == N) {
    whole_product<M, N, K>(a, a_row, a_column, rows, b_row, c, N);
  } else {
    T* const padded = scratch + K * PADDED;
    whole_product<M, PADDED, K>(a, a_row, a_column, rows, b_row, padded, PADDED);
    for (int64_t m = 0; m < M; ++m) for (int64_t n = 0; n < N; ++n) c[m * N + n] = padded[m * PADDED + n];
  }
}

extern "C" int64_t advance(
    const int64_t* stops, int64_t count, int64_t seeds, int64_t settings, int64_t first, int64_t last,
    const void* const* given, void* const* made) {
$pointers
  char* const memory = static_cast<char*>(std::aligned_alloc(64, $bytes));
  if (memory == nullptr) return -1;
$buffers
  for (int64_t lane = first; lane < last; ++lane) {
    const int64_t seed = lane / settings, setting = lane % settings;
$loads
    int64_t step = 0;
    for (int64_t stop = 0; stop < count; ++stop) {
      for (; step < stops[stop]; ++step) {
$statements
      }
      const int64_t ahead = stop * seeds * settings + lane;
$stores
    }
  }
  std::free(memory);
  return 0;
}
