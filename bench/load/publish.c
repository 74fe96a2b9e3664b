// Fan-out to many of one topic, and fan-in by wildcard patterns. connections[0] publishes; a slot per publish in flight counts
// the events that are still to come. With --slow, the last subscribers are not read from any more, and nothing is asked of them.
#include "load.h"

static struct { uint64_t due_ns; uint32_t tag, left, pattern; } slots[SLOTS];
static uint64_t published, publishes_pending;
static bool wild;
static uint32_t chance = 7;

static void wild_uri(char *uri, size_t size, uint32_t k, int gap) {  // gap 0: none, 1 and 2: the component left empty
  char plant[16], line[16];
  snprintf(plant, sizeof plant, "plant%u", k % 97); snprintf(line, sizeof line, "line%u", k % 89);
  snprintf(uri, size, "com.%s.%s.m%u.run%06d", gap == 1 ? "" : plant, gap == 2 ? "" : line, k, run);
}
static void topic_uri(char *uri, size_t size) { snprintf(uri, size, "com.bench.topic.run%06d", run); }
static void send_publish(Connection *c, uint64_t due_ns) {
  char uri[96]; uint32_t tag = (uint32_t)++published, slot = tag % SLOTS;
  slots[slot].tag = tag; slots[slot].due_ns = due_ns;
  slots[slot].left = wild ? 2 : (uint32_t)(option.subscribers - option.slow);
  if (wild) {
    chance = chance * 1664525u + 1013904223u;
    slots[slot].pattern = (chance >> 8) % (uint32_t)(option.patterns / 2);
    wild_uri(uri, sizeof uri, slots[slot].pattern, 0);
  }
  else if (option.uris || option.fresh) one_of_many(uri, sizeof uri, c, tag);
  else topic_uri(uri, sizeof uri);
  set_tag(tag);
  option.protocol->publish(c, uri);
  publishes_pending++;
}
static void fill(void) {
  uint64_t now = now_ns();
  while (publishes_pending < (uint64_t)option.window) send_publish(connections[0], now);
}
static bool send_one(uint64_t due_ns) {
  if (publishes_pending >= SLOTS / 2 || slots[(published + 1) % SLOTS].left) return false;
  send_publish(connections[0], due_ns);
  return true;
}
static void on_event(Connection *c, uint32_t tag) {
  uint32_t slot = tag % SLOTS;
  c->received++; done_events++;
  if (slots[slot].tag != tag || !slots[slot].left) fail("publish %u reached more receivers than it has", tag);
  if (!wild && tag != (uint32_t)c->received)
    fail("subscriber %u: event %u where %llu was due", c->index, tag, (unsigned long long)c->received);
  if (wild) {
    long pair = (long)slots[slot].pattern * 2, sessions = option.subscribers, me = (long)c->index - 1;
    if (me != pair % sessions && me != (pair + 1) % sessions)
      fail("an event for a pattern that session %u does not have", c->index);
  }
  if (option.rate > 0) record(&latencies, now_ns() - slots[slot].due_ns);
  if (--slots[slot].left == 0) { publishes_pending--; done_publishes++; }
}
void run_publish(void) {
  char uri[96];
  on.event = on_event; wild = option.mode[0] == 'w';
  if (option.window >= SLOTS / 2 || (wild && option.patterns < 2)) fail("window or patterns out of range");
  if (option.slow >= option.subscribers || (option.slow && wild)) fail("--slow is for fanout, and less than --subscribers");
  open_sessions(option.subscribers + 1);
  long topics = option.uris ? option.uris : 1;
  long interests = wild ? option.patterns / 2 * 2 : option.subscribers * topics;
  for (long i = 0; i < interests; i++) {
    Connection *c = connections[1 + i % option.subscribers];
    if (wild) wild_uri(uri, sizeof uri, (uint32_t)(i / 2), i % 2 ? 1 : 2);
    else if (option.uris) one_of_many(uri, sizeof uri, c, (uint64_t)(i / option.subscribers));
    else topic_uri(uri, sizeof uri);
    option.protocol->subscribe(c, option.fresh ? "com.bench" : uri, wild ? "wildcard" : option.fresh ? "prefix" : NULL);
    if (i - confirmed_count > 512) await_count(&confirmed_count, i - 256, "subscriptions");
  }
  await_count(&confirmed_count, interests, "subscriptions");
  open_others();
  for (long i = option.subscribers - option.slow; i < option.subscribers; i++) stop_reading(connections[1 + i]);
  measure(&(Load){ fill, send_one, &publishes_pending, &done_events });
}
