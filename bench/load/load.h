// Load generator: drives a WAMP router, a NATS server or an MQTT broker from one thread, and says what the server spent on it.
//
// It is not a client library: it writes and reads exactly the messages that its modes need. Every answer is checked (the
// payload carries a tag that must come back), so a server that loses, doubles or mixes up messages fails the run. The result
// is one JSON line on stdout; complaints go to stderr with exit code 1. Build: cc -O2 -o load *.c -lm
//
// socket.c has the connections and the loop; wamp.c (over websocket.c), nats.c and mqtt.c each are one Protocol; rpc.c,
// publish.c and sessions.c are the modes; measure.c and latency.c turn what happened into figures.
#ifndef LOAD_H
#define LOAD_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "bytes.h"

// The numbers of RawSocket's serializers; MIXED gives each connection the next one.
enum { JSON = 1, MSGPACK = 2, CBOR = 3, MIXED = 4 };
enum { PHASE_HANDSHAKE, PHASE_HELLO, PHASE_OPEN };
enum { TAG_BYTES = 8, OPENING_MAX = 64, PATIENCE_S = 15, SLOTS = 1 << 16 };

typedef struct Connection {
  int fd; uint8_t phase, format; bool waits_for_room, dirty; uint32_t index;
  Bytes in, out;                            // `in` holds an incomplete frame only
  Bytes batch; long batched;                // the batch that is being written, and its messages
  uint64_t request, received, outstanding;  // last request id used; events received; calls without an answer
  uint64_t *sent_ns; uint64_t ring_mask;    // per request id: when it was due, 0 when answered
} Connection;

// What a server speaks. Topics are WAMP URIs here, an empty component is a wildcard; each protocol writes them its own way.
typedef struct {
  const char *name;
  void (*greet)(Connection *);                                      // the first bytes, behind the connect
  size_t (*take)(Connection *, const uint8_t *, size_t);            // one frame: its bytes, 0 when it is incomplete
  void (*subscribe)(Connection *, const char *topic, const char *match);  // in the end, confirmed_count goes up
  void (*publish)(Connection *, const char *topic);                 // what set_tag left as the payload
} Protocol;
extern const Protocol wamp, nats, mqtt;

// What a mode does with what arrives.
typedef struct {
  void (*event)(Connection *, uint32_t tag);
  void (*result)(Connection *, uint64_t request, uint32_t tag);
  void (*refused)(Connection *, uint64_t request);  // NULL: no request may be refused
  void (*open)(Connection *);
} Handlers;

typedef struct {
  const char *mode, *host, *path, *realm, *steps, *authid; const Protocol *protocol; int port, format, pid;
  bool raw, spin, fresh, loose, star, shared, turns;
  long callers, callees, window, subscribers, slow, patterns, bytes, batched, users, uris, others;
  double seconds, warm, rate;
} Options;

// ---- main.c
extern Options option;
extern Handlers on;
extern int run;  // in every URI, so that one run never meets what the server may still keep of the last one
void fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
uint64_t now_ns(void);

// ---- socket.c
extern long connection_count, open_count, confirmed_count, error_count;
extern Connection **connections;
void prepare_connections(long most);
Connection *dial(void);
void hang_up(Connection *c);
void stop_reading(Connection *c);
void touch(Connection *c);
void opened(Connection *c);
void turn(int wait_ms);
void await_count(const long *count, long target, const char *what);
void open_sessions(long total);
bool await_line(char *line, size_t size);

// ---- websocket.c: frames of WebSocket and RawSocket, and batches
void send_handshake(Connection *c);
void send_message(Connection *c, Bytes *message);
void end_batch(Connection *c);
size_t take_handshake(Connection *c, const uint8_t *at, size_t length);
size_t take_frame(Connection *c, const uint8_t *at, size_t length, void (*take_message)(Connection *, const uint8_t *, size_t));

// ---- wamp.c
void send_call(Connection *c, uint64_t request, const char *uri);
void send_register(Connection *c, const char *uri, const char *key, const char *value);

// ---- payload.c: a text of option.bytes characters, the first eight of them a tag
extern char *payload;
void make_payload(void);
void set_tag(uint32_t tag);
uint32_t read_tag(const uint8_t *text);
void write_topic(char *to, size_t size, const char *topic, char separator, char wildcard);

// ---- latency.c: a histogram of at least 256 steps per power of two, so that a value is off by less than 0.4 %
typedef struct { uint32_t steps[56][512]; uint64_t count; } Histogram;
void record(Histogram *histogram, uint64_t ns);
double percentile_us(const Histogram *histogram, double share);
void print_percentiles(void);

// ---- measure.c
extern Histogram latencies;
extern uint64_t done_calls, done_events, done_publishes, done_joins, refused_calls;
void read_family(void);
// Runs through warm-up and window, then drains: `pending` must reach 0. Closed loop: `fill` sends what the window has room for.
// With --rate, `send_one` is called for each time of the schedule, with that time, and says whether there was room for it.
typedef struct {
  void (*fill)(void);
  bool (*send_one)(uint64_t due_ns);
  const uint64_t *pending, *progress;
} Load;
void measure(const Load *load);

// ---- the modes
void run_rpc(void);
void run_publish(void);
void run_idle(void);
void run_join(void);
void one_of_many(char *uri, size_t size, const Connection *c, uint64_t n);
void open_others(void);
#endif
