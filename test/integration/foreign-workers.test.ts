// Clients that others wrote, through the real command with two workers: the same as with one.
process.env["SPANWIRE_WORKERS"] = "2";
await import("./foreign-clients.test.ts");
await import("./foreign-python.test.ts");
