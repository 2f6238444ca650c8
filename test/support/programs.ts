import { existsSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/**
 * What node needs to start a program of this project: the compiled one where `npm test` has made it (`test/run.ts`), else
 * tsx and the program as it is.
 * @param program its path, from the project's folder or from the root, such as `app.ts`.
 */
export function argsOf(program: string): string[] {
  const { COMPILED_FOLDER } = process.env;
  const path = resolve(ROOT, program);
  const compiled = COMPILED_FOLDER
    ? join(COMPILED_FOLDER, relative(ROOT, path).replace(/\.ts$/, ".js"))
    : null;
  if (compiled !== null && existsSync(compiled)) return ["--enable-source-maps", compiled];
  return ["--import", import.meta.resolve("tsx"), path];
}
