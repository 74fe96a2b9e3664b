/**
 * Sessions at three routers register, call, answer, cancel and leave at random, and routers die, while messages between them are under
 * way in any order: each call of a session that stays gets one reply, and nothing is left in the end. Set SEED to repeat the choices
 * (not the order in which messages arrive).
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { clientRoles } from "../../src/client/join.ts";
import type { ClientTransport } from "../../src/client/transport.ts";
import { decodeMessage, encodeMessage } from "../../src/protocol/encoding.ts";
import { Message } from "../../src/protocol/messages.ts";
import { Serializer } from "../../src/protocol/serializers.ts";
import { MemoryConnection } from "../support/memory-connection.ts";
import { busyLinks, PeerWorld } from "../support/peer-world.ts";
import { attach } from "../support/router-legs.ts";
import { nothingLeft } from "../support/router-suite.ts";
import { until } from "../support/wire.ts";

const seed = Number(process.env["SEED"] ?? Date.now() & 0x7fffffff);
const procedures = ["com.single", "com.roundrobin", "com.first", "com.queue_least_loaded", "com.random"];

function chooser(from: number): (n: number) => number {
  let state = from >>> 0;
  return (n) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

/** A client that does what it is told and answers what it is asked, after a while. */
class Actor {
  readonly router: number;
  readonly #transport: ClientTransport;
  #request = 0;
  isJoined = false;
  isGone = false;
  readonly calls = new Map<number, string>();
  readonly registrations = new Map<number, string>();
  readonly #wished = new Map<number, string>();
  /** Registrations that it has given up, by request. */
  readonly #leaving = new Map<number, number>();
  /** What should not have happened. */
  readonly faults: string[] = [];
  readonly invocations: number[] = [];
  readonly replies = { results: 0, errors: new Map<string, number>() };

  constructor(world: PeerWorld, router: number, serializer: Serializer) {
    this.router = router;
    this.#transport = attach(world, new MemoryConnection({ serializer }));
    this.#transport.onFrame = (bytes) => this.#on(decodeMessage(serializer, bytes));
    this.#transport.onClose = () => {
      this.isGone = true;
    };
    this.#send([Message.hello, "realm1", { roles: clientRoles }]);
  }
  #send(message: readonly unknown[]): void {
    this.#transport.send(encodeMessage(this.#transport.serializer, message));
  }
  register(procedure: string, concurrency: number): void {
    const request = ++this.#request;
    this.#wished.set(request, procedure);
    const invoke = procedure.slice(4);
    this.#send([
      Message.register,
      request,
      concurrency === 0 ? { invoke } : { invoke, concurrency },
      procedure,
    ]);
  }
  unregister(registration: number): void {
    const request = ++this.#request;
    this.#leaving.set(request, registration);
    this.#send([Message.unregister, request, registration]);
  }
  isLeaving(registration: number): boolean {
    return [...this.#leaving.values()].includes(registration);
  }
  call(procedure: string): void {
    const request = ++this.#request;
    this.calls.set(request, procedure);
    this.#send([Message.call, request, {}, procedure, [request]]);
  }
  cancel(request: number, mode: string): void {
    this.#send([Message.cancel, request, { mode }]);
  }
  answer(at: number, isError: boolean): void {
    const [invocation] = this.invocations.splice(at, 1);
    if (isError) this.#send([Message.error, Message.invocation, invocation, {}, "wamp.error.unavailable"]);
    else this.#send([Message.yield, invocation, {}]);
  }
  leave(): void {
    this.isGone = true;
    this.#transport.close();
  }

  #on(message: readonly unknown[]): void {
    const [type] = message;
    if (type === Message.welcome) this.isJoined = true;
    else if (type === Message.invocation) {
      this.#expect(this.registrations.has(message[2] as number), "INVOCATION without registration");
      this.invocations.push(message[1] as number);
    } else if (type === Message.registered) {
      this.registrations.set(message[2] as number, this.#wished.get(message[1] as number)!);
    } else if (type === Message.unregistered) {
      this.registrations.delete(this.#leaving.get(message[1] as number)!);
      this.#leaving.delete(message[1] as number);
    } else if (type === Message.result) {
      this.#expect(this.calls.delete(message[1] as number), "a second reply");
      this.replies.results++;
    } else if (type === Message.error && message[1] === Message.call) {
      this.#expect(this.calls.delete(message[2] as number), "a second reply");
      const { errors } = this.replies;
      errors.set(message[4] as string, (errors.get(message[4] as string) ?? 0) + 1);
    } else if (type === Message.abort) this.faults.push(JSON.stringify(message));
  }
  #expect(isSo: boolean, fault: string): void {
    if (!isSo) this.faults.push(fault);
  }
}

