// Load generator: drives any WAMP router over WebSocket or RawSocket from one thread, and says what the router spent on it.
//
// It is not a client library: it writes and reads exactly the messages that its modes need. Every answer is checked (the
// payload carries a tag that must come back), so a router that loses, doubles or mixes up messages fails the run. The result
// is one JSON line on stdout; complaints go to stderr with exit code 1. Build: cc -O2 -o load load.c
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

// The numbers of RawSocket's serializers.
enum { JSON = 1, MSGPACK = 2, CBOR = 3 };
// WAMP message types that are read or written here.
enum { HELLO = 1, WELCOME = 2, ERROR = 8, PUBLISH = 16, SUBSCRIBE = 32, SUBSCRIBED = 33, EVENT = 36, CALL = 48,
       RESULT = 50, REGISTER = 64, REGISTERED = 65, INVOCATION = 68, YIELD = 70 };
enum { PHASE_HANDSHAKE, PHASE_HELLO, PHASE_OPEN };
// What ends a message in a batch of JSON.
enum { TERMINATOR = 0x1e };
enum { TAG_BYTES = 8, READ_BYTES = 1 << 20, OPENING_MAX = 256, PATIENCE_S = 15 };

typedef struct { uint8_t *data; size_t length, capacity, sent; } Bytes;
typedef struct { uint32_t count; uint64_t value[3]; } Head;
typedef struct Connection {
  int fd; uint8_t phase; bool waits_for_room, dirty; uint32_t index;
  Bytes in, out;                            // `in` holds an incomplete frame only
  Bytes batch; long batched;                // the batch that is being written, and its messages
  uint64_t request, received, outstanding;  // last request id used; events received; calls without an answer
  uint64_t *sent_ns; uint64_t ring_mask;    // per request id: when it was sent, 0 when answered
} Connection;

static struct {
  const char *mode, *host, *path, *realm, *steps, *authid; int port, format, pid; bool raw, spin, fresh;
  long callers, callees, window, subscribers, patterns, bytes, batched, users, uris, others; double seconds, warm;
} option = { .host = "127.0.0.1", .path = "/ws", .realm = "realm1", .steps = "1000", .port = 18080, .format = MSGPACK,
             .callers = 16, .callees = 1, .window = 64, .subscribers = 10, .patterns = 1000, .bytes = 100,
             .users = 1, .seconds = 2, .warm = 0.5 };
static int poll_fd;
// In every URI, so that one run never meets what the router may still keep of the last one.
static int run;
static long connection_count, open_count, confirmed_count, error_count;
static Connection **connections;
static void (*on_message)(Connection *, const Head *, const uint8_t *, size_t);

