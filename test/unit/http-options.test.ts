/** What is made of the options of WAMP over plain HTTP, and that mistakes in them are found at the start. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { limitsFrom } from "../../src/base/limits.ts";
import { silentLog } from "../../src/base/log.ts";
import { type HttpOptions, httpTransports } from "../../src/transport/http-options.ts";
import { FakeExchange } from "../support/fake-exchange.ts";
import { VirtualScheduler } from "../support/virtual-scheduler.ts";

const made = (options: boolean | HttpOptions) =>
  httpTransports(options, {
    accept: () => null,
    limits: limitsFrom({}),
    scheduler: new VirtualScheduler(),
    fillRandom: (words) => words,
    log: silentLog,
  });

/** The paths at which something can be opened. */
function served(options: boolean | HttpOptions): string[] {
  const paths = ["/wamp/longpoll", "/wamp/sse", "/lp", "/a/b"];
  return paths.filter((path) => made(options)?.handle(new FakeExchange({ path: `${path}/open` })) === true);
}

test("long-poll and event streams are served where Bondy has them, unless they are switched off or moved", () => {
  assert.deepEqual(served(true), ["/wamp/longpoll", "/wamp/sse"]);
  assert.deepEqual(served({}), ["/wamp/longpoll", "/wamp/sse"]);
  assert.deepEqual(served({ longpoll: "/lp", sse: true }), ["/wamp/sse", "/lp"]);
  assert.deepEqual(served({ longpoll: false, sse: "/a/b" }), ["/a/b"]);
  assert.equal(made(false), null);
  assert.equal(made({ longpoll: false, sse: false }), null);
});

test("a path that is none, or that both should have, is refused in one line", () => {
  for (const path of ["", "/", "lp", "/lp/", "/l p", "/lp?x", "/:id", "/*", "//lp"])
    assert.throws(() => made({ longpoll: path }), /^Error: the HTTP path .* must start with "\/"/, path);
  assert.throws(() => made({ longpoll: "/a", sse: "/a" }), /paths of their own/);
});

test("limits that leave no room for anything are refused", () => {
  for (const wrong of [
    { poll_ms: 0 },
    { httpIdle_ms: 0 },
    { sseKeepAlive_ms: 0 },
    { httpQueueMessages_max: 0 },
    { httpSends_max: 0 },
    { httpBodiesBytes_max: 1_000 },
  ])
    assert.throws(() => limitsFrom(wrong), JSON.stringify(wrong));
  assert.equal(limitsFrom({ frameBytes_max: 1 << 24 }).httpBodiesBytes_max, 64 << 20);
});
