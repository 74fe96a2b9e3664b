// Frames of WebSocket and of WAMP's RawSocket, and the batched subprotocols' messages within them.
#define _GNU_SOURCE
#include "load.h"

enum { TERMINATOR = 0x1e };  // what ends a message in a batch of JSON

static void put_frame(Connection *c, unsigned opcode, const uint8_t *data, size_t length) {
  Bytes *to = &c->out;
  if (option.raw) {
    put_big_endian(to, (uint64_t)opcode << 24 | length, 4);
  } else {
    put_byte(to, 0x80 | opcode);
    if (length < 126) put_byte(to, 0x80 | (unsigned)length);
    else if (length < 65536) put_byte(to, 0x80 | 126), put_big_endian(to, length, 2);
    else put_byte(to, 0x80 | 127), put_big_endian(to, length, 8);
    put_big_endian(to, 0, 4);  // A mask of zeros costs the router the same as any other.
  }
  put(to, data, length);
  touch(c);
}
static unsigned message_opcode(const Connection *c) { return option.raw ? 0 : c->format == JSON ? 1 : 2; }
void end_batch(Connection *c) {
  if (c->batched) put_frame(c, message_opcode(c), c->batch.data, c->batch.length);
  c->batch.length = 0; c->batched = 0;
}
void send_message(Connection *c, Bytes *message) {
  if (!option.batched) {
    put_frame(c, message_opcode(c), message->data, message->length);
  } else {
    if (c->format != JSON) put_big_endian(&c->batch, message->length, 4);
    put(&c->batch, message->data, message->length);
    if (c->format == JSON) put_byte(&c->batch, TERMINATOR);
    if (++c->batched == option.batched) end_batch(c);
    touch(c);
  }
  message->length = 0;
}
void send_handshake(Connection *c) {
  static const char *names[] = { "", "json", "msgpack", "cbor" }; char text[512];
  if (option.raw) put_big_endian(&c->out, 0x7ff00000u | (unsigned)c->format << 16, 4);
  else put(&c->out, text, (size_t)snprintf(text, sizeof text,
      "GET %s HTTP/1.1\r\nHost: %s:%d\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: c3BhbndpcmUtYmVuY2gtMQ==\r\nSec-WebSocket-Protocol: wamp.2.%s%s\r\n\r\n",
      option.path, option.host, option.port, names[c->format], option.batched ? ".batched" : ""));
  touch(c);
}
// Bytes of the handshake's answer, 0 when it has not arrived whole.
size_t take_handshake(Connection *c, const uint8_t *at, size_t length) {
  if (option.raw) {
    if (length < 4) return 0;
    if (at[0] != 0x7f || (at[1] & 15) != c->format) fail("handshake refused: %02x%02x", at[0], at[1]);
    return 4;
  }
  const uint8_t *end = memmem(at, length, "\r\n\r\n", 4);
  if (!end) return 0;
  if (!memmem(at, (size_t)(end - at), " 101 ", 5)) fail("upgrade refused: %.*s", (int)(end - at), at);
  return (size_t)(end - at) + 4;
}
static void take_batch(Connection *c, const uint8_t *at, size_t length,
                       void (*take_message)(Connection *, const uint8_t *, size_t)) {
  const uint8_t *end = at + length, *from = at, *until;
  for (; from < end; from = c->format == JSON ? until + 1 : until) {
    if (c->format == JSON) {
      until = memchr(from, TERMINATOR, (size_t)(end - from));
      if (!until) fail("connection %u: a batch without a terminator", c->index);
    } else {
      if (end - from < 4 || big_endian(from, 4) > (uint64_t)(end - from - 4)) fail("connection %u: a broken batch", c->index);
      until = from + 4 + big_endian(from, 4);
      from += 4;
    }
    take_message(c, from, (size_t)(until - from));
  }
}
// Bytes of the frame at `at`, 0 when it is incomplete.
size_t take_frame(Connection *c, const uint8_t *at, size_t length,
                  void (*take_message)(Connection *, const uint8_t *, size_t)) {
  size_t head, body; unsigned opcode; bool ping, message;
  if (option.raw) {
    if (length < 4) return 0;
    head = 4; body = (size_t)big_endian(at + 1, 3); opcode = at[0] & 7;
    message = opcode == 0; ping = opcode == 1;
  } else {
    if (length < 2) return 0;
    opcode = at[0] & 15; message = opcode == 1 || opcode == 2; ping = opcode == 9;
    if (!(at[0] & 0x80)) fail("connection %u: fragments are not read here", c->index);
    int width = (at[1] & 127) == 126 ? 2 : (at[1] & 127) == 127 ? 8 : 0;
    head = 2 + (size_t)width;
    if (length < head) return 0;
    body = width ? (size_t)big_endian(at + 2, width) : at[1] & 127u;
    if (opcode == 8) fail("connection %u: closed by the router: %.*s", c->index, (int)(length - head), at + head);
  }
  if (length < head + body) return 0;
  if (message && option.batched) take_batch(c, at + head, body, take_message);
  else if (message) take_message(c, at + head, body);
  else if (ping) put_frame(c, option.raw ? 2 : 10, at + head, body);
  return head + body;
}
