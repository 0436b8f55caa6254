// Vectors of W numbers, one for each lane of a group or each of W adjacent elements of a tensor, and their functions.
#include <cmath>
#include <cstdint>

constexpr int W = $width;
typedef double f64 __attribute__((vector_size(W * 8)));
typedef float f32 __attribute__((vector_size(W * 4)));
typedef int64_t i64 __attribute__((vector_size(W * 8)));
typedef int32_t i32 __attribute__((vector_size(W * 4)));
typedef $mask mask;  // a true lane has all bits set

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

template <class V, class T> static inline V broadcast(T x) { return x - V{}; }
template <> inline mask broadcast<mask, bool>(bool x) { return mask{} - static_cast<int32_t>(x); }
template <class M> static inline mask as_mask(M m) { return __builtin_convertvector(m, mask); }
static inline mask logical_not(mask m) { return ~m; }
static inline bool logical_not(bool m) { return !m; }

static inline f64 select(mask m, f64 a, f64 b) { return __builtin_convertvector(m, i64) ? a : b; }
static inline f32 select(mask m, f32 a, f32 b) { return __builtin_convertvector(m, i32) ? a : b; }
static inline i64 select(mask m, i64 a, i64 b) { return __builtin_convertvector(m, i64) ? a : b; }
static inline i32 select(mask m, i32 a, i32 b) { return __builtin_convertvector(m, i32) ? a : b; }
template <class T> static inline T select(bool m, T a, T b) { return m ? a : b; }

// As in torch, NaN in either operand gives NaN.
static inline double maximum(double a, double b) { const double c = a > b ? a : b; return a != a ? a : c; }
static inline float maximum(float a, float b) { const float c = a > b ? a : b; return a != a ? a : c; }
static inline double minimum(double a, double b) { const double c = a < b ? a : b; return a != a ? a : c; }
static inline float minimum(float a, float b) { const float c = a < b ? a : b; return a != a ? a : c; }
template <class V> static inline V maximum(V a, V b) { return (a > b) | (a != a) ? a : b; }
template <class V> static inline V minimum(V a, V b) { return (a < b) | (a != a) ? a : b; }

// e^r − 1 for |r| ≤ ln 2 / 2, by its Taylor series.
template <class V> static inline V expm1_series(V r) {
  constexpr int TERMS = sizeof(V) / W == 8 ? 14 : 7;
  double factorial = 1;
  for (int n = 2; n <= TERMS; ++n) factorial *= n;
  V sum = V{} + decltype(r[0] + 0)(1 / factorial);
#pragma GCC unroll 16
  for (int n = TERMS; n > 1; --n) { factorial /= n; sum = sum * r + decltype(r[0] + 0)(1 / factorial); }
  return sum * r;
}
// For x = k ln 2 + r: returns r, and stores 2^k as a product of two factors, which are both normal numbers.
static inline f32 split_exponent(f32 x, f32* factor1, f32* factor2) {
  const f32 k = (x * 1.44269504088896341f + 12582912.f) - 12582912.f;
  const i32 exponent = __builtin_convertvector(k, i32), half = exponent >> 1;
  *factor1 = (f32)((half + 127) << 23);
  *factor2 = (f32)((exponent - half + 127) << 23);
  return (x - k * 0x1.62e4p-1f) - k * 0x1.7f7d1cf8p-20f;
}
static inline f64 split_exponent(f64 x, f64* factor1, f64* factor2) {
  const f64 k = (x * 1.44269504088896341 + 6755399441055744.) - 6755399441055744.;
  const i64 exponent = __builtin_convertvector(k, i64), half = exponent >> 1;
  *factor1 = (f64)((half + 1023) << 52);
  *factor2 = (f64)((exponent - half + 1023) << 52);
  return (x - k * 0x1.62e42fefap-1) - k * 0x1.cf79abc9e3b3ap-40;
}
template <class V> static inline V vector_exp(V x, V low, V high) {
  V factor1, factor2;
  const V r = split_exponent(select(as_mask(x < low), low, select(as_mask(x > high), high, x)), &factor1, &factor2);
  return (expm1_series(r) * factor1 + factor1) * factor2;
}
static inline f32 of_exp(f32 x) { return vector_exp(x, f32{} - 104.f, f32{} + 89.f); }
static inline f64 of_exp(f64 x) { return vector_exp(x, f64{} - 746., f64{} + 710.); }
// tanh x = (e^2x − 1) / (e^2x + 1), which rounds to 1 above `limit`.
template <class V> static inline V vector_tanh(V x, V limit) {
  V factor1, factor2;
  const V magnitude = of_abs(x), r = split_exponent(2 * select(as_mask(magnitude > limit), limit, magnitude), &factor1, &factor2);
  const V power = factor1 * factor2, numerator = expm1_series(r) * power + (power - 1);
  return of_copysign(numerator / (numerator + 2), x);
}
static inline f64 of_tanh(f64 x) { return vector_tanh(x, f64{} + 20.); }

// x P(x²) / Q(x²) of degree N, at most 1, with the sign of x.
template <int N> static inline f32 odd_quotient(f32 x, float end, const float (&p)[N], const float (&q)[N]) {
  const f32 limit = f32{} + end, magnitude = of_abs(x), s = limit < magnitude ? limit : magnitude, square = s * s;
  f32 numerator = f32{} + p[N - 1], denominator = f32{} + q[N - 1];
#pragma GCC unroll 8
  for (int n = N - 2; n >= 0; --n) { numerator = numerator * square + p[n]; denominator = denominator * square + q[n]; }
  numerator *= s;
  return of_copysign((denominator < numerator ? denominator : numerator) / denominator, x);
}
// In single precision, fitted to 2e-8 up to the x at which the function rounds to 1: half of the operations of tanh above.
static inline f32 of_tanh(f32 x) {
  constexpr float P[] = {0.96176505f, 0.12868133f, 0.0033604254f, 1.9796229e-05f, 1.2809491e-08f};
  constexpr float Q[] = {0.96176505f, 0.4492695f, 0.024881838f, 0.00031575395f, 7.465103e-07f};
  return odd_quotient(x, 9.02f, P, Q);
}
static inline f32 of_erf(f32 x) {
  constexpr float P[] = {1.1283791f, 0.19354568f, 0.053101834f, 0.0038833725f, 0.00028456692f, 1.9867823e-06f};
  constexpr float Q[] = {1.f, 0.50485796f, 0.11535026f, 0.015207307f, 0.0011855789f, 3.742022e-05f};
  return odd_quotient(x, 4.f, P, Q);
}

