// Latencies by their leading nine bits: exact below 512 ns, within 0.4 % above.
#include "load.h"

void record(Histogram *histogram, uint64_t ns) {
  int shift = ns < 512 ? 0 : 55 - __builtin_clzll(ns);
  histogram->steps[shift][ns >> shift & 511]++;
  histogram->count++;
}
double percentile_us(const Histogram *histogram, double share) {
  uint64_t rank = (uint64_t)((double)histogram->count * share), seen = 0;
  if (rank >= histogram->count && rank) rank = histogram->count - 1;
  for (int shift = 0; shift < 56; shift++)
    for (int i = 0; i < 512; i++)
      if ((seen += histogram->steps[shift][i]) > rank) return (double)((uint64_t)i << shift) / 1000;
  return 0;
}
// Reads nanoseconds from stdin, one a line, and prints what the histogram says of them.
void print_percentiles(void) {
  static Histogram histogram;
  unsigned long long ns;
  while (scanf("%llu", &ns) == 1) record(&histogram, ns);
  printf("{\"count\":%llu,\"p50_us\":%.3f,\"p99_us\":%.3f,\"p999_us\":%.3f,\"p100_us\":%.3f}\n",
         (unsigned long long)histogram.count, percentile_us(&histogram, 0.5), percentile_us(&histogram, 0.99),
         percentile_us(&histogram, 0.999), percentile_us(&histogram, 1));
}
