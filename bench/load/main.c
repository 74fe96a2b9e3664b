// Options and start of the load generator.
#include <getopt.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <unistd.h>
#include "load.h"

Options option = { .host = "127.0.0.1", .path = "/ws", .realm = "realm1", .steps = "1000", .protocol = &wamp, .port = 18080,
                   .format = MSGPACK, .callers = 16, .callees = 1, .window = 64, .subscribers = 10, .patterns = 1000,
                   .bytes = 100, .users = 1, .seconds = 2, .warm = 0.5 };
Handlers on;
int run;

void fail(const char *format, ...) {
  va_list list;
  va_start(list, format); fputs("load: ", stderr); vfprintf(stderr, format, list); fputc('\n', stderr);
  exit(1);
}
// As many connections as the mode can have open at once.
static long most_connections(void) {
  long most = 0;
  char *steps = strdup(option.steps);
  for (char *step = strtok(steps, ","); step; step = strtok(NULL, ",")) if (atol(step) > most) most = atol(step);
  free(steps);
  if (!strcmp(option.mode, "join")) most = option.window * 2;
  else if (!strcmp(option.mode, "rpc")) most = option.callers + option.callees;
  else if (strcmp(option.mode, "idle")) most = option.subscribers + 1;
  return most + option.others;
}
static void raise_limits(long most) {
  struct rlimit limit; long wanted = most + 64;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_max != RLIM_INFINITY && (long)limit.rlim_max < wanted)
    fail("%ld open files are needed, the hard limit is %ld: raise it (ulimit -Hn) or ask for fewer sessions",
         wanted, (long)limit.rlim_max);
}
static void usage(void) {
  fail("usage: load rpc|fanout|wild|idle|join|percentiles [options]\n"
       "  --port N --host IP --protocol wamp|nats|mqtt --pid SERVER\n"
       "  --path /ws --realm URI --transport websocket|rawsocket --format json|msgpack|cbor|mixed\n"
       "  --batched N (the batched subprotocols, with up to N messages in each batch sent)\n"
       "  --loose (the router writes arguments anew: look for the payload instead of expecting it at its place)\n"
       "  --star (the router's wildcard is a `*`, and it wants no option)\n"
       "  --bytes N --seconds S --warm S --window N --spin (never sleep: for latencies)\n"
       "  --rate N (open loop: N a second at times of their own, whatever the server does; latencies count from those times)\n"
       "  --turns (the sessions stay, and each line on stdin, seconds and warm-up, asks for a window)\n"
       "  rpc: --callers N --callees N --shared (one procedure, by `roundrobin`)    fanout: --subscribers N --slow N    wild: --subscribers N --patterns N\n"
       "  --authid PREFIX --users N (log in by `trust` as PREFIX0 … PREFIX<N-1>)  --others N (that many sessions more, silent)\n"
       "  --uris N (so many procedures or topics, in turn)  --fresh (each message about a new one, of one prefix registration)\n"
       "  idle: --steps N,N    join: --window N    percentiles: nanoseconds on stdin, one a line");
}
static int format_named(const char *name) {
  return !strcmp(name, "json") ? JSON : !strcmp(name, "cbor") ? CBOR : !strcmp(name, "mixed") ? MIXED : MSGPACK;
}
static void read_options(int argc, char **argv) {
  static const struct option names[] = { { "port", 1, 0, 'p' }, { "host", 1, 0, 'h' }, { "path", 1, 0, 'u' }, { "realm", 1, 0, 'r' },
    { "transport", 1, 0, 't' }, { "format", 1, 0, 'f' }, { "pid", 1, 0, 'P' }, { "bytes", 1, 0, 'b' }, { "seconds", 1, 0, 's' },
    { "warm", 1, 0, 'w' }, { "window", 1, 0, 'W' }, { "spin", 0, 0, 'S' }, { "batched", 1, 0, 'B' }, { "callers", 1, 0, 'c' },
    { "callees", 1, 0, 'C' }, { "subscribers", 1, 0, 'n' }, { "patterns", 1, 0, 'N' }, { "steps", 1, 0, 'i' },
    { "authid", 1, 0, 'a' }, { "users", 1, 0, 'U' }, { "uris", 1, 0, 'k' }, { "fresh", 0, 0, 'F' }, { "others", 1, 0, 'o' },
    { "protocol", 1, 0, 'X' }, { "rate", 1, 0, 'R' }, { "slow", 1, 0, 'l' }, { "loose", 0, 0, 'L' }, { "star", 0, 0, '*' }, { "shared", 0, 0, '=' },
    { "turns", 0, 0, 'T' }, { 0 } };
  for (int name; (name = getopt_long(argc - 1, argv + 1, "", names, NULL)) != -1;) switch (name) {
    case 'p': option.port = atoi(optarg); break;          case 'h': option.host = optarg; break;
    case 'u': option.path = optarg; break;                case 'r': option.realm = optarg; break;
    case 't': option.raw = optarg[0] == 'r'; break;       case 'P': option.pid = atoi(optarg); break;
    case 'f': option.format = format_named(optarg); break;
    case 'b': option.bytes = atol(optarg); break;         case 's': option.seconds = atof(optarg); break;
    case 'w': option.warm = atof(optarg); break;          case 'W': option.window = atol(optarg); break;
    case 'S': option.spin = true; break;                  case 'c': option.callers = atol(optarg); break;
    case 'C': option.callees = atol(optarg); break;       case 'n': option.subscribers = atol(optarg); break;
    case 'N': option.patterns = atol(optarg); break;      case 'i': option.steps = optarg; break;
    case 'a': option.authid = optarg; break;              case 'U': option.users = atol(optarg); break;
    case 'k': option.uris = atol(optarg); break;          case 'F': option.fresh = true; break;
    case 'o': option.others = atol(optarg); break;        case 'B': option.batched = atol(optarg); break;
    case 'R': option.rate = atof(optarg); break;          case 'l': option.slow = atol(optarg); break;
    case 'L': option.loose = true; break;                 case '*': option.star = true; break;
    case '=': option.shared = true; break;                case 'T': option.turns = true; break;
    case 'X': option.protocol = optarg[0] == 'n' ? &nats : optarg[0] == 'm' ? &mqtt : &wamp; break;
    default: usage();
  }
  if (option.bytes < TAG_BYTES || option.window < 1 || option.callees < 1 || option.subscribers < 1) fail("a number is out of range");
  if (option.users < 1 || option.uris < 0 || option.others < 0 || (option.uris && option.fresh)) fail("a number is out of range");
  if (option.shared && (option.uris || option.fresh)) fail("--shared is about one procedure");
  if (option.batched < 0 || (option.batched && option.raw)) fail("batches are for WebSocket");
  if (option.rate < 0 || option.slow < 0 || (option.slow && option.others)) fail("a number is out of range");
  if (option.protocol != &wamp && !strcmp(option.mode, "rpc")) fail("calls are for WAMP");
}
int main(int argc, char **argv) {
  if (argc < 2) usage();
  option.mode = argv[1];
  read_options(argc, argv);
  run = getpid() % 1000000;
  long most = most_connections();
  raise_limits(most);
  prepare_connections(most);
  make_payload();
  read_family();
  if (!strcmp(option.mode, "rpc")) run_rpc();
  else if (!strcmp(option.mode, "fanout") || !strcmp(option.mode, "wild")) run_publish();
  else if (!strcmp(option.mode, "idle")) run_idle();
  else if (!strcmp(option.mode, "join")) run_join();
  else if (!strcmp(option.mode, "percentiles")) print_percentiles();
  else usage();
  return 0;
}
