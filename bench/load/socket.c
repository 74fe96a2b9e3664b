// Connections and the loop over them. Everything that one turn wants to send goes out at its end, one write a connection.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "load.h"

enum { READ_BYTES = 1 << 20 };

long connection_count, open_count, confirmed_count, error_count;
Connection **connections;
static int poll_fd;
static Connection **dirty;
static long dirty_count;

void prepare_connections(long most) {
  connections = calloc((size_t)most + 1, sizeof *connections);
  dirty = calloc((size_t)most + 1, sizeof *dirty);
  poll_fd = epoll_create1(0);
  if (!connections || !dirty || poll_fd < 0) fail("no room for %ld connections", most);
}
void touch(Connection *c) {
  if (c->dirty) return;
  c->dirty = true;
  dirty[dirty_count++] = c;
}
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
static void flush_all(void) {
  for (long i = 0; i < dirty_count; i++) { end_batch(dirty[i]); dirty[i]->dirty = false; flush(dirty[i]); }
  dirty_count = 0;
}
Connection *dial(void) {
  Connection *c = calloc(1, sizeof *c); int one = 1;
  if (!c || (c->fd = socket(AF_INET, SOCK_STREAM, 0)) < 0) fail("socket: %s", strerror(errno));
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  c->index = (uint32_t)connection_count;
  c->format = (uint8_t)(option.format == MIXED ? 1 + c->index % 3 : (uint32_t)option.format);
  if (c->index >= 20000) {  // One source address has about 28,000 ports: take 127.0.0.2 and on behind that.
    struct sockaddr_in from = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001u + c->index / 20000) };
    setsockopt(c->fd, IPPROTO_IP, 24 /* IP_BIND_ADDRESS_NO_PORT */, &one, sizeof one);
    if (bind(c->fd, (struct sockaddr *)&from, sizeof from)) fail("bind: %s", strerror(errno));
  }
  struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)option.port) };
  inet_pton(AF_INET, option.host, &to.sin_addr);
  if (connect(c->fd, (struct sockaddr *)&to, sizeof to)) fail("connect %u: %s", c->index, strerror(errno));
  fcntl(c->fd, F_SETFL, O_NONBLOCK);
  struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };
  epoll_ctl(poll_fd, EPOLL_CTL_ADD, c->fd, &event);
  connections[connection_count++] = c;
  option.protocol->greet(c);
  return c;
}
// The peer sees the connection end; nothing of it is left here but its number. Not from within its own frames.
void hang_up(Connection *c) {
  close(c->fd);
  free(c->in.data); free(c->out.data);
  connections[c->index] = connections[--connection_count];
  connections[c->index]->index = c->index;
  free(c);
}
// From now on what the server sends stays in the sockets' buffers, and behind them with the server.
void stop_reading(Connection *c) { epoll_ctl(poll_fd, EPOLL_CTL_DEL, c->fd, NULL); }
void opened(Connection *c) {
  c->phase = PHASE_OPEN;
  open_count++;
  if (on.open) on.open(c);
}
// Reads straight out of the receive buffer; only the incomplete rest of a frame is kept and copied.
static void read_connection(Connection *c) {
  static uint8_t buffer[READ_BYTES];
  ssize_t n = recv(c->fd, buffer, sizeof buffer, 0);
  if (n < 0 && errno == EAGAIN) return;
  if (n <= 0) fail("connection %u: %s", c->index, n ? strerror(errno) : "closed by the server");
  const uint8_t *data = buffer; size_t length = (size_t)n, at = 0, taken;
  bool joined = c->in.length > 0;
  if (joined) { put(&c->in, buffer, length); data = c->in.data; length = c->in.length; }
  do {
    taken = option.protocol->take(c, data + at, length - at);
    at += taken;
  } while (taken && at < length);
  if (!joined) { if (at < length) put(&c->in, data + at, length - at); return; }
  if (at) memmove(c->in.data, data + at, length - at);
  c->in.length = length - at;
}
void turn(int wait_ms) {
  struct epoll_event events[1024];
  flush_all();
  int n = epoll_wait(poll_fd, events, 1024, option.spin ? 0 : wait_ms);
  for (int i = 0; i < n; i++) {
    if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) read_connection(events[i].data.ptr);
    if (events[i].events & EPOLLOUT) flush(events[i].data.ptr);
  }
}
void await_count(const long *count, long target, const char *what) {
  uint64_t since = now_ns(); long seen = *count;
  while (*count < target) {
    turn(100);
    if (*count != seen) { seen = *count; since = now_ns(); }
    if (error_count) fail("refused while waiting for %s", what);
    if (now_ns() - since > PATIENCE_S * 1000000000ull) fail("waited in vain for %s: %ld of %ld", what, *count, target);
  }
}
void open_sessions(long total) {
  while (connection_count < total) {
    dial();
    turn(0);
    if (connection_count - open_count > OPENING_MAX) await_count(&open_count, connection_count - OPENING_MAX / 2, "sessions");
  }
  await_count(&open_count, total, "sessions");
}
// The next line on stdin, while the sessions stay alive: the server's pings are answered meanwhile. False at the end of stdin.
bool await_line(char *line, size_t size) {
  for (ssize_t n; (n = read(STDIN_FILENO, line, size - 1));) {
    if (n > 0) { line[n] = 0; return true; }
    if (errno != EAGAIN) return false;
    struct pollfd either[2] = { { .fd = STDIN_FILENO, .events = POLLIN }, { .fd = poll_fd, .events = POLLIN } };
    poll(either, 2, -1);
    if (either[1].revents) turn(0);
  }
  return false;
}
