// MQTT 3.1.1 with QoS 0: CONNECT, SUBSCRIBE and PUBLISH.
#include "load.h"

enum { CONNECT = 0x10, CONNACK = 0x20, PUBLISH = 0x30, SUBSCRIBE = 0x82, SUBACK = 0x90 };

static void put_head(Bytes *to, unsigned type, size_t length) {
  put_byte(to, type);
  do {
    put_byte(to, (unsigned)(length & 127) | (length > 127 ? 128 : 0));
    length >>= 7;
  } while (length);
}
static void put_text(Bytes *to, const char *text) {
  size_t length = strlen(text);
  put_big_endian(to, length, 2);
  put(to, text, length);
}
static void greet(Connection *c) {
  char id[32]; static long last;
  snprintf(id, sizeof id, "bench%06d-%ld", run, last++);
  put_head(&c->out, CONNECT, 12 + strlen(id));
  put_text(&c->out, "MQTT");
  put(&c->out, "\4\2\0\0", 4);  // version 3.1.1, clean session, no keep-alive
  put_text(&c->out, id);
  touch(c);
}
static void subscribe(Connection *c, const char *topic, const char *match) {
  char filter[128];
  (void)match;
  write_topic(filter, sizeof filter, topic, '/', '+');
  put_head(&c->out, SUBSCRIBE, 5 + strlen(filter));
  put_big_endian(&c->out, c->request++ % 65535 + 1, 2);
  put_text(&c->out, filter);
  put_byte(&c->out, 0);
  touch(c);
}
static void publish(Connection *c, const char *topic) {
  char name[128];
  write_topic(name, sizeof name, topic, '/', '+');
  put_head(&c->out, PUBLISH, 2 + strlen(name) + (size_t)option.bytes);
  put_text(&c->out, name);
  put(&c->out, payload, (size_t)option.bytes);
  touch(c);
}
static size_t take(Connection *c, const uint8_t *at, size_t length) {
  size_t body = 0, head = 1;
  for (int shift = 0;; shift += 7, head++) {
    if (head >= length) return 0;
    body |= (size_t)(at[head] & 127) << shift;
    if (!(at[head] & 128)) break;
    if (shift == 21) fail("connection %u: a broken length", c->index);
  }
  head++;
  if (length < head + body) return 0;
  const uint8_t *in = at + head;
  if ((at[0] & 0xf0) == PUBLISH) {
    if (!on.event || body < 2 || body != 2 + big_endian(in, 2) + (size_t)option.bytes)
      fail("connection %u: a message of another size", c->index);
    on.event(c, read_tag(in + 2 + big_endian(in, 2)));
  } else if (at[0] == SUBACK) {
    if (in[2] == 0x80) fail("connection %u: subscription refused", c->index);
    confirmed_count++;
  } else if (at[0] == CONNACK) {
    if (in[1]) fail("connection %u: refused with %u", c->index, in[1]);
    opened(c);
  } else fail("connection %u: packet %02x not expected", c->index, at[0]);
  return head + body;
}
const Protocol mqtt = { "mqtt", greet, take, subscribe, publish };
