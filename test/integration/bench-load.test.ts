// The load generator, and the report from end to end: on a control row and on the router, with few and short measurements.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { compileLoad, found, freePort } from "../../bench/child.ts";
import { Generators, runLoad } from "../../bench/generator.ts";
import { findPeers } from "../../bench/peer-rows.ts";
import type { Report } from "../../bench/report-types.ts";
import { startRow } from "../../bench/router.ts";
import { control, spanwire } from "../../bench/rows.ts";
import type { Sample } from "../../bench/samples.ts";
import { checkMarkup } from "../support/markup.ts";

const hasCompiler = ["cc", "gcc", "clang"].some(found);
const compiled = {
  skip: hasCompiler ? false : "no C compiler (cc) for the load generator",
  timeout: 240_000,
};
const root = fileURLToPath(new URL("../../..", import.meta.url));
const out = join(tmpdir(), `bench-report-${process.pid}`);
after(() => rmSync(out, { recursive: true, force: true }));

interface Percentiles {
  readonly count: number;
  readonly p50_us: number;
  readonly p99_us: number;
  readonly p999_us: number;
  readonly p100_us: number;
}

const percentiles = (values_ns: readonly number[]): Percentiles => {
  const { stdout } = spawnSync(compileLoad(), ["percentiles"], {
    input: values_ns.join("\n"),
    encoding: "utf8",
  });
  return JSON.parse(stdout) as Percentiles;
};

test("the generator's histogram is exact below 512 ns and within 0.4 % above", compiled, () => {
  const small = percentiles(Array.from({ length: 512 }, (_, ns) => ns));
  assert.equal(small.count, 512);
  assert.equal(small.p50_us, 0.256);
  assert.equal(small.p100_us, 0.511);
  for (const scale of [1_000, 77_777, 12_345_678]) {
    const values = Array.from({ length: 10_000 }, (_, i) => (i + 1) * scale);
    const { count, ...shares } = percentiles(values);
    assert.equal(count, 10_000);
    const rank = { p50_us: 5_000, p99_us: 9_900, p999_us: 9_990, p100_us: 9_999 };
    for (const [share, index] of Object.entries(rank)) {
      const exact = values[index]! / 1_000;
      const measured = shares[share as keyof typeof shares];
      assert.ok(
        measured <= exact && measured > exact * 0.996,
        `${share} of ${scale}: ${measured}, ${exact} is right`,
      );
    }
  }
});

test("a histogram of nothing says 0", compiled, () => {
  assert.deepEqual(percentiles([]), { count: 0, p50_us: 0, p99_us: 0, p999_us: 0, p100_us: 0 });
});

test("the generator says why it cannot go on", compiled, async () => {
  const load = (args: readonly string[]): string =>
    spawnSync(compileLoad(), [...args, "--port", String(port)], { encoding: "utf8" }).stderr;
  const port = await freePort();
  assert.match(load(["fanout"]), /load: connect 0: /);
  assert.match(load(["dance"]), /usage: load rpc\|fanout/);
  assert.match(load(["rpc", "--protocol", "mqtt"]), /calls are for WAMP/);
});

test("calls that a server refuses are counted in an open loop, and end a closed one", compiled, async () => {
  const file = `${out}-limits.yaml`;
  writeFileSync(file, "limits:\n  callsPerSession_max: 4\n");
  const row = spanwire("node");
  const router = await startRow({ ...row, command: (ports) => [...row.command(ports), "--config", file] });
  const timing = { window_s: 0.3, warm_s: 0.1, patience_ms: 60_000 };
  try {
    const sample = await runLoad(router, ["rpc", "--callers", "1", "--rate", "20000"], timing);
    assert.ok(sample["refused_calls"]! > 0 && sample["calls"]! > 0, JSON.stringify(sample));
    const gentle = await runLoad(router, ["rpc", "--callers", "1", "--window", "4"], timing);
    assert.equal(gentle["errors"], 0);
    await assert.rejects(
      runLoad(router, ["rpc", "--callers", "1", "--window", "5"], timing),
      /calls or publishes failed/,
    );
  } finally {
    await router.stop();
    rmSync(file);
  }
});

