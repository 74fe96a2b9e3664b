// Sessions themselves: many that say nothing, and many that come and go.
#include <fcntl.h>
#include <unistd.h>
#include "load.h"

// Opens sessions step by step; after each step prints a line and holds until a line comes on stdin.
void run_idle(void) {
  char *steps = strdup(option.steps), line[16];
  fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
  for (char *step = strtok(steps, ","); step; step = strtok(NULL, ",")) {
    uint64_t since = now_ns(); long before = open_count;
    open_sessions(atol(step));
    double seconds = (double)(now_ns() - since) / 1e9;
    double rate = (double)(open_count - before) / seconds;
    printf("{\"mode\":\"idle\",\"sessions\":%ld,\"sessions_per_s\":%.0f}\n", open_count, rate);
    fflush(stdout);
    if (!await_line(line, sizeof line)) return;
  }
}

// ---- join: --window sessions open at once; each is hung up when it is there, and the next one dials
static Connection **there;
static long there_count;
static uint64_t joining;

static void on_open(Connection *c) {
  record(&latencies, now_ns() - c->sent_ns[0]);
  there[there_count++] = c;
  joining--; done_joins++;
}
static bool join(uint64_t due_ns) {
  if (joining >= (uint64_t)option.window) return false;
  Connection *c = dial();
  c->sent_ns = malloc(sizeof(uint64_t));
  c->sent_ns[0] = due_ns;
  joining++;
  return true;
}
static void leave(void) {
  for (long i = 0; i < there_count; i++) { free(there[i]->sent_ns); hang_up(there[i]); }
  there_count = 0;
}
static void fill(void) {
  leave();
  while (join(now_ns())) {}
}
static bool send_one(uint64_t due_ns) {
  leave();
  return join(due_ns);
}
void run_join(void) {
  there = calloc((size_t)option.window + 1, sizeof *there);
  on.open = on_open;
  measure(&(Load){ fill, send_one, &joining, &done_joins });
}
