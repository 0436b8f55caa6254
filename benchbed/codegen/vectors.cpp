// Vectors with a number for each of W lanes, or of W places of a tensor, and the functions of a number.
#include <cmath>
#include <cstdint>

constexpr int W = $width;
typedef double f64 __attribute__((vector_size(W * 8)));
typedef float f32 __attribute__((vector_size(W * 4)));
typedef int64_t i64 __attribute__((vector_size(W * 8)));
typedef int32_t i32 __attribute__((vector_size(W * 4)));
typedef $mask mask;  // all bits of a lane that is true are set

#define FUNCTION(NAME) \
  static inline double of_##NAME(double x) { return std::NAME(x); } \
  static inline float of_##NAME(float x) { return std::NAME(x); } \
  template <class V> static inline V of_##NAME(V x) { \
    V y; for (int w = 0; w < W; ++w) y[w] = std::NAME(x[w]); return y; }
FUNCTION(sqrt) FUNCTION(exp) FUNCTION(exp2) FUNCTION(expm1) FUNCTION(log) FUNCTION(log1p) FUNCTION(log2)
FUNCTION(log10) FUNCTION(sin) FUNCTION(cos) FUNCTION(tan) FUNCTION(sinh) FUNCTION(cosh) FUNCTION(tanh)
FUNCTION(asin) FUNCTION(acos) FUNCTION(atan) FUNCTION(asinh) FUNCTION(acosh) FUNCTION(atanh) FUNCTION(erf)
FUNCTION(erfc) FUNCTION(lgamma) FUNCTION(floor) FUNCTION(ceil) FUNCTION(trunc) FUNCTION(nearbyint) FUNCTION(abs)
static inline int64_t of_abs(int64_t x) { return x < 0 ? -x : x; }
static inline int32_t of_abs(int32_t x) { return x < 0 ? -x : x; }

#define FUNCTION2(NAME) \
  static inline double of_##NAME(double x, double y) { return std::NAME(x, y); } \
  static inline float of_##NAME(float x, float y) { return std::NAME(x, y); } \
  template <class V> static inline V of_##NAME(V x, V y) { \
    V z; for (int w = 0; w < W; ++w) z[w] = std::NAME(x[w], y[w]); return z; }
FUNCTION2(pow) FUNCTION2(atan2) FUNCTION2(fmod) FUNCTION2(hypot) FUNCTION2(copysign) FUNCTION2(fmax) FUNCTION2(fmin)

template <class V> static inline V squared(V x) { return x * x; }

template <class V, class T> static inline V widen(T x) { return x - V{}; }
template <> inline mask widen<mask, bool>(bool x) { return mask{} - static_cast<int32_t>(x); }
template <class M> static inline mask as_mask(M m) { return __builtin_convertvector(m, mask); }
static inline mask negated(mask m) { return ~m; }
static inline bool negated(bool m) { return !m; }

static inline f64 pick(mask m, f64 a, f64 b) { return __builtin_convertvector(m, i64) ? a : b; }
static inline f32 pick(mask m, f32 a, f32 b) { return __builtin_convertvector(m, i32) ? a : b; }
static inline i64 pick(mask m, i64 a, i64 b) { return __builtin_convertvector(m, i64) ? a : b; }
static inline i32 pick(mask m, i32 a, i32 b) { return __builtin_convertvector(m, i32) ? a : b; }
template <class T> static inline T pick(bool m, T a, T b) { return m ? a : b; }

// As torch has them: what is no number stays so.
static inline double maximum(double a, double b) { return (a > b) | (a != a) ? a : b; }
static inline float maximum(float a, float b) { return (a > b) | (a != a) ? a : b; }
static inline double minimum(double a, double b) { return (a < b) | (a != a) ? a : b; }
static inline float minimum(float a, float b) { return (a < b) | (a != a) ? a : b; }
template <class V> static inline V maximum(V a, V b) { return (a > b) | (a != a) ? a : b; }
template <class V> static inline V minimum(V a, V b) { return (a < b) | (a != a) ? a : b; }

