/**
 * A program with a router of two workers, and what becomes of it: `node workers-program.js ADAPTER WAY`. It prints "ready" when both
 * have a session, and then goes the way that it was told.
 */
import type { AdapterName } from "../../src/transport/select.ts";
import { until } from "./wire.ts";
import { WorkersRig } from "./workers-rig.ts";

const [, , adapter, way] = process.argv;
const limits = { goodbye_ms: 100 };
const rig = await WorkersRig.open(2, { websocket: { port: 0 }, transport: adapter as AdapterName, limits });
await rig.joinAll();
process.stdout.write("ready\n");
switch (way) {
  case "close":
    await rig.close();
    break;
  case "exit":
    process.exit(7);
    break;
  case "throw":
    setTimeout(() => {
      throw new Error("nothing catches it");
    });
    break;
  case "spin":
    rig.commit({ place: 1, kind: "spin" });
    await rig.close();
    break;
  default:
    rig.commit({ place: 1, kind: "memory" });
    await until("another worker is there", () => rig.logged(/another takes its place/) !== undefined);
    await rig.joinAll();
    process.stdout.write("again\n");
    await rig.close();
}
