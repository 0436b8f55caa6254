// Steps of W lanes at a time, every number of a lane in a variable.
static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

// Where the lanes of a group are; those beyond the end do what the last does.
static inline void place(
    int64_t group, int64_t seeds, int64_t settings, int64_t* lane, int64_t* seed, int64_t* setting) {
  const int64_t across = (settings + W - 1) / W;
  for (int64_t w = 0; w < W; ++w) {
    lane[w] = $of_one_seed
      ? group / across * settings + least(group % across * W + w, settings - 1)
      : least(group * W + w, seeds * settings - 1);
    seed[w] = lane[w] / settings;
    setting[w] = lane[w] % settings;
  }
}

extern "C" int64_t advance(
    const int64_t* stops, int64_t count, int64_t seeds, int64_t settings, int64_t first, int64_t last,
    const void* const* given, void* const* made) {
$pointers
  for (int64_t group = first; group < last; group += $groups) {
$loads
    int64_t step = 0;
    for (int64_t stop = 0; stop < count; ++stop) {
      for (; step < stops[stop]; ++step) {
$statements
      }
      const int64_t ahead = stop * seeds * settings;
$stores
    }
  }
  return 0;
}