static void fail(const char *format, ...) {
  va_list list; va_start(list, format); fputs("load: ", stderr); vfprintf(stderr, format, list); fputc('\n', stderr); exit(1);
}
static uint64_t clock_ns(clockid_t clock) {
  struct timespec t;
  return clock_gettime(clock, &t) ? 0 : (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
static uint64_t now_ns(void) { return clock_ns(CLOCK_MONOTONIC); }
// User and system time of all the router's threads, also of those that have ended. The process clock counts nanoseconds.
static uint64_t router_cpu_ns(void) {
  clockid_t clock;
  return option.pid && clock_getcpuclockid(option.pid, &clock) == 0 ? clock_ns(clock) : 0;
}

// ---- bytes
static void put(Bytes *to, const void *data, size_t length) {
  if (to->length + length > to->capacity) {
    to->capacity = (to->length + length) * 2 + 512;
    if (!(to->data = realloc(to->data, to->capacity))) fail("out of memory");
  }
  memcpy(to->data + to->length, data, length);
  to->length += length;
}
static void put_byte(Bytes *to, unsigned value) { uint8_t byte = (uint8_t)value; put(to, &byte, 1); }
static void put_big_endian(Bytes *to, uint64_t value, int bytes) {
  while (bytes--) put_byte(to, (unsigned)(value >> (8 * bytes)));
}

// ---- message writers; the element that goes before decides whether JSON needs a comma
static void separate(Bytes *to) {
  if (option.format == JSON && to->length && !strchr("[{:", to->data[to->length - 1])) put_byte(to, ',');
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
  if (option.format == JSON) put_byte(to, '['); else put_byte(to, (option.format == CBOR ? 0x80 : 0x90) | count);
}
static void put_map(Bytes *to, unsigned pairs) {
  separate(to);
  if (option.format == JSON) put_byte(to, '{'); else put_byte(to, (option.format == CBOR ? 0xa0 : 0x80) | pairs);
}
static void put_close(Bytes *to, char bracket) { if (option.format == JSON) put_byte(to, (unsigned)bracket); }
static void put_number(Bytes *to, uint64_t value) {
  char text[24];
  separate(to);
  if (option.format == JSON) put(to, text, (size_t)snprintf(text, sizeof text, "%llu", (unsigned long long)value));
  else if (option.format == CBOR) put_cbor(to, 0, value);
  else if (value < 128) put_byte(to, (unsigned)value);
  else if (value < 256) put_byte(to, 0xcc), put_big_endian(to, value, 1);
  else if (value < 65536) put_byte(to, 0xcd), put_big_endian(to, value, 2);
  else if (value <= UINT32_MAX) put_byte(to, 0xce), put_big_endian(to, value, 4);
  else put_byte(to, 0xcf), put_big_endian(to, value, 8);
}
static void put_text(Bytes *to, const char *text, size_t length) {
  separate(to);
  if (option.format == JSON) put_byte(to, '"');
  else if (option.format == CBOR) put_cbor(to, 3, length);
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

// ---- head reader: the leading integers of a message, at most three; never reads beyond `length`
static uint64_t big_endian(const uint8_t *at, int bytes) { uint64_t v = 0; while (bytes--) v = v << 8 | *at++; return v; }
static const uint8_t *read_json(const uint8_t *at, const uint8_t *end, uint64_t *value) {
  while (at < end && (*at == ',' || *at == ' ')) at++;
  if (at == end || *at < '0' || *at > '9') return NULL;
  for (*value = 0; at < end && *at >= '0' && *at <= '9'; at++) *value = *value * 10 + (*at - '0');
  return at;
}
static const uint8_t *read_number(const uint8_t *at, const uint8_t *end, uint64_t *value) {
  if (option.format == JSON) return read_json(at, end, value);
  if (at == end) return NULL;
  unsigned byte = *at++; int width = 0; bool is_float = false;
  if (option.format == MSGPACK) {
    if (byte < 0x80) { *value = byte; return at; }
    is_float = byte == 0xcb;
    width = is_float ? 8 : byte >= 0xcc && byte <= 0xcf ? 1 << (byte - 0xcc) : 0;
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
  at += option.format == MSGPACK && length && (*at == 0xdc) ? 3 : 1;
  while (at <= end && head->count < 3 && (at = read_number(at, end, &head->value[head->count]))) head->count++;
}

// ---- connections
static void flush(Connection *c) {
  while (c->out.sent < c->out.length) {
    ssize_t n = send(c->fd, c->out.data + c->out.sent, c->out.length - c->out.sent, MSG_NOSIGNAL);
    if (n < 0 && errno == EAGAIN) break;
    if (n < 0) fail("connection %u: send: %s", c->index, strerror(errno));
    c->out.sent += (size_t)n;
  }
  bool waits = c->out.sent < c->out.length;
  if (!waits) c->out.sent = c->out.length = 0;
  if (waits == c->waits_for_room) return;
  struct epoll_event event = { .events = EPOLLIN | (waits ? EPOLLOUT : 0u), .data.ptr = c };
  epoll_ctl(poll_fd, EPOLL_CTL_MOD, c->fd, &event);
  c->waits_for_room = waits;
}
// Connections with something to send; written once per turn, so that the generator's own writes are batched too.
static Connection **dirty; static long dirty_count;
static void touch(Connection *c) { if (!c->dirty) { c->dirty = true; dirty[dirty_count++] = c; } }
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
static unsigned message_opcode(void) { return option.raw ? 0 : option.format == JSON ? 1 : 2; }
static void end_batch(Connection *c) {
  if (c->batched) put_frame(c, message_opcode(), c->batch.data, c->batch.length);
  c->batch.length = 0; c->batched = 0;
}
static void flush_all(void) {
  for (long i = 0; i < dirty_count; i++) { end_batch(dirty[i]); dirty[i]->dirty = false; flush(dirty[i]); }
  dirty_count = 0;
}
static void send_message(Connection *c, Bytes *message) {
  if (!option.batched) {
    put_frame(c, message_opcode(), message->data, message->length);
  } else {
    if (option.format != JSON) put_big_endian(&c->batch, message->length, 4);
    put(&c->batch, message->data, message->length);
    if (option.format == JSON) put_byte(&c->batch, TERMINATOR);
    if (++c->batched == option.batched) end_batch(c);
    touch(c);
  }
  message->length = 0;
}
static void send_hello(Connection *c) {
  static Bytes m; static const char *roles[] = { "caller", "callee", "publisher", "subscriber" };
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
static void send_interest(Connection *c, unsigned type, const char *match, const char *uri) {
  static Bytes m;
  put_array(&m, 4); put_number(&m, type); put_number(&m, ++c->request);
  put_options(&m, match ? "match" : NULL, match); put_word(&m, uri); put_close(&m, ']');
  send_message(c, &m);
}
static void send_handshake(Connection *c) {
  static const char *names[] = { "", "json", "msgpack", "cbor" }; char text[512];
  if (option.raw) put_big_endian(&c->out, 0x7ff00000u | (unsigned)option.format << 16, 4);
  else put(&c->out, text, (size_t)snprintf(text, sizeof text,
      "GET %s HTTP/1.1\r\nHost: %s:%d\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: c3BhbndpcmUtYmVuY2gtMQ==\r\nSec-WebSocket-Protocol: wamp.2.%s%s\r\n\r\n",
      option.path, option.host, option.port, names[option.format], option.batched ? ".batched" : ""));
  touch(c);
}
static Connection *dial(void) {
  Connection *c = calloc(1, sizeof *c); int on = 1;
  if (!c || (c->fd = socket(AF_INET, SOCK_STREAM, 0)) < 0) fail("socket: %s", strerror(errno));
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  c->index = (uint32_t)connection_count;
  if (c->index >= 20000) {  // One source address has about 28,000 ports: take 127.0.0.2 and on behind that.
    struct sockaddr_in from = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001u + c->index / 20000) };
    setsockopt(c->fd, IPPROTO_IP, 24 /* IP_BIND_ADDRESS_NO_PORT */, &on, sizeof on);
    if (bind(c->fd, (struct sockaddr *)&from, sizeof from)) fail("bind: %s", strerror(errno));
  }
  struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)option.port) };
  inet_pton(AF_INET, option.host, &to.sin_addr);
  if (connect(c->fd, (struct sockaddr *)&to, sizeof to)) fail("connect %u: %s", c->index, strerror(errno));
  fcntl(c->fd, F_SETFL, O_NONBLOCK);
  struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };
  epoll_ctl(poll_fd, EPOLL_CTL_ADD, c->fd, &event);
  connections[connection_count++] = c;
  send_handshake(c);
  return c;
}