const turn = (): Promise<void> => new Promise((done) => setImmediate(done));

test("sessions of three routers call each other at random, and routers die", async (t) => {
  t.diagnostic(`seed ${seed}`);
  const below = chooser(seed);
  const at: number[] = [];
  const world = await PeerWorld.start({ count: 3, ...busyLinks, place: () => at.shift()! });
  const all: Actor[] = [];
  const join = (router: number): Actor => {
    at.push(router);
    const actor = new Actor(world, router, Object.values(Serializer)[below(3)]!);
    all.push(actor);
    return actor;
  };
  const actors = Array.from({ length: 9 }, (_, i) => join(i % 3));
  const steps = 6_000;
  for (let step = 0; step < steps; step++) {
    const place = below(actors.length);
    const actor = actors[place]!;
    if (actor.isGone) actors[place] = join(actor.router);
    else if (actor.isJoined) act(actor, below);
    if (below(400) === 0) {
      actor.leave();
    } else if (step % 1_500 === 1_499) await restart(world, below(3), all);
    if (below(3) === 0) await turn();
  }
  await settle(all);
  assert.deepEqual(
    all.flatMap(({ faults }) => faults),
    [],
  );
  const results = all.reduce((sum, { replies }) => sum + replies.results, 0);
  t.diagnostic(`${results} results, errors ${JSON.stringify(summed(all))}`);
  assert.ok(results > steps / 10, `${results} results`);
  for (const actor of all) if (!actor.isGone) actor.leave();
  await until("all connections are gone", () => world.stats().connections === 0);
  await until("all routers know it", () => world.stats().patterns === 0);
  await until("no call is left", () => world.stats().pendingCalls === 0);
  assert.deepEqual(world.stats(), nothingLeft);
  for (const { core } of world.peers) assert.equal(core.calls.pending.count, 0);
  await world.close();
});

function act(actor: Actor, below: (n: number) => number): void {
  const what = below(20);
  if (what < 2) {
    const procedure = procedures[below(procedures.length)]!;
    if (![...actor.registrations.values()].includes(procedure)) actor.register(procedure, below(3));
  } else if (what < 3) {
    const registration = [...actor.registrations.keys()].find((id) => !actor.isLeaving(id));
    if (registration !== undefined) actor.unregister(registration);
  } else if (what < 10) actor.call(procedures[below(procedures.length)]!);
  else if (what < 11) {
    const [request] = actor.calls.keys();
    if (request !== undefined) actor.cancel(request, ["skip", "kill", "killnowait"][below(3)]!);
  } else if (actor.invocations.length > 0) actor.answer(below(actor.invocations.length), below(8) === 0);
}

async function restart(world: PeerWorld, router: number, all: readonly Actor[]): Promise<void> {
  world.takeDown(router);
  for (const actor of all) if (actor.router === router && !actor.isGone) actor.leave();
  for (let turns = 0; turns < 20; turns++) await turn();
  await until("its sessions are gone", () => world.peers[router]!.host.stats().connections === 0);
  world.bringUp(router);
}

/** Everybody answers until every call has its reply. */
async function settle(all: readonly Actor[]): Promise<void> {
  const waiting = (): Actor[] => all.filter(({ isGone, calls }) => !isGone && calls.size > 0);
  await until("every call has its reply", () => {
    for (const actor of all) while (!actor.isGone && actor.invocations.length > 0) actor.answer(0, false);
    return waiting().length === 0;
  });
}

function summed(all: readonly Actor[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const { replies } of all)
    for (const [uri, count] of replies.errors) sums[uri] = (sums[uri] ?? 0) + count;
  return sums;
}
