import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { endOf, killWithParent } from "./server-process.ts";

/** 4.x: `smallestai agent chat`. 5.x: `smallestai agent-crew chat`. */
export type CliVersion = "4" | "5";

/** 4.x takes no URL: it always dials ws://localhost:8080/ws, so start the server on `CLI_4_PORT`. */
export type CliOptions = { version: "4" } | { version: "5"; url: string };

export type CliAnswer = {
  /** What stands in the turn's "Assistant" panels, paragraphs and list items on lines of their own; "" without one. */
  text: string;
  /** All that was printed in the turn, panels included, their width reduced. */
  raw: string;
};

export const CLI_4_PORT = 8080;

const RELEASES = { "4": "4.3.0", "5": "5.14.0" } as const;
/** The prompt, and nothing after it: the client waits for a line. A panel's lines begin with its border. */
const PROMPT = /(?:^|\n)You: $/;
/** Wide enough that rich breaks no paragraph. */
const COLUMNS = 5_000;
/** Python's start, plus the 2 s that it waits for a greeting, on a busy machine. */
const START_GUARD_MS = 120_000;
const ANSWER_GUARD_MS = 60_000;
const EXIT_GUARD_MS = 60_000;

/**
 * The `smallestai` executable of this version: the one SMALLESTAI_4 or SMALLESTAI_5 names, else the one in the
 * project's .venv-smallestai-4.3.0 or -5.14.0; null when there is none.
 * @throws when there is none and CI is set, for CI must not skip; or when the variable names no file.
 */
export function findCli(version: CliVersion): string | null {
  const variable = `SMALLESTAI_${version}`;
  const named = process.env[variable];
  if (named) {
    if (!existsSync(named)) throw new Error(`${variable} names ${named}, which does not exist`);
    return named;
  }
  const folder = `.venv-smallestai-${RELEASES[version]}`;
  const local = fileURLToPath(new URL(`../../${folder}/bin/smallestai`, import.meta.url));
  if (existsSync(local)) return local;
  if (process.env.CI) throw new Error(howToInstall(version));
  return null;
}

/** For a test's `skip` option: false when the client is there, else how to get it. @throws as `findCli`. */
export function skipWithoutCli(version: CliVersion): string | false {
  return findCli(version) === null && howToInstall(version);
}

function howToInstall(version: CliVersion): string {
  const folder = `.venv-smallestai-${RELEASES[version]}`;
  const pip = `${folder}/bin/pip install smallestai==${RELEASES[version]}`;
  return `no smallestai ${RELEASES[version]}: run \`python3 -m venv ${folder} && ${pip}\`, or set SMALLESTAI_${version}`;
}

/** Starts the client and waits for its first prompt. @throws with its output when it does not connect. */
export async function startCli(options: CliOptions): Promise<Cli> {
  const executable = findCli(options.version);
  if (executable === null) throw new Error(howToInstall(options.version));
  const args = options.version === "4" ? ["agent", "chat"] : ["agent-crew", "chat", "--url", options.url];
  const home = await mkdtemp(join(tmpdir(), "smallestai-")); // it keeps its settings there
  const child = spawn(executable, args, {
    cwd: home,
    env: {
      PATH: process.env.PATH,
      HOME: home,
      SMALLESTAI_TELEMETRY: "0",
      PYTHONUTF8: "1",
      NO_COLOR: "1",
      TERM: "dumb",
      COLUMNS: String(COLUMNS),
    },
  });
  const cli = new Cli(child, home);
  try {
    cli.greeting = (await cli.untilPrompt(START_GUARD_MS)).text;
  } catch (error) {
    await cli.kill();
    throw error;
  }
  return cli;
}

class Cli {
  /** The greeting's text; "" when the client showed none. */
  greeting = "";
  /** Exit code; null when a signal ended the process. */
  readonly exited: Promise<number | null>;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #changes = new EventEmitter();
  #stdout = "";
  #stderr = "";
  /** Length of stdout up to and including the last prompt. */
  #read = 0;
  #hasExited = false;

  constructor(child: ChildProcessWithoutNullStreams, home: string) {
    this.#child = child;
    killWithParent(child);
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.#stdout += text;
      this.#changes.emit("change");
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr += text;
    });
    // A line written after its end is answered by `untilPrompt`, which says that the client has ended.
    child.stdin.on("error", () => {});
    this.exited = once(child, "close").then(async ([code]) => {
      this.#hasExited = true;
      this.#changes.emit("change");
      await rm(home, { recursive: true, force: true });
      return z.number().nullable().parse(code);
    });
  }

  /** Types one line and waits until the client prompts for the next. @throws when it ends first, or after a minute. */
  async ask(text: string): Promise<CliAnswer> {
    // Nothing would be sent for an empty line, and two lines would be two turns.
    if (text.trim() === "" || text.includes("\n")) throw new Error("ask() takes one line that is not empty");
    this.#child.stdin.write(`${text}\n`);
    return this.untilPrompt(ANSWER_GUARD_MS);
  }

  /** What is printed between the last prompt and the next. */
  async untilPrompt(guardMs: number): Promise<CliAnswer> {
    const guard = AbortSignal.timeout(guardMs);
    for (;;) {
      const printed = this.#stdout.slice(this.#read);
      if (PROMPT.test(printed)) {
        this.#read = this.#stdout.length;
        return parseTurn(printed.replace(PROMPT, ""));
      }
      const fail = (why: string) =>
        new Error(`smallestai does not prompt: ${why}\n${narrow(this.#stdout)}\n${this.#stderr}`);
      if (this.#hasExited) throw fail("it has ended");
      await once(this.#changes, "change", { signal: guard }).catch(() => {
        throw fail(`${guardMs} ms have passed`);
      });
    }
  }

  /** Types "exit" and gives the exit code. Safe to call again. @throws after a minute. */
  async exit(): Promise<number | null> {
    if (!this.#hasExited) this.#child.stdin.end("exit\n");
    return endOf(this.#child, this.exited, EXIT_GUARD_MS, "smallestai after exit");
  }

  /** Ends it as a crash would: no closing handshake. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.exited;
  }
}

export type { Cli };

function parseTurn(printed: string): CliAnswer {
  const lines: string[] = [];
  let inPanel = false;
  for (const line of printed.split("\n")) {
    if (line.startsWith("╭")) inPanel = line.includes(" Assistant ");
    else if (line.startsWith("╰")) inPanel = false;
    else if (inPanel) lines.push(line.replace(/^│ ?/, "").replace(/\s*│$/, ""));
  }
  return { text: lines.join("\n").trim(), raw: narrow(printed) };
}

function narrow(printed: string): string {
  return printed.replaceAll(/─{3,}/g, "──").replaceAll(/ +│$/gm, " │");
}
