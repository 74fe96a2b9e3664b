import { linksSuite } from "../support/links-suite.ts";
import { ringWorld } from "../support/ring-world.ts";

// Rings so small that they are full all the time, and most messages go through them in pieces.
for (const ringBytes of [1_024, 16_384])
  linksSuite({
    name: `links over rings of ${ringBytes} bytes`,
    count: 3,
    bytes_max: 50_000,
    linkBytes_max: 100_000,
    runs: 200,
    open: (below) => ringWorld({ count: 3, ringBytes, linkBytes_max: 100_000, below }),
  });
