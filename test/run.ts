import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { compile } from "../lib/process/compile.ts";
import package_ from "../package.json" with { type: "json" };

/*
 * npm test [-- FILE…]: runs all tests, or those in these files. They and the programs they start are compiled first: that
 * takes a second, and compiling anew in each of some four hundred processes takes ten minutes.
 */

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const FOLDER = join(ROOT, ".compiled");
/** What each process of tests loads besides. */
const END = "test/support/end.ts";
/** What tests start; whatever is not here, tsx compiles. */
const PROGRAMS = [
  "app.ts",
  "examples/interrupt-control/app.ts",
  "examples/language-switching/app.ts",
  "lib/calls/report-cli.ts",
  "test/support/faulty-app.ts",
  "training/eval-cli.ts",
  "training/train-cli.ts",
];
/** Tests that load TypeScript which they have written themselves; it wants the modules of the server as they are. */
const AS_THEY_ARE = ["test/docs-nodes.test.ts", "test/readme.test.ts"];
/** More than there are processors: many tests wait for a timer. */
const AT_ONCE = 3;

const named = process.argv.slice(2);
const files = named.length > 0 ? named : testFiles();
await rm(FOLDER, { recursive: true, force: true });
const compiled = (file: string) => join(FOLDER, file.replace(/\.ts$/, ".js"));
await compile(
  [END, ...PROGRAMS, ...files.filter((file) => !AS_THEY_ARE.includes(file))],
  FOLDER,
  Object.keys(package_.devDependencies),
);
for (const file of AS_THEY_ARE) {
  const url = JSON.stringify(pathToFileURL(join(ROOT, file)));
  await writeFile(
    compiled(file),
    `import { register } from "tsx/esm/api";\nregister();\nawait import(${url});\n`,
  );
}
const tests = spawn(
  process.execPath,
  [
    "--enable-source-maps",
    `--import=${compiled(END)}`,
    "--test",
    `--test-concurrency=${AT_ONCE}`,
    ...files.map(compiled),
  ],
  { cwd: ROOT, stdio: "inherit", env: { ...process.env, COMPILED_FOLDER: FOLDER } },
);
const [code] = await once(tests, "close");
process.exitCode = code ?? 1;

/** All of them, by their paths below the project's folder. */
function testFiles(): string[] {
  const below = readdirSync(join(ROOT, "test"), { recursive: true, encoding: "utf8" });
  return below
    .filter((file) => file.endsWith(".test.ts") && dirname(file).split("/").length === 1)
    .map((file) => join("test", file))
    .sort();
}
