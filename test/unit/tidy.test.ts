/**
 * The architecture as a test: who may import whom, what the portable core may not touch, how long files and functions are, and
 * that documents name files that exist. Reads the sources of the checkout; every check fails when it saw nothing.
 */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../..", import.meta.url));

/** Folder → folders it may import. A leaf sees `base`, `protocol` and `ports` and never another leaf. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  base: [],
  protocol: ["base"],
  ports: ["base", "protocol"],
  wasm: ["base", "protocol", "ports"],
  router: ["base", "protocol", "ports", "wasm"],
  session: ["base", "protocol", "ports", "wasm", "router"],
  store: ["base", "protocol", "ports"],
  security: ["base", "protocol", "ports"],
  auth: ["base", "protocol", "ports", "security"],
  config: ["base", "protocol", "ports", "security"],
  admin: ["base", "protocol", "ports", "security", "router", "wasm"],
  transport: ["base", "protocol", "ports"],
  workers: ["base", "protocol", "ports"],
  client: ["base", "protocol"],
  host: ["base", "protocol", "ports"],
  main: ["*"],
  index: ["*"],
  cli: ["*"],
};

/** Folders that must run anywhere JavaScript runs: no Node, no Bun, no timers. */
const portable = ["base", "protocol", "wasm", "router", "session"];
const portableForbidden = /\b(node:[a-z_/]+|Buffer|Bun|process|setTimeout|setInterval|setImmediate)\b/;

interface Source {
  readonly path: string;
  readonly folder: string;
  readonly text: string;
}

function filesIn(folder: string, ending: string): string[] {
  const path = join(root, folder);
  if (!existsSync(path)) return [];
  return readdirSync(path, { withFileTypes: true }).flatMap((entry) => {
    const name = join(folder, entry.name);
    if (name === "bench/out") return []; // Not ours: what was fetched to be compared with.
    if (entry.isDirectory()) return filesIn(name, ending);
    return name.endsWith(ending) ? [name] : [];
  });
}

function sources(folder: string): Source[] {
  return filesIn(folder, ".ts").map((path) => {
    const [, second = ""] = path.split("/");
    return { path, folder: second.replace(/\.ts$/, ""), text: readFileSync(join(root, path), "utf8") };
  });
}

/** The text without comments and string contents that are not imports. */
const code = (text: string): string => text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");

const importsOf = (text: string): string[] =>
  [...code(text).matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].map(([, specifier]) => specifier!);

const src = sources("src");

test("every import in src follows the import table", () => {
  const problems: string[] = [];
  let seen = 0;
  for (const { path, folder, text } of src) {
    const allowed = mayImport[folder];
    if (allowed === undefined) problems.push(`${path}: folder ${folder} is not in the import table`);
    for (const specifier of importsOf(text).filter((name) => name.startsWith("."))) {
      seen++;
      const target = relative(root, resolve(root, dirname(path), specifier));
      const targetFolder = (target.split("/")[1] ?? "").replace(/\.ts$/, "");
      if (!target.startsWith("src/")) problems.push(`${path} imports ${target}, outside src`);
      else if (targetFolder !== folder && !allowed?.includes("*") && !allowed?.includes(targetFolder))
        problems.push(`${path} imports ${target}: ${folder} may import ${allowed?.join(", ") || "nothing"}`);
    }
  }
  assert.deepEqual(problems, []);
  assert.ok(src.length > 30 && seen > 100, `saw ${src.length} files and ${seen} imports`);
});

