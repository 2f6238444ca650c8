import { readFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build, type Plugin } from "esbuild";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** Packages that start threads or programs from files of their own, or are native. */
const LEFT_AS_THEY_ARE = ["esbuild", "libsql", "pg-native", "pino", "pino-pretty", "tsx"];

/** Many packages are CommonJS, and in a module of JavaScript they find no `require`. */
const REQUIRE =
  'import { createRequire as makeRequire } from "node:module"; const require = makeRequire(import.meta.url);';

/**
 * Makes JavaScript of TypeScript programs of this project, with the packages they use, and what they share in common files
 * beside them. It costs a second once; finding and compiling some thousand files at every start costs one and a half.
 * @param programs relative to the project's folder, as they are in `folder` afterwards.
 * @param packages further packages that are not taken in.
 * @throws esbuild's error, whose message names the line that cannot be compiled.
 */
export async function compile(
  programs: readonly string[],
  folder: string,
  packages: readonly string[] = [],
): Promise<void> {
  await build({
    absWorkingDir: ROOT,
    entryPoints: [...programs],
    outdir: folder,
    outbase: ROOT,
    chunkNames: "shared/[name]-[hash]",
    plugins: [addresses],
    bundle: true,
    splitting: true,
    external: [...LEFT_AS_THEY_ARE, ...packages],
    banner: { js: REQUIRE },
    platform: "node",
    format: "esm",
    target: "node20",
    sourcemap: "linked",
    sourcesContent: false,
    logLevel: "silent",
  });
}

/** Modules that read a file beside them find it where they were written, not where their code has gone. */
const addresses: Plugin = {
  name: "addresses",
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, "utf8")
        .replaceAll("import.meta.url", JSON.stringify(pathToFileURL(path).href))
        .replaceAll("import.meta.filename", JSON.stringify(path)),
      loader: "ts",
    }));
  },
};
