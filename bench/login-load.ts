/**
 * Logs in over RawSocket again and again, and says in one JSON line what it took: `login-load.js PORT PID REALM METHOD USERS AT_ONCE
 * WARM_S SECONDS [SECRET]`. PID is the router's: the CPU time of its first thread, which runs its JavaScript, and of all its threads.
 * With the method `none` there is nothing but HELLO. Secrets of `ticket` are asked for by a login with a password.
 */
import { readdirSync, readFileSync } from "node:fs";
import { connect as dial } from "node:net";
import { performance } from "node:perf_hooks";
import { connect } from "../src/client/index.ts";
import { type LoginMethod, loginMethod } from "./login-methods.ts";
import { password } from "./security-world.ts";

/** WAMP's numbers of the messages that are met here. */
const message = { hello: 1, welcome: 2, challenge: 4, authenticate: 5 } as const;
const roles = { caller: {}, callee: {}, publisher: {}, subscriber: {} };

export interface LoginSample {
  readonly logins: number;
  readonly logins_per_s: number;
  readonly thread_cpu_us: number;
  readonly all_cpu_us: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
  readonly own_cpu_share: number;
}

const [port = "", pid = "", realm = "", name = "", users = "1", atOnce = "1", warm_s = "0", seconds = "1"] =
  process.argv.slice(2);

/** Nanoseconds on a core, as the kernel counts them. */
const cpu_ns = (thread: string): number =>
  Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]);
const allCpu_ns = (): number =>
  readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => sum + cpu_ns(thread), 0);

/** RawSocket's, with JSON and the longest messages. */
const handshake = Buffer.from([0x7f, 0xf1, 0, 0]);
const frame = (value: unknown): Buffer => {
  const text = Buffer.from(JSON.stringify(value));
  const head = Buffer.alloc(4);
  head.writeUInt32BE(text.length);
  return Buffer.concat([head, text]);
};

const helloOf = (method: LoginMethod, authid: string): unknown => ({
  roles,
  ...(name === "none" ? {} : { authmethods: [method.authmethod] }),
  ...(name === "none" || name === "anonymous" ? {} : { authid }),
  ...(method.authextra === undefined ? {} : { authextra: method.authextra }),
});

/** One login, from the socket to WELCOME. Rejects with what the router said instead. */
const login = (method: LoginMethod, authid: string): Promise<void> =>
  new Promise((done, failed) => {
    const socket = dial({ port: Number(port), host: "127.0.0.1", noDelay: true });
    let pending: Buffer = Buffer.alloc(0);
    let isOpen = false;
    // Reset, not closed: thousands of ports would wait for stragglers else.
    const end = (cause?: unknown): void => {
      socket.resetAndDestroy();
      cause === undefined ? done() : failed(cause);
    };
    const take = async (text: string): Promise<void> => {
      const [type, , extra] = JSON.parse(text) as [number, unknown, Record<string, unknown>?];
      if (type === message.welcome) return end();
      if (type !== message.challenge || method.answer === undefined) throw new Error(text);
      socket.write(frame([message.authenticate, ...(await method.answer(extra ?? {}, authid))]));
    };
    socket.write(handshake);
    socket.write(frame([message.hello, realm, helloOf(method, authid)]));
    socket.on("error", failed);
    socket.on("close", () => failed(new Error("the router closed the connection")));
    socket.on("data", (chunk: Buffer) => {
      pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
      if (!isOpen && pending.length >= handshake.length) {
        isOpen = true;
        pending = pending.subarray(handshake.length);
      }
      if (!isOpen || pending.length < 4 || pending.length < 4 + pending.readUInt32BE()) return;
      const length = pending.readUInt32BE();
      const text = pending.subarray(4, 4 + length).toString();
      pending = pending.subarray(4 + length);
      take(text).catch(end);
    });
  });

const secretOf = async (): Promise<string> => {
  if (name !== "ticket") return process.argv[10] ?? "";
  const session = await connect({
    url: `tcp://127.0.0.1:${port}`,
    realm,
    auth: { methods: ["password"], authid: "user0", password },
  });
  const { args } = await session.call("bondy.ticket.issue");
  await session.leave();
  return String((args[0] as { readonly ticket: unknown }).ticket);
};

const main = async (): Promise<void> => {
  const method = loginMethod(name, await secretOf());
  const times: number[] = [];
  let turn = 0;
  const from_ms = performance.now() + Number(warm_s) * 1_000;
  const until_ms = from_ms + Number(seconds) * 1_000;
  const again = async (): Promise<void> => {
    for (let now = performance.now(); now < until_ms; now = performance.now()) {
      await login(method, `user${turn++ % Number(users)}`);
      const end = performance.now();
      if (end >= from_ms && end < until_ms) times.push(end - now);
    }
  };
  const mark = () => ({
    thread: cpu_ns(pid),
    all: allCpu_ns(),
    own: process.cpuUsage(),
    at: performance.now(),
  });
  const markAt = (at_ms: number): Promise<ReturnType<typeof mark>> =>
    new Promise((done) => setTimeout(() => done(mark()), at_ms - performance.now()));
  const marks = Promise.all([markAt(from_ms), markAt(until_ms)]);
  await Promise.all(Array.from({ length: Number(atOnce) }, again));
  const [from, to] = await marks;
  times.sort((a, b) => a - b);
  const wall_ms = to.at - from.at;
  const own = process.cpuUsage(from.own);
  const sample: LoginSample = {
    logins: times.length,
    logins_per_s: (times.length * 1_000) / wall_ms,
    thread_cpu_us: (to.thread - from.thread) / 1e3 / times.length,
    all_cpu_us: (to.all - from.all) / 1e3 / times.length,
    p50_ms: times[times.length >> 1] ?? Number.NaN,
    p99_ms: times[Math.floor(times.length * 0.99)] ?? Number.NaN,
    own_cpu_share: (own.user + own.system) / 1e3 / wall_ms,
  };
  process.stdout.write(`${JSON.stringify(sample)}\n`);
};

await main();
