// WAMP: the messages that the modes need, written and read in JSON, MessagePack or CBOR.
#include "load.h"

enum { HELLO = 1, WELCOME = 2, ERROR = 8, PUBLISH = 16, SUBSCRIBE = 32, SUBSCRIBED = 33, EVENT = 36, CALL = 48,
       RESULT = 50, REGISTER = 64, REGISTERED = 65, INVOCATION = 68, YIELD = 70 };
typedef struct { uint32_t count; uint64_t value[3]; } Head;

static int format;  // of the connection that is being written to or read from

// ---- message writers; the element that goes before decides whether JSON needs a comma
static void separate(Bytes *to) {
  if (format == JSON && to->length && !strchr("[{:", to->data[to->length - 1])) put_byte(to, ',');
}
// CBOR's initial byte: major type and argument in the shortest form.
static void put_cbor(Bytes *to, unsigned major, uint64_t value) {
  if (value < 24) put_byte(to, major << 5 | (unsigned)value);
  else if (value < 256) put_byte(to, major << 5 | 24), put_big_endian(to, value, 1);
  else if (value < 65536) put_byte(to, major << 5 | 25), put_big_endian(to, value, 2);
  else if (value <= UINT32_MAX) put_byte(to, major << 5 | 26), put_big_endian(to, value, 4);
  else put_byte(to, major << 5 | 27), put_big_endian(to, value, 8);
}
static void put_array(Bytes *to, unsigned count) {
  separate(to);
  if (format == JSON) put_byte(to, '['); else put_byte(to, (format == CBOR ? 0x80 : 0x90) | count);
}
static void put_map(Bytes *to, unsigned pairs) {
  separate(to);
  if (format == JSON) put_byte(to, '{'); else put_byte(to, (format == CBOR ? 0xa0 : 0x80) | pairs);
}
static void put_close(Bytes *to, char bracket) { if (format == JSON) put_byte(to, (unsigned)bracket); }
static void put_number(Bytes *to, uint64_t value) {
  char text[24];
  separate(to);
  if (format == JSON) put(to, text, (size_t)snprintf(text, sizeof text, "%llu", (unsigned long long)value));
  else if (format == CBOR) put_cbor(to, 0, value);
  else if (value < 128) put_byte(to, (unsigned)value);
  else if (value < 256) put_byte(to, 0xcc), put_big_endian(to, value, 1);
  else if (value < 65536) put_byte(to, 0xcd), put_big_endian(to, value, 2);
  else if (value <= UINT32_MAX) put_byte(to, 0xce), put_big_endian(to, value, 4);
  else put_byte(to, 0xcf), put_big_endian(to, value, 8);
}
static void put_text(Bytes *to, const char *text, size_t length) {
  separate(to);
  if (format == JSON) put_byte(to, '"');
  else if (format == CBOR) put_cbor(to, 3, length);
  else if (length < 32) put_byte(to, 0xa0 | (unsigned)length);
  else if (length < 256) put_byte(to, 0xd9), put_big_endian(to, length, 1);
  else if (length < 65536) put_byte(to, 0xda), put_big_endian(to, length, 2);
  else put_byte(to, 0xdb), put_big_endian(to, length, 4);
  put(to, text, length);
  put_close(to, '"');
}
static void put_word(Bytes *to, const char *text) { put_text(to, text, strlen(text)); }
static void put_key(Bytes *to, const char *key) { put_word(to, key); put_close(to, ':'); }
static void put_options(Bytes *to, const char *key, const char *value) {
  put_map(to, key ? 1 : 0);
  if (key) put_key(to, key), put_word(to, value);
  put_close(to, '}');
}
// The last elements of a message: one array with the payload, whose header is made once for each format.
static void put_tail(Bytes *to) {
  static Bytes heads[4]; Bytes *head = &heads[format];
  separate(to);
  if (!head->length) {
    put_array(head, 1); put_text(head, payload, (size_t)option.bytes);
    head->length -= (size_t)option.bytes + (format == JSON ? 1 : 0);
  }
  put(to, head->data, head->length);
  put(to, payload, (size_t)option.bytes);
  if (format == JSON) put(to, "\"]]", 3);
}

// ---- head reader: the leading integers of a message, at most three; never reads beyond `length`
static const uint8_t *read_json(const uint8_t *at, const uint8_t *end, uint64_t *value) {
  while (at < end && (*at == ',' || *at == ' ')) at++;
  if (at == end || *at < '0' || *at > '9') return NULL;
  for (*value = 0; at < end && *at >= '0' && *at <= '9'; at++) *value = *value * 10 + (*at - '0');
  return at;
}
static const uint8_t *read_number(const uint8_t *at, const uint8_t *end, uint64_t *value) {
  if (format == JSON) return read_json(at, end, value);
  if (at == end) return NULL;
  unsigned byte = *at++; int width = 0; bool is_float = false;
  if (format == MSGPACK) {
    if (byte < 0x80) { *value = byte; return at; }
    is_float = byte == 0xcb;
    width = is_float ? 8 : byte >= 0xcc && byte <= 0xcf ? 1 << (byte - 0xcc) : byte >= 0xd0 && byte <= 0xd3 ? 1 << (byte - 0xd0) : 0;
  } else {
    if (byte < 24) { *value = byte; return at; }
    is_float = byte == 0xfb;
    width = is_float ? 8 : byte >= 24 && byte <= 27 ? 1 << (byte - 24) : 0;
  }
  if (!width || end - at < width) return NULL;
  *value = big_endian(at, width);
  if (is_float) { double real; memcpy(&real, value, 8); *value = (uint64_t)real; }
  return at + width;
}
static void read_head(Head *head, const uint8_t *at, size_t length) {
  const uint8_t *end = at + length;
  head->count = 0;
  at += format == MSGPACK && length && (*at == 0xdc) ? 3 : 1;
  while (at <= end && head->count < 3 && (at = read_number(at, end, &head->value[head->count]))) head->count++;
}
// The payload ends the message; a router that writes arguments anew may add something behind it (--loose).
static uint32_t tag_of(const uint8_t *message, size_t length) {
  size_t behind = format == JSON ? 3 : 0, bytes = (size_t)option.bytes;
  if (length < bytes + behind) fail("a message lost its payload: %.*s", (int)length, message);
  const uint8_t *at = message + length - behind - bytes;
  while (option.loose && at > message && memcmp(at + TAG_BYTES, payload + TAG_BYTES, bytes - TAG_BYTES)) at--;
  return read_tag(at);
}

