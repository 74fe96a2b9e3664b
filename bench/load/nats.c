// NATS core protocol: text lines, CONNECT SUB PUB and MSG. A PING behind each SUB tells when the server has taken it.
#define _GNU_SOURCE
#include "load.h"

static void put_line(Connection *c, const char *text, int length) { put(&c->out, text, (size_t)length); touch(c); }
static void greet(Connection *c) { (void)c; }  // The server speaks first.
static void subscribe(Connection *c, const char *topic, const char *match) {
  char subject[128], text[192];
  (void)match;
  write_topic(subject, sizeof subject, topic, '.', '*');
  put_line(c, text, snprintf(text, sizeof text, "SUB %s %llu\r\nPING\r\n", subject, (unsigned long long)++c->request));
}
static void publish(Connection *c, const char *topic) {
  char text[160];
  put_line(c, text, snprintf(text, sizeof text, "PUB %s %ld\r\n", topic, option.bytes));
  put(&c->out, payload, (size_t)option.bytes);
  put(&c->out, "\r\n", 2);
}
static const uint8_t *message_text(Connection *c, const uint8_t *line, const uint8_t *end) {
  const uint8_t *space = memrchr(line, ' ', (size_t)(end - line));
  if (!space || strtol((const char *)space, NULL, 10) != option.bytes) fail("connection %u: a message of another size", c->index);
  return end + 2;
}
static size_t take(Connection *c, const uint8_t *at, size_t length) {
  const uint8_t *end = memmem(at, length, "\r\n", 2);
  if (!end) return 0;
  size_t line = (size_t)(end - at) + 2;
  if (at[0] == 'M') {  // MSG <subject> <sid> <bytes>
    const uint8_t *text = message_text(c, at, end);
    if (length < line + (size_t)option.bytes + 2) return 0;
    if (!on.event) fail("connection %u: a message that nobody waits for", c->index);
    on.event(c, read_tag(text));
    return line + (size_t)option.bytes + 2;
  }
  if (at[0] == 'I' && c->phase == PHASE_HANDSHAKE) {
    static const char hello[] = "CONNECT {\"verbose\":false,\"pedantic\":false,\"lang\":\"c\",\"version\":\"1\",\"protocol\":1}\r\nPING\r\n";
    put_line(c, hello, sizeof hello - 1);
    c->phase = PHASE_HELLO;
  } else if (at[0] == 'P' && at[1] == 'O') {
    if (c->phase == PHASE_OPEN) confirmed_count++; else opened(c);
  } else if (at[0] == 'P' && at[1] == 'I') put_line(c, "PONG\r\n", 6);
  else if (at[0] == '-') fail("connection %u: %.*s", c->index, (int)line - 2, at);
  return line;
}
const Protocol nats = { "nats", greet, take, subscribe, publish };