test("base, protocol, wasm, router and session touch neither Node nor Bun nor timers", () => {
  const files = src.filter(({ folder }) => portable.includes(folder));
  const problems = files.flatMap(({ path, text }) => {
    const found = portableForbidden.exec(code(text).replace(/"(?!node:)[^"\n]*"|`[^`]*`/g, '""'));
    return found === null ? [] : [`${path}: ${found[0]}`];
  });
  assert.deepEqual(problems, []);
  assert.ok(files.length > 20);
});

test("WebAssembly is named only in src/wasm", () => {
  const naming = src.filter(({ text }) => /\bWebAssembly\b/.test(code(text)));
  assert.ok(naming.length > 0);
  assert.deepEqual(
    naming.filter(({ folder }) => folder !== "wasm").map(({ path }) => path),
    [],
  );
});

test("native and runtime-specific modules are named only in their one file", () => {
  const home: Readonly<Record<string, string>> = {
    "uWebSockets.js": "src/transport/uws.ts",
    ws: "src/transport/ws.ts",
    lmdb: "src/store/lmdb.ts",
  };
  for (const [name, file] of Object.entries(home)) {
    // Statically, by `import()` or through `createRequire`: in each the name stands as a string behind one of these.
    const loading = new RegExp(`(?:from |import\\(|\\)\\()"${name.replace(".", "\\.")}"`);
    const users = src.filter(({ text }) => loading.test(code(text)));
    assert.ok(
      users.some(({ path }) => path === file),
      `${file} does not load ${name}`,
    );
    // ws.ts may be several files; the client and the demo have their own use for it.
    const belongs = (path: string): boolean =>
      path.startsWith(file.replace(".ts", "")) || /^src\/cl(ient|i)\//.test(path);
    const strangers = users.map(({ path }) => path).filter((path) => !belongs(path));
    assert.deepEqual(strangers, []);
  }
});

test("the data plane has no await, no Promise and no log line", () => {
  const hot = [
    "broker/broker",
    "broker/fan-out",
    "broker/selective-fan-out",
    "dealer/dealer",
    "dealer/calls",
    "dealer/pending",
    "memberships",
    "patterns",
    "dealer/callee-choice",
    "deadlines",
    "dealer/invocation-details",
  ].map((name) => `src/router/${name}.ts`);
  hot.push("src/session/outbox.ts", "src/wasm/codec.ts", "src/wasm/index.ts");
  hot.push("src/session/intake.ts", "src/session/large-frames.ts", "src/session/overload.ts");
  hot.push("src/protocol/batches.ts", "src/transport/batched.ts");
  for (const path of hot) {
    const file = src.find((source) => source.path === path);
    assert.ok(file !== undefined, `${path} is missing`);
    const found = /\b(await|async|Promise|console|log\.)\b/.exec(code(file.text));
    assert.equal(found?.[0], undefined, path);
  }
});

/** A kernel loop or a table may have its reason to be longer; it is listed here with it. */
const longFiles: Readonly<Record<string, string>> = {
  "assembly/powers.ts": "a table of constants",
  "assembly/abi.ts": "the list of everything that crosses the line",
};

test("source files have 400 lines at most", () => {
  const files = [...src, ...sources("assembly"), ...sources("test"), ...sources("bench")];
  const long = files.filter(
    ({ path, text }) => text.split("\n").length > 401 && longFiles[path] === undefined,
  );
  assert.deepEqual(
    long.map(({ path }) => path),
    [],
  );
  assert.ok(files.length > 50);
});

test("there is no any, no default export, no enum", () => {
  for (const { path, text } of [...src, ...sources("test"), ...sources("bench")]) {
    const found =
      /(:\s+any\b|\bas\s+any\b|<\s*any\s*>|^export\s+default|^\s*(?:export )?(?:const )?enum\s)/m.exec(
        code(text),
      );
    assert.equal(found?.[0], undefined, path);
  }
});

test("files that the documents name exist", () => {
  let seen = 0;
  for (const document of ["README.md", "ARCHITECTURE.md"]) {
    const text = readFileSync(join(root, document), "utf8");
    for (const [, path] of text.matchAll(/`((?:src|assembly|bench|test)\/[\w./-]+)`/g)) {
      // What a command writes is there when it has run.
      if (path!.startsWith("bench/out/")) continue;
      seen++;
      assert.ok(existsSync(join(root, path!)), `${document} names ${path}, which does not exist`);
    }
  }
  assert.ok(seen > 10, `saw ${seen} paths`);
});
