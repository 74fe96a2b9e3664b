// Calls: the first connections are callees, which give back what they get; those behind them call.
#include "load.h"

static uint64_t calls_pending, calls_answered, last_caller;

// What the n-th message of a connection is about, with --uris and --fresh.
void one_of_many(char *uri, size_t size, const Connection *c, uint64_t n) {
  unsigned long long k = option.fresh ? n : n % (uint64_t)option.uris;
  if (option.fresh) snprintf(uri, size, "com.bench.a%llu.f%ux%llu.run%06d", k % 10, c->index, k, run);
  else snprintf(uri, size, "com.bench.a%llu.p%llu", k % 10, k);
}
// Sessions that say nothing, behind those that do.
void open_others(void) { open_sessions(connection_count + option.others); }

static bool has_room(const Connection *c) { return !c->sent_ns[(c->request + 1) & c->ring_mask]; }
static void call(Connection *c, uint64_t due_ns) {
  char uri[96]; uint64_t request = ++c->request;
  if (option.uris || option.fresh) one_of_many(uri, sizeof uri, c, request);
  else snprintf(uri, sizeof uri, "com.bench.p%ld.run%06d", option.shared ? 0 : (long)(request % (uint64_t)option.callees), run);
  c->sent_ns[request & c->ring_mask] = due_ns;
  set_tag((uint32_t)(request * 31 + c->index));
  send_call(c, request, uri);
  c->outstanding++; calls_pending++;
}
static void fill(void) {
  uint64_t now = now_ns();
  for (long i = option.callees; i < option.callees + option.callers; i++) {
    Connection *c = connections[i];
    while (c->outstanding < (uint64_t)option.window && has_room(c)) call(c, now);
  }
}
// The callers take turns.
static bool send_one(uint64_t due_ns) {
  Connection *c = connections[option.callees + (long)(last_caller + 1) % option.callers];
  if (!has_room(c)) return false;
  last_caller++;
  call(c, due_ns);
  return true;
}
static void answered(Connection *c, uint64_t request) {
  uint64_t *sent = &c->sent_ns[request & c->ring_mask];
  if (request > c->request || !*sent) fail("an answer to request %llu, which waits for none", (unsigned long long)request);
  record(&latencies, now_ns() - *sent);
  *sent = 0; c->outstanding--; calls_pending--; calls_answered++;
}
static void on_result(Connection *c, uint64_t request, uint32_t tag) {
  if (tag != (uint32_t)(request * 31 + c->index)) fail("a RESULT with the payload of another call");
  answered(c, request);
  done_calls++;
}
// In an open loop what is beyond a server's bounds may be refused: it is counted, and its latency is that of the refusal.
static void on_refused(Connection *c, uint64_t request) { answered(c, request); refused_calls++; }
void run_rpc(void) {
  char uri[96]; uint64_t ring = option.rate > 0 ? SLOTS : 64;
  on.result = on_result;
  if (option.rate > 0) on.refused = on_refused;
  while (ring < (uint64_t)option.window * 16) ring *= 2;
  open_sessions(option.callees + option.callers);
  long procedures = option.fresh ? 1 : option.uris ? option.uris : option.callees;
  for (long i = 0; i < procedures; i++) {
    Connection *c = connections[i % option.callees];
    if (option.uris) one_of_many(uri, sizeof uri, c, (uint64_t)i);
    else snprintf(uri, sizeof uri, "com.bench.p%ld.run%06d", option.shared ? 0 : i, run);
    if (option.shared) send_register(c, uri, "invoke", "roundrobin");
    else send_register(c, option.fresh ? "com.bench" : uri, "match", option.fresh ? "prefix" : NULL);
  }
  await_count(&confirmed_count, procedures, "registrations");
  for (long i = option.callees; i < connection_count; i++) {
    connections[i]->ring_mask = ring - 1;
    connections[i]->sent_ns = calloc(ring, sizeof(uint64_t));
  }
  open_others();
  measure(&(Load){ fill, send_one, &calls_pending, &calls_answered });
}