// e^r − 1 for |r| ≤ ln 2 / 2, by its series.
template <class V> static inline V small_expm1(V r) {
  constexpr int TERMS = sizeof(V) / W == 8 ? 14 : 7;
  double factorial = 1;
  for (int n = 2; n <= TERMS; ++n) factorial *= n;
  V sum = V{} + decltype(r[0] + 0)(1 / factorial);
#pragma GCC unroll 16
  for (int n = TERMS; n > 1; --n) { factorial /= n; sum = sum * r + decltype(r[0] + 0)(1 / factorial); }
  return sum * r;
}
// x = k ln 2 + r: gives r, and 2^k as two factors, of which each is a normal number.
static inline f32 reduce(f32 x, f32* one, f32* two) {
  const f32 k = (x * 1.44269504088896341f + 12582912.f) - 12582912.f;
  const i32 whole = __builtin_convertvector(k, i32), half = whole >> 1;
  *one = (f32)((half + 127) << 23);
  *two = (f32)((whole - half + 127) << 23);
  return (x - k * 0x1.62e4p-1f) - k * 0x1.7f7d1cf8p-20f;
}
static inline f64 reduce(f64 x, f64* one, f64* two) {
  const f64 k = (x * 1.44269504088896341 + 6755399441055744.) - 6755399441055744.;
  const i64 whole = __builtin_convertvector(k, i64), half = whole >> 1;
  *one = (f64)((half + 1023) << 52);
  *two = (f64)((whole - half + 1023) << 52);
  return (x - k * 0x1.62e42fefap-1) - k * 0x1.cf79abc9e3b3ap-40;
}
template <class V> static inline V quick_exp(V x, V low, V high) {
  V one, two;
  const V r = reduce(pick(as_mask(x < low), low, pick(as_mask(x > high), high, x)), &one, &two);
  return (small_expm1(r) * one + one) * two;
}
static inline f32 of_exp(f32 x) { return quick_exp(x, f32{} - 104.f, f32{} + 89.f); }
static inline f64 of_exp(f64 x) { return quick_exp(x, f64{} - 746., f64{} + 710.); }
// tanh = (e^2x − 1) / (e^2x + 1), which is 1 beyond `most`.
template <class V> static inline V quick_tanh(V x, V most) {
  V one, two;
  const V size = of_abs(x), r = reduce(2 * pick(as_mask(size > most), most, size), &one, &two);
  const V power = one * two, ahead = small_expm1(r) * power + (power - 1);
  return of_copysign(ahead / (ahead + 2), x);
}
static inline f64 of_tanh(f64 x) { return quick_tanh(x, f64{} + 20.); }

// In single precision by x P(x²) / Q(x²), fitted to 2e-8 up to where tanh rounds to 1, in half of the operations.
static inline f32 of_tanh(f32 x) {
  constexpr float P[] = {0.96176505f, 0.12868133f, 0.0033604254f, 1.9796229e-05f, 1.2809491e-08f};
  constexpr float Q[] = {0.96176505f, 0.4492695f, 0.024881838f, 0.00031575395f, 7.465103e-07f};
  const f32 most = f32{} + 9.02f, size = of_abs(x), s = most < size ? most : size, square = s * s;
  f32 above = f32{} + P[4], below = f32{} + Q[4];
#pragma GCC unroll 4
  for (int n = 3; n >= 0; --n) { above = above * square + P[n]; below = below * square + Q[n]; }
  above *= s;
  return of_copysign((below < above ? below : above) / below, x);
}

template <class V, class T> static inline V gather(const T* from, const int64_t* at, int64_t size) {
  V v; for (int w = 0; w < W; ++w) v[w] = from[at[w] * size]; return v; }
template <> inline mask gather<mask, bool>(const bool* from, const int64_t* at, int64_t size) {
  mask v; for (int w = 0; w < W; ++w) v[w] = -from[at[w] * size]; return v; }
// Outside of the steps, where a call costs nothing: spelt out there, hundreds of them take a compiler half a minute.
template <class V, class T> __attribute__((noinline)) static V load(const T* from, const int64_t* at, int64_t size) {
  return gather<V>(from, at, size); }
template <class V, class T> __attribute__((noinline)) static void store(V v, T* to, const int64_t* at, int64_t size) {
  for (int w = 0; w < W; ++w) to[at[w] * size] = v[w]; }
__attribute__((noinline)) static void store(mask v, bool* to, const int64_t* at, int64_t size) {
  for (int w = 0; w < W; ++w) to[at[w] * size] = v[w] != 0; }