// ---- frames in
// Bytes of the handshake's answer, 0 when it has not arrived whole.
static size_t take_handshake(Connection *c, const uint8_t *at, size_t length) {
  size_t taken = 4;
  if (option.raw) {
    if (length < 4) return 0;
    if (at[0] != 0x7f || (at[1] & 15) != option.format) fail("handshake refused: %02x%02x", at[0], at[1]);
  } else {
    const uint8_t *end = memmem(at, length, "\r\n\r\n", 4);
    if (!end) return 0;
    if (!memmem(at, (size_t)(end - at), " 101 ", 5)) fail("upgrade refused: %.*s", (int)(end - at), at);
    taken = (size_t)(end - at) + 4;
  }
  c->phase = PHASE_HELLO;
  send_hello(c);
  return taken;
}
static void take_message(Connection *c, const uint8_t *at, size_t length) {
  Head head; read_head(&head, at, length);
  if (!head.count) fail("connection %u: not a WAMP message (%zu bytes)", c->index, length);
  if (c->phase == PHASE_OPEN && head.value[0] == ERROR) {
    if (error_count++ < 3) fprintf(stderr, "load: ERROR %.*s\n", (int)length, at);
    return;
  }
  if (c->phase == PHASE_OPEN) { on_message(c, &head, at, length); return; }
  if (head.value[0] != WELCOME) fail("HELLO answered with %.*s", (int)length, at);
  c->phase = PHASE_OPEN; open_count++;
}
static void take_batch(Connection *c, const uint8_t *at, size_t length) {
  const uint8_t *end = at + length, *from = at, *until;
  for (; from < end; from = option.format == JSON ? until + 1 : until) {
    if (option.format == JSON) {
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
static size_t take_frame(Connection *c, const uint8_t *at, size_t length) {
  size_t head, body; unsigned opcode; bool ping, message;
  if (option.raw) {
    if (length < 4) return 0;
    head = 4; body = (size_t)big_endian(at + 1, 3); opcode = at[0] & 7;
    message = opcode == 0; ping = opcode == 1;
  } else {
    if (length < 2) return 0;
    opcode = at[0] & 15; message = opcode == 1 || opcode == 2; ping = opcode == 9;
    int width = (at[1] & 127) == 126 ? 2 : (at[1] & 127) == 127 ? 8 : 0;
    head = 2 + (size_t)width;
    if (length < head) return 0;
    body = width ? (size_t)big_endian(at + 2, width) : at[1] & 127u;
    if (opcode == 8) fail("connection %u: closed by the router: %.*s", c->index, (int)(length - head), at + head);
  }
  if (length < head + body) return 0;
  if (message && option.batched) take_batch(c, at + head, body);
  else if (message) take_message(c, at + head, body);
  else if (ping) put_frame(c, option.raw ? 2 : 10, at + head, body);
  return head + body;
}
// Reads straight out of the receive buffer; only the incomplete rest of a frame is kept and copied.
static void read_connection(Connection *c) {
  static uint8_t buffer[READ_BYTES];
  ssize_t n = recv(c->fd, buffer, sizeof buffer, 0);
  if (n < 0 && errno == EAGAIN) return;
  if (n <= 0) fail("connection %u: %s", c->index, n ? strerror(errno) : "closed by the router");
  const uint8_t *data = buffer; size_t length = (size_t)n, at = 0, taken;
  bool joined = c->in.length > 0;
  if (joined) { put(&c->in, buffer, length); data = c->in.data; length = c->in.length; }
  do {
    taken = c->phase == PHASE_HANDSHAKE ? take_handshake(c, data + at, length - at) : take_frame(c, data + at, length - at);
    at += taken;
  } while (taken && at < length);
  if (joined) { memmove(c->in.data, data + at, length - at); c->in.length = length - at; }
  else if (at < length) put(&c->in, data + at, length - at);
}
static void turn(int wait_ms) {
  struct epoll_event events[1024];
  flush_all();
  int n = epoll_wait(poll_fd, events, 1024, option.spin ? 0 : wait_ms);
  for (int i = 0; i < n; i++) {
    if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) read_connection(events[i].data.ptr);
    if (events[i].events & EPOLLOUT) flush(events[i].data.ptr);
  }
}
static void await_count(const long *count, long target, const char *what) {
  uint64_t since = now_ns(); long seen = *count;
  while (*count < target) {
    turn(100);
    if (*count != seen) { seen = *count; since = now_ns(); }
    if (error_count) fail("refused while waiting for %s", what);
    if (now_ns() - since > PATIENCE_S * 1000000000ull) fail("waited in vain for %s: %ld of %ld", what, *count, target);
  }
}
static void open_sessions(long total) {
  while (connection_count < total) {
    dial();
    turn(0);
    if (connection_count - open_count > OPENING_MAX) await_count(&open_count, connection_count - OPENING_MAX / 2, "sessions");
  }
  await_count(&open_count, total, "sessions");
}

// ---- payload: one array with one text of option.bytes characters, the first eight of them a tag; always the message's tail
static Bytes tail; static size_t tag_at;
static void make_tail(void) {
  char *text = malloc((size_t)option.bytes);
  memset(text, 'x', (size_t)option.bytes);
  put_array(&tail, 1); put_text(&tail, text, (size_t)option.bytes); put_close(&tail, ']'); put_close(&tail, ']');
  tag_at = tail.length - (option.format == JSON ? 3 : 0) - (size_t)option.bytes;
  free(text);
}
static void set_tag(uint32_t tag) {
  for (int i = 0; i < TAG_BYTES; i++) tail.data[tag_at + (size_t)i] = (uint8_t)('a' + (tag >> (4 * i) & 15));
}
static uint32_t tag_of(const uint8_t *message, size_t length) {
  if (length < tail.length) fail("a message lost its payload: %.*s", (int)length, message);
  const uint8_t *at = message + length - tail.length; uint32_t tag = 0; size_t behind = tag_at + TAG_BYTES;
  for (int i = 0; i < TAG_BYTES; i++) tag |= (uint32_t)(at[tag_at + (size_t)i] - 'a') << (4 * i);
  if (memcmp(at, tail.data, tag_at) || memcmp(at + behind, tail.data + behind, tail.length - behind))
    fail("a payload was changed");
  return tag;
}
static void put_tail(Bytes *m, const uint8_t *data) {
  separate(m);
  put(m, data, tail.length);
}

// ---- latency: a histogram of at least 256 steps per power of two, so that a value is off by less than 0.4 %
static uint32_t histogram[56][512]; static uint64_t histogram_count;
static void record_latency(uint64_t ns) {
  int shift = ns < 512 ? 0 : 55 - __builtin_clzll(ns);
  histogram[shift][ns >> shift & 511]++;
  histogram_count++;
}
static double latency_us(double share) {
  uint64_t rank = (uint64_t)((double)histogram_count * share), seen = 0;
  for (int shift = 0; shift < 56; shift++)
    for (int i = 0; i < 512; i++)
      if ((seen += histogram[shift][i]) > rank) return (double)((uint64_t)i << shift) / 1000;
  return 0;
}

// ---- the measured window: totals at its start and at its end
static uint64_t done_calls, done_events, done_publishes;
typedef struct { uint64_t at, router, own, calls, events, publishes; } Totals;
static Totals totals(void) {
  return (Totals){ now_ns(), router_cpu_ns(), clock_ns(CLOCK_PROCESS_CPUTIME_ID), done_calls, done_events, done_publishes };
}
static void report(Totals from, Totals to) {
  static const char *names[] = { "", "json", "msgpack", "cbor" };
  double wall = (double)(to.at - from.at), router = (double)(to.router - from.router);
  double own = (double)(to.own - from.own);
  uint64_t calls = to.calls - from.calls, events = to.events - from.events;
  uint64_t publishes = to.publishes - from.publishes;
  printf("{\"mode\":\"%s\",\"transport\":\"%s\",\"format\":\"%s\",\"bytes\":%ld,\"seconds\":%.3f,", option.mode,
         option.raw ? "rawsocket" : option.batched ? "batched websocket" : "websocket", names[option.format], option.bytes, wall / 1e9);
  if (calls) printf("\"calls\":%llu,\"calls_per_s\":%.0f,\"p50_us\":%.2f,\"p99_us\":%.2f,\"router_cpu_us_per_call\":%.4f,",
      (unsigned long long)calls, (double)calls * 1e9 / wall, latency_us(0.5), latency_us(0.99),
      router / 1e3 / (double)calls);
  if (publishes) printf("\"publishes\":%llu,\"events\":%llu,\"events_per_s\":%.0f,"
      "\"router_cpu_us_per_event\":%.4f,\"router_cpu_us_per_publish\":%.4f,",
      (unsigned long long)publishes, (unsigned long long)events, (double)events * 1e9 / wall,
      router / 1e3 / (double)events, router / 1e3 / (double)publishes);
  printf("\"router_cpu_share\":%.3f,\"own_cpu_share\":%.3f,\"errors\":%ld}\n", router / wall, own / wall, error_count);
  if (error_count) exit(1);
}
// Runs `refill` once a turn through warm-up and window, then drains: `pending` must reach 0.
static void measure(void (*refill)(void), const uint64_t *pending, const uint64_t *progress) {
  uint64_t start = now_ns(), moved = start, seen = 0; Totals from = { 0 }, to = { 0 };
  uint64_t window_at = start + (uint64_t)(option.warm * 1e9), end_at = window_at + (uint64_t)(option.seconds * 1e9);
  while (!to.at || *pending) {
    uint64_t now = now_ns();
    if (!from.at && now >= window_at) { from = totals(); histogram_count = 0; memset(histogram, 0, sizeof histogram); }
    if (!to.at && now >= end_at) to = totals();
    if (!to.at) refill();
    if (*pending) turn(1000);
    if (*progress != seen) { seen = *progress; moved = now; }
    else if (now - moved > PATIENCE_S * 1000000000ull)
      fail("stalled: %llu pending, %ld errors", (unsigned long long)*pending, error_count);
    if (error_count) fail("%ld calls or publishes failed", error_count);
  }
  // Whatever arrives now was sent once too often; the modes' own checks notice.
  for (uint64_t quiet = now_ns(); now_ns() - quiet < 150000000u;) turn(10);
  report(from, to);
}

// ---- many URIs: what the n-th message of a connection is about, with --uris and --fresh
static void one_of_many(char *uri, size_t size, const Connection *c, uint64_t n) {
  unsigned long long k = option.fresh ? n : n % (uint64_t)option.uris;
  if (option.fresh) snprintf(uri, size, "com.bench.a%llu.f%ux%llu.run%06d", k % 10, c->index, k, run);
  else snprintf(uri, size, "com.bench.a%llu.p%llu", k % 10, k);
}
// Sessions that say nothing, behind those that do.
static void open_others(void) { open_sessions(connection_count + option.others); }

// ---- rpc
static Bytes call_message; static uint64_t calls_pending;
static void send_call(Connection *c, uint64_t now) {
  char uri[96]; uint64_t request = ++c->request; Bytes *m = &call_message;
  if (option.uris || option.fresh) one_of_many(uri, sizeof uri, c, request);
  else snprintf(uri, sizeof uri, "com.bench.p%ld.run%06d", (long)(request % (uint64_t)option.callees), run);
  c->sent_ns[request & c->ring_mask] = now;
  set_tag((uint32_t)(request * 31 + c->index));
  put_array(m, 5); put_number(m, CALL); put_number(m, request); put_options(m, NULL, NULL);
  put_word(m, uri);
  put_tail(m, tail.data);
  send_message(c, m);
  c->outstanding++; calls_pending++;
}
static void refill_calls(void) {
  uint64_t now = now_ns();
  for (long i = option.callees; i < option.callees + option.callers; i++) {
    Connection *c = connections[i];
    while (c->outstanding < (uint64_t)option.window && !c->sent_ns[(c->request + 1) & c->ring_mask]) send_call(c, now);
  }
}
static void take_result(Connection *c, uint64_t request, const uint8_t *at, size_t length) {
  uint64_t *sent = &c->sent_ns[request & c->ring_mask];
  if (request > c->request || !*sent) fail("a RESULT for request %llu, which waits for none", (unsigned long long)request);
  if (tag_of(at, length) != (uint32_t)(request * 31 + c->index)) fail("a RESULT with the payload of another call");
  record_latency(now_ns() - *sent);
  *sent = 0; c->outstanding--; calls_pending--; done_calls++;
}
static void on_rpc(Connection *c, const Head *head, const uint8_t *at, size_t length) {
  static Bytes m;
  if (head->value[0] == INVOCATION) {
    tag_of(at, length);
    put_array(&m, 4); put_number(&m, YIELD); put_number(&m, head->value[1]); put_options(&m, NULL, NULL);
    put_tail(&m, at + length - tail.length);
    send_message(c, &m);
  } else if (head->value[0] == RESULT) take_result(c, head->value[1], at, length);
  else if (head->value[0] == REGISTERED) confirmed_count++;
  else fail("message of type %llu not expected", (unsigned long long)head->value[0]);
}
static void run_rpc(void) {
  char uri[96]; uint64_t ring = 64;
  on_message = on_rpc;
  while (ring < (uint64_t)option.window * 16) ring *= 2;
  open_sessions(option.callees + option.callers);
  long procedures = option.fresh ? 1 : option.uris ? option.uris : option.callees;
  for (long i = 0; i < procedures; i++) {
    Connection *c = connections[i % option.callees];
    if (option.uris) one_of_many(uri, sizeof uri, c, (uint64_t)i);
    else snprintf(uri, sizeof uri, "com.bench.p%ld.run%06d", i, run);
    send_interest(c, REGISTER, option.fresh ? "prefix" : NULL, option.fresh ? "com.bench" : uri);
  }
  await_count(&confirmed_count, procedures, "registrations");
  for (long i = option.callees; i < connection_count; i++) {
    connections[i]->ring_mask = ring - 1;
    connections[i]->sent_ns = calloc(ring, sizeof(uint64_t));
  }
  open_others();
  measure(refill_calls, &calls_pending, &done_calls);
}

// ---- fanout and wild: connections[0] publishes; a slot per publish in flight counts the events still to come
enum { SLOTS = 1 << 16 };
static struct { uint32_t tag, left, pattern; } slots[SLOTS];
static uint64_t published, publishes_pending; static bool wild; static uint32_t chance = 7;
static void wild_uri(char *uri, size_t size, uint32_t k, int gap) {  // gap 0: none, 1 and 2: the component left empty
  char plant[16], line[16];
  snprintf(plant, sizeof plant, "plant%u", k % 97); snprintf(line, sizeof line, "line%u", k % 89);
  snprintf(uri, size, "com.%s.%s.m%u.run%06d", gap == 1 ? "" : plant, gap == 2 ? "" : line, k, run);
}
static void topic_uri(char *uri, size_t size) { snprintf(uri, size, "com.bench.topic.run%06d", run); }
static void send_publish(Connection *c) {
  static Bytes m; char uri[96]; uint32_t tag = (uint32_t)++published, slot = tag % SLOTS;
  slots[slot].tag = tag; slots[slot].left = wild ? 2 : (uint32_t)option.subscribers;
  if (wild) {
    chance = chance * 1664525u + 1013904223u;
    slots[slot].pattern = (chance >> 8) % (uint32_t)(option.patterns / 2);
    wild_uri(uri, sizeof uri, slots[slot].pattern, 0);
  }
  else if (option.uris || option.fresh) one_of_many(uri, sizeof uri, c, tag);
  else topic_uri(uri, sizeof uri);
  set_tag(tag);
  put_array(&m, 5); put_number(&m, PUBLISH); put_number(&m, ++c->request); put_options(&m, NULL, NULL); put_word(&m, uri);
  put_tail(&m, tail.data);
  send_message(c, &m);
  publishes_pending++;
}
static void refill_publishes(void) { while (publishes_pending < (uint64_t)option.window) send_publish(connections[0]); }
static void on_event(Connection *c, const Head *head, const uint8_t *at, size_t length) {
  if (head->value[0] == SUBSCRIBED) { confirmed_count++; return; }
  if (head->value[0] != EVENT) fail("message of type %llu not expected", (unsigned long long)head->value[0]);
  uint32_t tag = tag_of(at, length), slot = tag % SLOTS;
  c->received++; done_events++;
  if (slots[slot].tag != tag || !slots[slot].left) fail("publish %u reached more receivers than it has", tag);
  if (!wild && tag != (uint32_t)c->received)
    fail("subscriber %u: event %u where %llu was due", c->index, tag, (unsigned long long)c->received);
  if (wild) {
    long pair = (long)slots[slot].pattern * 2, sessions = option.subscribers, me = (long)c->index - 1;
    if (me != pair % sessions && me != (pair + 1) % sessions)
      fail("an event for a pattern that session %u does not have", c->index);
  }
  if (--slots[slot].left == 0) { publishes_pending--; done_publishes++; }
}
static void run_publish(void) {
  char uri[96];
  on_message = on_event; wild = option.mode[0] == 'w';
  if (option.window >= SLOTS / 2 || (wild && option.patterns < 2)) fail("window or patterns out of range");
  open_sessions(option.subscribers + 1);
  long topics = option.uris ? option.uris : 1;
  long interests = wild ? option.patterns / 2 * 2 : option.subscribers * topics;
  for (long i = 0; i < interests; i++) {
    Connection *c = connections[1 + i % option.subscribers];
    if (wild) wild_uri(uri, sizeof uri, (uint32_t)(i / 2), i % 2 ? 1 : 2);
    else if (option.uris) one_of_many(uri, sizeof uri, c, (uint64_t)(i / option.subscribers));
    else topic_uri(uri, sizeof uri);
    send_interest(c, SUBSCRIBE, wild ? "wildcard" : option.fresh ? "prefix" : NULL, option.fresh ? "com.bench" : uri);
    if (i - confirmed_count > OPENING_MAX) await_count(&confirmed_count, i - OPENING_MAX / 2, "subscriptions");
  }
  await_count(&confirmed_count, interests, "subscriptions");
  open_others();
  measure(refill_publishes, &publishes_pending, &done_events);
}

// ---- idle: opens sessions step by step; after each step prints a line and holds until a line comes on stdin
static void on_nothing(Connection *c, const Head *head, const uint8_t *at, size_t length) {
  fail("connection %u: message of type %llu not expected (%zu bytes, %02x)", c->index,
       (unsigned long long)head->value[0], length, at[0]);
}
static void run_idle(void) {
  char *steps = strdup(option.steps), line[16];
  on_message = on_nothing;
  fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
  for (char *step = strtok(steps, ","); step; step = strtok(NULL, ",")) {
    uint64_t since = now_ns(); long before = open_count;
    open_sessions(atol(step));
    double seconds = (double)(now_ns() - since) / 1e9;
    double rate = (double)(open_count - before) / seconds;
    printf("{\"mode\":\"idle\",\"sessions\":%ld,\"sessions_per_s\":%.0f}\n", open_count, rate);
    fflush(stdout);
    ssize_t n;
    while ((n = read(STDIN_FILENO, line, sizeof line)) < 0 && errno == EAGAIN) turn(20);
    if (n <= 0) return;
  }
}

static void raise_limits(void) {
  struct rlimit limit; long wanted = 64, most = 0;
  char *steps = strdup(option.steps);
  for (char *step = strtok(steps, ","); step; step = strtok(NULL, ",")) if (atol(step) > most) most = atol(step);
  if (!strcmp(option.mode, "rpc")) most = option.callers + option.callees;
  else if (strcmp(option.mode, "idle")) most = option.subscribers + 1;
  free(steps);
  most += option.others;
  wanted += most;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_max != RLIM_INFINITY && (long)limit.rlim_max < wanted)
    fail("%ld open files are needed, the hard limit is %ld: raise it (ulimit -Hn) or ask for fewer sessions",
         wanted, (long)limit.rlim_max);
  connections = calloc((size_t)most + 1, sizeof *connections);
  dirty = calloc((size_t)most + 1, sizeof *dirty);
}
static void usage(void) {
  fail("usage: load rpc|fanout|wild|idle [options]\n"
       "  --port N --host IP --path /ws --realm URI --transport websocket|rawsocket --format json|msgpack|cbor --pid ROUTER\n"
       "  --batched N (the batched subprotocols, with up to N messages in each batch sent)\n"
       "  --bytes N --seconds S --warm S --window N --spin (never sleep: for latencies)\n"
       "  rpc: --callers N --callees N    fanout: --subscribers N    wild: --subscribers N --patterns N\n"
       "  --authid PREFIX --users N (log in by `trust` as PREFIX0 … PREFIX<N-1>)  --others N (that many sessions more, silent)\n"
       "  --uris N (so many procedures or topics, in turn)  --fresh (each message about a new one, of one prefix registration)\n"
       "  idle: --steps N,N");
}
int main(int argc, char **argv) {
  static const struct option names[] = { { "port", 1, 0, 'p' }, { "host", 1, 0, 'h' }, { "path", 1, 0, 'u' }, { "realm", 1, 0, 'r' },
    { "transport", 1, 0, 't' }, { "format", 1, 0, 'f' }, { "pid", 1, 0, 'P' }, { "bytes", 1, 0, 'b' }, { "seconds", 1, 0, 's' },
    { "warm", 1, 0, 'w' }, { "window", 1, 0, 'W' }, { "spin", 0, 0, 'S' }, { "batched", 1, 0, 'B' }, { "callers", 1, 0, 'c' }, { "callees", 1, 0, 'C' },
    { "subscribers", 1, 0, 'n' }, { "patterns", 1, 0, 'N' }, { "steps", 1, 0, 'i' },
    { "authid", 1, 0, 'a' }, { "users", 1, 0, 'U' }, { "uris", 1, 0, 'k' }, { "fresh", 0, 0, 'F' }, { "others", 1, 0, 'o' }, { 0 } };
  if (argc < 2) usage();
  option.mode = argv[1];
  for (int name; (name = getopt_long(argc - 1, argv + 1, "", names, NULL)) != -1;) switch (name) {
    case 'p': option.port = atoi(optarg); break;          case 'h': option.host = optarg; break;
    case 'u': option.path = optarg; break;                case 'r': option.realm = optarg; break;
    case 't': option.raw = optarg[0] == 'r'; break;       case 'P': option.pid = atoi(optarg); break;
    case 'f': option.format = optarg[0] == 'j' ? JSON : optarg[0] == 'c' ? CBOR : MSGPACK; break;
    case 'b': option.bytes = atol(optarg); break;         case 's': option.seconds = atof(optarg); break;
    case 'w': option.warm = atof(optarg); break;          case 'W': option.window = atol(optarg); break;
    case 'S': option.spin = true; break;                  case 'c': option.callers = atol(optarg); break;
    case 'C': option.callees = atol(optarg); break;       case 'n': option.subscribers = atol(optarg); break;
    case 'N': option.patterns = atol(optarg); break;      case 'i': option.steps = optarg; break;
    case 'a': option.authid = optarg; break;              case 'U': option.users = atol(optarg); break;
    case 'k': option.uris = atol(optarg); break;          case 'F': option.fresh = true; break;
    case 'o': option.others = atol(optarg); break;
    case 'B': option.batched = atol(optarg); break;
    default: usage();
  }
  if (option.bytes < TAG_BYTES || option.window < 1 || option.callees < 1 || option.subscribers < 1) fail("a number is out of range");
  if (option.users < 1 || option.uris < 0 || option.others < 0 || (option.uris && option.fresh)) fail("a number is out of range");
  if (option.batched < 0 || (option.batched && option.raw)) fail("batches are for WebSocket");
  run = getpid() % 1000000;
  raise_limits();
  poll_fd = epoll_create1(0);
  make_tail();
  if (!strcmp(option.mode, "rpc")) run_rpc();
  else if (!strcmp(option.mode, "fanout") || !strcmp(option.mode, "wild")) run_publish();
  else if (!strcmp(option.mode, "idle")) run_idle();
  else usage();
  return 0;
}
