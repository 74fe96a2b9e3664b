import assert from "node:assert/strict";
import { test } from "node:test";
import { groupOf, parsePerf } from "../../bench/profile-groups.ts";

const report = `# Samples: 165  of event 'cpu-clock'
#
# Overhead|Shared Object         |Symbol                                                  |IPC   [IPC Coverage]
 40.00% |[kernel.kallsyms]     |[k] tcp_sendmsg_locked                                    |-      -            
 12.50% |[JIT] tid 26663       |[.] JS:*#send file:///opt/spanwire/build/src/router/broker/fan-out.js:72:10 |-      -
 11.52% |node                  |[.] v8::ArrayBuffer::GetBackingStore
  5.00% |[JIT] tid 26664       |[.] JS:~#send file:///opt/spanwire/build/src/router/broker/fan-out.js:72:10 |-      -
  4.00% |[JIT] tid 26663       |[.] JS:*wasm-function[131]-131-turbofan                   |-      -
  3.00% |node                  |[.] v8::internal::Scavenger::ScavengeObject<v8::internal::FullHeapObjectSlot>
  2.00% |uws_linux_x64_115.node|[.] 0x00000000000c694f
  1.50% |libc.so.6             |[.] __send
  1.00% |node                  |[.] Builtins_LoadIC
  0.50% |[JIT] tid 11          |[.] 0x00007f3212345678
`;

test("perf's report becomes shares by symbol, those of one function in one line", () => {
  const shares = parsePerf(report);
  assert.deepEqual(
    shares.map((one) => [one.symbol, groupOf(one), Math.round(one.share * 10_000)]),
    [
      ["tcp_sendmsg_locked", "operating system", 4_000],
      ["JS:#send /router/broker/fan-out.js:72:10", "JavaScript", 1_750],
      ["v8::ArrayBuffer::GetBackingStore", "runtime", 1_152],
      ["JS:wasm-function[131]-131-turbofan", "WASM", 400],
      [
        "v8::internal::Scavenger::ScavengeObject<v8::internal::FullHeapObjectSlot>",
        "garbage collection",
        300,
      ],
      ["0x00000000000c694f", "uWebSockets.js", 200],
      ["__send", "C library", 150],
      ["Builtins_LoadIC", "JavaScript", 100],
      ["0x00007f3212345678", "compiled code without names", 50],
    ],
  );
});

test("a report without samples has no shares", () => {
  assert.deepEqual(parsePerf("# Total Lost Samples: 0\n#\n"), []);
});
