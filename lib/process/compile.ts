import { readFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build, type Plugin } from "esbuild";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/**
 * Makes JavaScript of TypeScript programs of this project, with what they share in common files beside them; packages stay
 * where they are. It costs half a second once, where compiling at every start costs two.
 * @param programs relative to the project's folder, as they are in `folder` afterwards.
 * @throws esbuild's error, whose message names the line that cannot be compiled.
 */
export async function compile(programs: readonly string[], folder: string): Promise<void> {
  await build({
    absWorkingDir: ROOT,
    entryPoints: [...programs],
    outdir: folder,
    outbase: ROOT,
    chunkNames: "shared/[name]-[hash]",
    plugins: [addresses],
    bundle: true,
    splitting: true,
    packages: "external",
    platform: "node",
    format: "esm",
    target: "node20",
    sourcemap: "linked",
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
