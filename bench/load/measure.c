// The measured window: totals at its start and at its end, of what was done and of what the server spent on it.
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <time.h>
#include <unistd.h>
#include "load.h"

enum { FAMILY_MAX = 64, THREADS_MAX = 512 };

Histogram latencies;
uint64_t done_calls, done_events, done_publishes, done_joins, refused_calls;
static Histogram lateness;  // how far behind the schedule a message was handed to the socket
static int family[FAMILY_MAX], family_count;
static struct { int id; uint64_t before; } threads[THREADS_MAX];
static int thread_count;

static uint64_t clock_ns(clockid_t clock) {
  struct timespec t;
  return clock_gettime(clock, &t) ? 0 : (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
uint64_t now_ns(void) { return clock_ns(CLOCK_MONOTONIC); }

static int parent_of(const char *process) {
  char path[300], text[512]; int parent = 0;
  snprintf(path, sizeof path, "/proc/%.20s/stat", process);
  FILE *file = fopen(path, "r");
  if (!file) return 0;
  size_t n = fread(text, 1, sizeof text - 1, file);
  text[n] = 0;
  fclose(file);
  char *behind_name = strrchr(text, ')');
  if (behind_name) sscanf(behind_name + 1, " %*c %d", &parent);
  return parent;
}
static bool in_family(int process) {
  for (int i = 0; i < family_count; i++) if (family[i] == process) return true;
  return false;
}
// The server's process and all that descend from it: some routers do their work in processes of their own.
void read_family(void) {
  if (!option.pid) return;
  family[family_count++] = option.pid;
  for (int before = 0; before != family_count;) {
    before = family_count;
    DIR *all = opendir("/proc");
    for (struct dirent *entry; all && (entry = readdir(all));) {
      int process = atoi(entry->d_name);
      if (process > 0 && family_count < FAMILY_MAX && !in_family(process) && in_family(parent_of(entry->d_name)))
        family[family_count++] = process;
    }
    if (all) closedir(all);
  }
}
// User and system time of all their threads, also of those that have ended. The process clock counts nanoseconds.
static uint64_t server_cpu_ns(void) {
  uint64_t sum = 0; clockid_t clock;
  for (int i = 0; i < family_count; i++) if (clock_getcpuclockid(family[i], &clock) == 0) sum += clock_ns(clock);
  return sum;
}
static long resident_kb(void) {
  long sum = 0, pages; char path[64];
  for (int i = 0; i < family_count; i++) {
    snprintf(path, sizeof path, "/proc/%d/statm", family[i]);
    FILE *file = fopen(path, "r");
    if (file && fscanf(file, "%*d %ld", &pages) == 1) sum += pages * (sysconf(_SC_PAGESIZE) / 1024);
    if (file) fclose(file);
  }
  return sum;
}
// The busiest thread bounds what a server with several can do, however well they share the rest. Called at the window's start
// and end: gives the most that one thread has run in between; a thread that is new by then has run all its time in between.
static uint64_t busiest_thread_ns(void) {
  uint64_t most = 0; bool first = thread_count == 0;
  for (int i = 0; i < family_count; i++) {
    char path[300]; snprintf(path, sizeof path, "/proc/%d/task", family[i]);
    DIR *all = opendir(path);
    for (struct dirent *entry; all && (entry = readdir(all));) {
      int id = atoi(entry->d_name), known = 0; unsigned long long ran = 0;
      snprintf(path, sizeof path, "/proc/%d/task/%.20s/schedstat", family[i], entry->d_name);
      FILE *file = id > 0 ? fopen(path, "r") : NULL;
      if (!file) continue;
      if (fscanf(file, "%llu", &ran) != 1) ran = 0;
      fclose(file);
      while (known < thread_count && threads[known].id != id) known++;
      if (first && thread_count < THREADS_MAX) { threads[thread_count].id = id; threads[thread_count++].before = ran; }
      uint64_t before = known < thread_count ? threads[known].before : 0;
      if (ran > before && ran - before > most) most = ran - before;
    }
    if (all) closedir(all);
  }
  return most;
}

typedef struct { uint64_t at, server, own, thread, calls, events, publishes, joins, refused; } Totals;
static Totals totals(void) {
  Totals now = { .calls = done_calls, .events = done_events, .publishes = done_publishes, .joins = done_joins,
                 .refused = refused_calls };
  now.thread = busiest_thread_ns();
  now.at = now_ns(); now.server = server_cpu_ns(); now.own = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
  return now;
}
// One kind of operation: how many, how fast, and the server's CPU time for each.
static void report_kind(const char *kind, const char *kinds, uint64_t count, double wall, double server, double thread) {
  if (count) printf("\"%s\":%llu,\"%s_per_s\":%.0f,\"router_cpu_us_per_%s\":%.4f,\"busiest_thread_us_per_%s\":%.4f,", kinds,
      (unsigned long long)count, kinds, (double)count * 1e9 / wall, kind, server / 1e3 / (double)count, kind, thread / 1e3 / (double)count);
}
static void report(Totals from, Totals to, long resident_before_kb) {
  static const char *names[] = { "", "json", "msgpack", "cbor", "mixed" };
  double wall = (double)(to.at - from.at), server = (double)(to.server - from.server);
  double own = (double)(to.own - from.own), thread = (double)to.thread;
  bool is_wamp = option.protocol == &wamp;
  printf("{\"mode\":\"%s\",\"transport\":\"%s\",\"format\":\"%s\",\"bytes\":%ld,\"seconds\":%.3f,", option.mode,
         !is_wamp ? option.protocol->name : option.raw ? "rawsocket" : option.batched ? "batched websocket" : "websocket",
         is_wamp ? names[option.format] : "none", option.bytes, wall / 1e9);
  report_kind("call", "calls", to.calls - from.calls, wall, server, thread);
  report_kind("publish", "publishes", to.publishes - from.publishes, wall, server, thread);
  report_kind("event", "events", to.events - from.events, wall, server, thread);
  report_kind("join", "joins", to.joins - from.joins, wall, server, thread);
  if (latencies.count) printf("\"p50_us\":%.2f,\"p99_us\":%.2f,\"p999_us\":%.2f,", percentile_us(&latencies, 0.5),
      percentile_us(&latencies, 0.99), percentile_us(&latencies, 0.999));
  if (option.rate > 0) printf("\"rate\":%.0f,\"late_p99_us\":%.2f,\"refused_calls\":%llu,", option.rate,
      percentile_us(&lateness, 0.99), (unsigned long long)(to.refused - from.refused));
  if (option.pid) printf("\"rss_before_kb\":%ld,\"rss_after_kb\":%ld,", resident_before_kb, resident_kb());
  printf("\"router_cpu_share\":%.3f,\"own_cpu_share\":%.3f,\"errors\":%ld}\n", server / wall, own / wall, error_count);
  if (error_count) exit(1);
}

// Open loop: the next time of a Poisson process, from a generator with a fixed seed, so that all servers meet the same schedule.
static double gap_ns(void) {
  static uint64_t state = 0x9e3779b97f4a7c15u;
  state ^= state << 13; state ^= state >> 7; state ^= state << 17;
  return -log(((double)(state >> 11) + 1) / 9007199254740993.0) * 1e9 / option.rate;
}
// Sends all that is due by now. What finds no room stays due: its latency counts from the time at which it was due.
static void follow_schedule(const Load *load, double *due, uint64_t now) {
  while (*due <= (double)now && load->send_one((uint64_t)*due)) {
    record(&lateness, now - (uint64_t)*due);
    *due += gap_ns();
  }
}
// A server that answers in long bursts is measured over several of them, if that takes no more than eight times as long.
static bool has_seen_enough(const Totals *from, uint64_t now, uint64_t end_at) {
  uint64_t done = done_calls - from->calls + done_publishes - from->publishes + done_joins - from->joins;
  long window = option.window * (done_calls ? option.callers : 1);
  return option.rate > 0 || done >= 4 * (uint64_t)window || now >= end_at + (uint64_t)(option.seconds * 7e9);
}
static void measure_window(const Load *load) {
  uint64_t start = now_ns(), moved = start, seen = 0; Totals from = { 0 }, to = { 0 };
  uint64_t window_at = start + (uint64_t)(option.warm * 1e9), end_at = window_at + (uint64_t)(option.seconds * 1e9);
  double due = (double)start; long resident_before_kb = 0;
  thread_count = 0;
  while (!to.at || *load->pending) {
    uint64_t now = now_ns();
    if (!from.at && now >= window_at) {
      resident_before_kb = resident_kb();
      from = totals();
      memset(&latencies, 0, sizeof latencies); memset(&lateness, 0, sizeof lateness);
    }
    if (from.at && !to.at && now >= end_at && has_seen_enough(&from, now, end_at)) to = totals();
    if (!to.at && option.rate > 0) follow_schedule(load, &due, now);
    else if (!to.at) load->fill();
    if (option.rate > 0 && !to.at) turn(due > (double)now ? (int)((due - (double)now) / 1e6) + 1 : 0);
    else if (*load->pending) turn(1000);
    if (*load->progress != seen) { seen = *load->progress; moved = now; }
    else if (now - moved > PATIENCE_S * 1000000000ull)
      fail("stalled: %llu pending, %ld errors", (unsigned long long)*load->pending, error_count);
    if (error_count) fail("%ld calls or publishes failed", error_count);
  }
  // Whatever arrives now was sent once too often; the modes' own checks notice.
  for (uint64_t quiet = now_ns(); now_ns() - quiet < 50000000u;) turn(10);
  report(from, to, resident_before_kb);
}
void measure(const Load *load) {
  char line[64];
  if (!option.turns) { measure_window(load); return; }
  fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
  puts("ready");
  for (fflush(stdout); await_line(line, sizeof line); fflush(stdout)) {
    if (sscanf(line, "%lf %lf", &option.seconds, &option.warm) != 2) fail("not a window: %s", line);
    measure_window(load);
  }
}