// ---- messages out
static void greet(Connection *c) { send_handshake(c); }
static void send_hello(Connection *c) {
  static Bytes m; static const char *roles[] = { "caller", "callee", "publisher", "subscriber" };
  format = c->format;
  put_array(&m, 3); put_number(&m, HELLO); put_word(&m, option.realm);
  put_map(&m, option.authid ? 3 : 1);
  if (option.authid) {  // Neighbours among the connections are no neighbours among the users.
    char authid[96]; snprintf(authid, sizeof authid, "%s%ld", option.authid, (long)c->index * 61 % option.users);
    put_key(&m, "authid"); put_word(&m, authid);
    put_key(&m, "authmethods"); put_array(&m, 1); put_word(&m, "trust"); put_close(&m, ']');
  }
  put_key(&m, "roles"); put_map(&m, 4);
  for (int i = 0; i < 4; i++) put_key(&m, roles[i]), put_options(&m, NULL, NULL);
  put_close(&m, '}'); put_close(&m, '}'); put_close(&m, ']');
  send_message(c, &m);
}
// SUBSCRIBE or REGISTER
static void send_interest(Connection *c, unsigned type, const char *key, const char *value, const char *uri) {
  static Bytes m;
  format = c->format;
  put_array(&m, 4); put_number(&m, type); put_number(&m, ++c->request);
  put_options(&m, value ? key : NULL, value); put_word(&m, uri); put_close(&m, ']');
  send_message(c, &m);
}
static void subscribe(Connection *c, const char *topic, const char *match) {
  char pattern[128];
  if (!option.star) { send_interest(c, SUBSCRIBE, "match", match, topic); return; }
  write_topic(pattern, sizeof pattern, topic, '.', '*');
  send_interest(c, SUBSCRIBE, NULL, NULL, pattern);
}
void send_register(Connection *c, const char *uri, const char *key, const char *value) {
  send_interest(c, REGISTER, key, value, uri);
}
static void send_request(Connection *c, unsigned type, uint64_t request, const char *uri) {
  static Bytes m;
  format = c->format;
  put_array(&m, 5); put_number(&m, type); put_number(&m, request); put_options(&m, NULL, NULL); put_word(&m, uri);
  put_tail(&m);
  send_message(c, &m);
}
static void publish(Connection *c, const char *topic) { send_request(c, PUBLISH, ++c->request, topic); }
void send_call(Connection *c, uint64_t request, const char *uri) { send_request(c, CALL, request, uri); }
static void send_yield(Connection *c, uint64_t request) {
  static Bytes m;
  put_array(&m, 4); put_number(&m, YIELD); put_number(&m, request); put_options(&m, NULL, NULL);
  put_tail(&m);
  send_message(c, &m);
}

// ---- messages in
static void take_message(Connection *c, const uint8_t *at, size_t length) {
  Head head;
  format = c->format;
  read_head(&head, at, length);
  if (!head.count) fail("connection %u: not a WAMP message (%zu bytes)", c->index, length);
  if (c->phase != PHASE_OPEN) {
    if (head.value[0] != WELCOME) fail("HELLO answered with %.*s", (int)length, at);
    opened(c);
    return;
  }
  switch (head.value[0]) {
    case EVENT: if (on.event) { on.event(c, tag_of(at, length)); return; } break;
    case INVOCATION: if (on.result) { set_tag(tag_of(at, length)); send_yield(c, head.value[1]); return; } break;
    case RESULT: if (on.result) { on.result(c, head.value[1], tag_of(at, length)); return; } break;
    case SUBSCRIBED: case REGISTERED: confirmed_count++; return;
    case ERROR:
      if (on.refused && head.value[1] == CALL) { on.refused(c, head.value[2]); return; }
      if (error_count++ < 3) fprintf(stderr, "load: ERROR %.*s\n", (int)length, at); return;
  }
  fail("connection %u: message of type %llu not expected (%zu bytes)", c->index, (unsigned long long)head.value[0], length);
}
static size_t take(Connection *c, const uint8_t *at, size_t length) {
  if (c->phase != PHASE_HANDSHAKE) return take_frame(c, at, length, take_message);
  size_t taken = take_handshake(c, at, length);
  if (taken) { c->phase = PHASE_HELLO; send_hello(c); }
  return taken;
}
const Protocol wamp = { "wamp", greet, take, subscribe, publish };
