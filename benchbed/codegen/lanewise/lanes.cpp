// Lanewise form: each number of W lanes is a vector variable.
static inline int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

template <class V, class T> static inline V gather(const T* source, const int64_t* index, int64_t size) {
  V v; for (int w = 0; w < W; ++w) v[w] = source[index[w] * size]; return v; }
template <> inline mask gather<mask, bool>(const bool* source, const int64_t* index, int64_t size) {
  mask v; for (int w = 0; w < W; ++w) v[w] = -source[index[w] * size]; return v; }
// Not inlined, as they run outside of the loop over steps: inlined hundreds of times they take half a minute to compile.
template <class V, class T>
__attribute__((noinline)) static V load_lanes(const T* source, const int64_t* index, int64_t size) {
  return gather<V>(source, index, size); }
template <class V, class T>
__attribute__((noinline)) static void store_lanes(V v, T* target, const int64_t* index, int64_t size) {
  for (int w = 0; w < W; ++w) target[index[w] * size] = v[w]; }
__attribute__((noinline)) static void store_lanes(mask v, bool* target, const int64_t* index, int64_t size) {
  for (int w = 0; w < W; ++w) target[index[w] * size] = v[w] != 0; }

// The indices of a group's lanes; positions beyond the end repeat the last lane.
static inline void lane_indices(
    int64_t group, int64_t seeds, int64_t settings, int64_t* lane, int64_t* seed, int64_t* setting) {
  const int64_t groups_of_seed = (settings + W - 1) / W;
  for (int64_t w = 0; w < W; ++w) {
    lane[w] = $one_seed
      ? group / groups_of_seed * settings + smaller(group % groups_of_seed * W + w, settings - 1)
      : smaller(group * W + w, seeds * settings - 1);
    seed[w] = lane[w] / settings;
    setting[w] = lane[w] % settings;
  }
}

extern "C" int64_t advance(
    const int64_t* stops, int64_t stop_count, int64_t seeds, int64_t settings, int64_t first_group, int64_t end_group,
    const void* const* inputs, void* const* outputs) {
$pointers
  for (int64_t group = first_group; group < end_group; group += $groups) {
$loads
    int64_t step = 0;
    for (int64_t stop = 0; stop < stop_count; ++stop) {
      for (; step < stops[stop]; ++step) {
$statements
      }
      const int64_t offset = stop * seeds * settings;
$stores
    }
  }
  return 0;
}
