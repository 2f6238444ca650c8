import { readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { isMap, isScalar, LineCounter, parseDocument } from "yaml";
import type { z } from "zod";
import { ScenarioError } from "../errors.ts";
import { FOREIGN_EVENTS } from "./expectation.ts";
import { type Scenario, scenarioSchema } from "./schema.ts";

/** A scenario and where it stands. */
export type Loaded = {
  /** `file/scenario`, as Pipecat names them; of a file with one scenario, the scenario's name. */
  readonly id: string;
  readonly file: string;
  readonly scenario: Scenario;
};

type Doc = ReturnType<typeof parseDocument>;
type Path = readonly (string | number)[];
type Json = Record<string, unknown>;

/** Longest file that is read, bytes: a scenario is written by hand. */
const MAX_BYTES = 1024 * 1024;

/**
 * Reads the scenarios of these files, and of all `.yaml` and `.yml` files in these folders, in the order of their names.
 * @throws {ScenarioError} with one line for every mistake in any of them.
 */
export function loadScenarios(paths: readonly string[]): Loaded[] {
  const problems: string[] = [];
  const loaded: Loaded[] = [];
  for (const file of paths.flatMap(filesOf)) {
    try {
      loaded.push(...loadFile(file));
    } catch (error) {
      if (!(error instanceof ScenarioError)) throw error;
      problems.push(error.message);
    }
  }
  const seen = new Map<string, string>();
  for (const { id, file } of loaded) {
    const other = seen.get(id);
    if (other !== undefined) problems.push(`${shown(file)}:1: name: ${id} is also in ${shown(other)}`);
    seen.set(id, file);
  }
  if (problems.length > 0) throw new ScenarioError(problems.join("\n"));
  return loaded;
}

function filesOf(path: string): string[] {
  let isFolder: boolean;
  try {
    isFolder = statSync(path).isDirectory();
  } catch {
    throw new ScenarioError(`${path}: there is no such file or folder`);
  }
  if (!isFolder) return [path];
  return readdirSync(path, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && /\.ya?ml$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter(isScenarioFile)
    .sort();
}

/** A fragment for `!include` has neither a name nor scenarios, and is none. */
function isScenarioFile(file: string): boolean {
  return /^(name|scenarios):/m.test(readText(file));
}

/** @throws {ScenarioError} */
export function loadFile(file: string): Loaded[] {
  const text = readText(file);
  const lines = new LineCounter();
  const doc = parseYaml(file, text, lines);
  const at = (path: Path) => `${shown(file)}:${lineOf(doc, lines, path)}`;
  const top: unknown = doc.toJS();
  if (!isJson(top)) throw new ScenarioError(`${shown(file)}:1: a scenario file is a map with a name`);
  const { scenarios, ...defaults } = top;
  const problems: string[] = [];
  const loaded: Loaded[] = [];
  const take = (raw: Json, root: Path, id: (name: string) => string) => {
    const result = scenarioSchema.safeParse(raw);
    if (result.success) {
      loaded.push({ id: id(result.data.name), file, scenario: result.data });
      return;
    }
    for (const issue of flat(result.error.issues)) {
      const inScenario = [...root, ...issue.path.filter(isKey)];
      // What came from the top of the file is wrong there.
      const path = doc.hasIn(inScenario) || root.length === 0 ? inScenario : issue.path.filter(isKey);
      problems.push(`${at(path)}: ${describe(issue, raw)}`);
    }
  };
  if (scenarios === undefined) {
    take(top, [], (name) => name);
  } else if (!Array.isArray(scenarios) || scenarios.length === 0) {
    problems.push(`${at(["scenarios"])}: scenarios: wants a list of scenarios`);
  } else {
    const { name: fileName = basename(file).replace(/\.ya?ml$/, ""), ...shared } = defaults;
    for (const [index, own] of scenarios.entries()) {
      const root = ["scenarios", index];
      if (!isJson(own)) problems.push(`${at(root)}: scenarios.${index}: wants a map`);
      else take({ ...withoutOtherKind(shared, own), ...own }, root, (name) => `${fileName}/${name}`);
    }
  }
  if (problems.length > 0) throw new ScenarioError(problems.join("\n"));
  return loaded;
}

/** A scenario that says who calls does so in place of what the file says. */
function withoutOtherKind(shared: Json, own: Json): Json {
  const kinds = ["turns", "persona", "rules", "recorded"];
  if (!kinds.some((kind) => kind in own)) return shared;
  return Object.fromEntries(Object.entries(shared).filter(([key]) => !kinds.includes(key)));
}

function parseYaml(file: string, text: string, lineCounter: LineCounter): Doc {
  const include = {
    tag: "!include",
    resolve: (path: string) => {
      const other = resolve(dirname(file), path);
      return parseYaml(other, readText(other), new LineCounter()).toJS();
    },
  };
  const doc = parseDocument(text, { lineCounter, customTags: [include] });
  const [error] = doc.errors;
  if (error) {
    const line = lineCounter.linePos(error.pos[0]).line;
    throw new ScenarioError(
      `${shown(file)}:${line}: ${error.message.split("\n")[0]?.replace(/ at line .*/, "")}`,
    );
  }
  return doc;
}

function readText(file: string): string {
  try {
    if (statSync(file).size > MAX_BYTES) throw new ScenarioError(`${shown(file)}:1: is larger than 1 MB`);
    return readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof ScenarioError) throw error;
    throw new ScenarioError(`${shown(file)}: there is no such file`);
  }
}

/** The line of the value at this path, or of the nearest thing above it that is there. */
function lineOf(doc: Doc, lines: LineCounter, path: Path): number {
  const node: unknown = path.length === 0 ? doc.contents : doc.getIn(path, true);
  if (typeof node === "object" && node !== null && "range" in node && Array.isArray(node.range)) {
    return lines.linePos(Number(keyStart(doc, path) ?? node.range[0])).line;
  }
  return path.length === 0 ? 1 : lineOf(doc, lines, path.slice(0, -1));
}

/** Where the key stands: its value may begin a line further down. */
function keyStart(doc: Doc, path: Path): number | null {
  const parent: unknown = path.length > 1 ? doc.getIn(path.slice(0, -1), true) : doc.contents;
  if (!isMap(parent)) return null;
  const pair = parent.items.find(({ key }) => isScalar(key) && key.value === path.at(-1));
  return isScalar(pair?.key) ? (pair.key.range?.[0] ?? null) : null;
}

type Issue = z.core.$ZodIssue;

/** Of a union that fits in no way, the mistake of the way that came nearest. */
function flat(issues: readonly Issue[]): Issue[] {
  return issues.flatMap((issue) => {
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => ({ ...issue, keys: [key], path: [...issue.path, key] }));
    }
    if (issue.code !== "invalid_union" || issue.errors.length === 0) return [issue];
    const deepest = Math.max(...issue.errors.flat().map(({ path }) => path.length));
    const nearest = issue.errors.find((errors) => errors.some(({ path }) => path.length === deepest)) ?? [];
    if (deepest === 0) return [issue];
    return flat(nearest.map((each) => ({ ...each, path: [...issue.path, ...each.path] })));
  });
}

function describe(issue: Issue, raw: Json): string {
  const field = issue.path.join(".") || "scenario";
  if (issue.code === "unrecognized_keys") return `${field}: there is no such field`;
  if (field.endsWith(".event")) {
    const given = valueAt(raw, issue.path);
    if (FOREIGN_EVENTS.has(given)) return `${field}: ${given} does not exist on this wire`;
    return `${field}: there is no event ${String(given)}`;
  }
  if (issue.code === "invalid_type" && valueAt(raw, issue.path) === undefined) return `${field}: is missing`;
  return `${field}: ${issue.message}`;
}

function valueAt(raw: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) => (typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined),
    raw,
  );
}

function isKey(key: PropertyKey): key is string | number {
  return typeof key !== "symbol";
}

function isJson(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function shown(file: string): string {
  const path = relative(process.cwd(), file);
  return path.startsWith("..") ? file : path;
}