test(
  "a generator that stays measures window after window with the same sessions, and says why it ended",
  compiled,
  async () => {
    const router = await startRow(control("node"));
    const generators = new Generators();
    let begun = 0;
    const args = (): readonly string[] => {
      begun++;
      return ["rpc", "--callers", "3", "--window", "2"];
    };
    const timing = { window_s: 0.1, warm_s: 0.01, patience_ms: 60_000 };
    const window = (): Promise<Sample> => generators.window("a", router, { args, firstWarm_s: 0.05 }, timing);
    try {
      for (const _ of [1, 2, 3]) {
        const sample = await window();
        assert.ok(sample["calls"]! > 0 && sample["router_cpu_us_per_call"]! > 0);
        assert.ok(sample["busiest_thread_us_per_call"]! > 0);
      }
      assert.equal(begun, 1);
      await router.stop();
      await assert.rejects(window(), /load: connection \d+: /);
      await assert.rejects(window(), /load: connect 0: /);
    } finally {
      await generators.stopAll();
      await router.stop();
    }
  },
);

/** The report is made on Node, whatever its rows run on. */
const onNode = process.versions["bun"] === undefined ? compiled : { ...compiled, skip: "made on Node only" };

test("a quick report of a control row and the router is complete and sane", onNode, () => {
  const rows = ["control node", "spanwire node"];
  const names = ["fanout", "latency", "join"];
  const script = join(root, "build/bench/report.js");
  const options = ["--quick", "--rows", rows.join(","), "--out", out];
  const { status, stderr, stdout } = spawnSync("node", [script, ...options, ...names], {
    encoding: "utf8",
    cwd: root,
  });
  assert.equal(status, 0, `${stdout}\n${stderr.slice(-3_000)}`);
  const report = JSON.parse(readFileSync(join(out, "report.json"), "utf8")) as Report;
  assert.deepEqual(
    report.sections.map(({ name }) => name),
    names,
  );
  assert.deepEqual(report.rows.map(({ name }) => name).sort(), rows);
  for (const { name, chart, measurements } of report.sections) {
    assert.ok(measurements.length > 0, name);
    for (const one of measurements) {
      assert.equal(one.problem, undefined);
      assert.ok(one.values[chart.key]!.value > 0, `${name} ${one.point} ${one.row}`);
    }
  }
  const fanout = report.sections[0]!.measurements;
  assert.deepEqual([...new Set(fanout.map(({ point }) => point))], ["1", "10", "1000"]);
  assert.ok(fanout.every(({ row, ratios }) => row !== "spanwire node" || ratios["control node"]!.value > 0));
  // What was due was sent: calls on a schedule are as many as the schedule has, give or take a busy machine.
  const latency = report.sections[1]!.measurements.filter(({ point }) => point === "25 %");
  for (const { values } of latency) assert.ok(values["calls_per_s"]!.value > values["rate"]!.value * 0.3);
  assert.deepEqual(checkMarkup(readFileSync(join(out, "report.html"), "utf8")), []);
});

const brokers = findPeers().rows.filter(({ name }) => name === "nats-server" || name === "mosquitto");
for (const name of ["nats-server", "mosquitto"]) {
  const row = brokers.find((one) => one.name === name);
  const skip = !hasCompiler ? compiled.skip : row === undefined ? `${name} is not installed` : false;
  test(`the generator measures ${name} with the same topology and checks`, {
    ...compiled,
    skip,
  }, async () => {
    const broker = await startRow(row!);
    try {
      const timing = { window_s: 0.2, warm_s: 0.1, patience_ms: 60_000 };
      for (const args of [
        ["fanout", "--subscribers", "7"],
        ["wild", "--subscribers", "5", "--patterns", "100", "--bytes", "3000"],
        ["fanout", "--subscribers", "3", "--rate", "200"],
        ["join", "--window", "2"],
      ]) {
        const sample = await runLoad(broker, [...args, ...row!.load!], timing);
        assert.equal(sample["errors"], 0);
        assert.ok((sample["events"] ?? sample["joins"])! > 0);
        assert.ok(sample["router_cpu_share"]! > 0);
      }
    } finally {
      await broker.stop();
    }
  });
}
