import { type ChildProcess, spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { argsOf } from "./programs.ts";

const ROOT = new URL("../../", import.meta.url);
/** A server whose nodes fail on command. */
export const FAULTY_APP = fileURLToPath(new URL("faulty-app.ts", import.meta.url));
const packageSchema = z.object({ scripts: z.record(z.string(), z.string()) });
const logLineSchema = z.record(z.string(), z.unknown());

export type LogLine = z.infer<typeof logLineSchema>;

export type ServerProcessOptions = {
  /** The npm script that starts it; "start" by default. Run without npm, which would not pass on our signals. */
  script?: string;
  /** The whole environment beside PATH, HOME and PORT, and MODEL_CHECK, which is off unless it is said. */
  env?: Record<string, string>;
  /** Text of a file `.env` in the working folder; by default there is none. */
  dotenv?: string;
  /** A fixed port, for a client that can dial no other; by default one the system has free. */
  port?: number;
  /** A program of the tests' own instead of an npm script. */
  program?: string;
  /** The route that answers 200 when `startServerProcess` may resolve; "/ready" by default. */
  until?: "/ready" | "/health";
};

/** From spawn to ready; tsx on a machine that does ten things at once takes half a minute. */
const START_GUARD_MS = 120_000;
const LINE_GUARD_MS = 60_000;
/** Longer than the server may take to drain. */
const STOP_GUARD_MS = 60_000;
const TURN_GUARD_MS = 120_000;
const POLL_MS = 50;

/** An npm script of ours as a child of its own, in an empty folder, so that no .env of the developer's is read. */
export class ServerProcess {
  readonly port: number;
  /** "http://127.0.0.1:PORT" */
  readonly url: string;
  /** "ws://127.0.0.1:PORT/ws" */
  readonly wsUrl: string;
  readonly pid: number | undefined;
  /** JSON lines of stdout. */
  readonly lines: LogLine[] = [];
  /** All of stdout and stderr. */
  output = "";
  /** Exit code; null when a signal ended the process. */
  readonly exited: Promise<number | null>;
  readonly #child: ChildProcess;
  readonly #changes = new EventEmitter();
  #hasExited = false;
  #next = 0;

  constructor(app: string, port: number, env: Record<string, string>, cwd: string) {
    this.port = port;
    this.url = `http://127.0.0.1:${port}`;
    this.wsUrl = `ws://127.0.0.1:${port}/ws`;
    const child = spawn(process.execPath, argsOf(app), {
      cwd,
      // What a mock is asked at the start would be in the way of what calls ask.
      env: {
        PATH: process.env.PATH,
        HOME: process.env.HOME,
        PORT: String(port),
        MODEL_CHECK: "false",
        ...env,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    this.pid = child.pid;
    killWithParent(child);
    createInterface({ input: child.stdout }).on("line", (line) => this.#read(line));
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.output += text;
    });
    this.exited = once(child, "close").then(async ([code]) => {
      this.#hasExited = true;
      this.#changes.emit("change");
      await rm(cwd, { recursive: true, force: true });
      return z.number().nullable().parse(code);
    });
  }

  /**
   * The first log line that matches and comes after the one this method found before.
   * @throws when the process ends first, or after a minute.
   */
  async nextLine(matches: (line: LogLine) => boolean): Promise<LogLine> {
    const guard = AbortSignal.timeout(LINE_GUARD_MS);
    for (;;) {
      for (let line = this.lines[this.#next]; line; line = this.lines[this.#next]) {
        this.#next += 1;
        if (matches(line)) return line;
      }
      if (this.#hasExited) throw new Error(`the server ended without that log line:\n${this.output}`);
      await once(this.#changes, "change", { signal: guard }).catch(() => {
        throw new Error(`no such log line in ${LINE_GUARD_MS} ms:\n${this.output}`);
      });
    }
  }

  /** Waits for a 200 from this route. @throws when the process ends first, or after 2 minutes. */
  async waitFor(route: string): Promise<void> {
    const guard = AbortSignal.timeout(START_GUARD_MS);
    while (!guard.aborted && !this.#hasExited) {
      // Refused while the process has not begun to listen.
      const response = await fetch(this.url + route, { signal: guard }).catch(() => undefined);
      await response?.body?.cancel();
      if (response?.status === 200) return;
      await Promise.race([this.exited, delay(POLL_MS)]);
    }
    const why = this.#hasExited ? "the server ended" : `${START_GUARD_MS} ms have passed`;
    throw new Error(`no 200 from ${route}: ${why}\n${this.output}`);
  }

  /** Sends the signal and does not wait. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Sends the signal, waits for the end, and gives the exit code. Safe to call again. @throws after a minute. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
    if (!this.#hasExited) this.#child.kill(signal);
    return endOf(this.#child, this.exited, STOP_GUARD_MS, `the server after ${signal}`);
  }

  #read(line: string): void {
    this.output += `${line}\n`;
    let json: unknown;
    try {
      json = JSON.parse(line);
    } catch {
      return; // not a log line; it is in `output`
    }
    const parsed = logLineSchema.safeParse(json);
    if (parsed.success) this.lines.push(parsed.data);
    this.#changes.emit("change");
  }
}

/** Starts the real server and waits until it is ready. @throws with its output when it does not get there. */
export async function startServerProcess(options: ServerProcessOptions = {}): Promise<ServerProcess> {
  const release = options.port ? await takeTurn(options.port) : null;
  const port = options.port || (await freePort());
  const server = await spawnServerProcess(port, options);
  void server.exited.then(release);
  try {
    await server.waitFor(options.until ?? "/ready");
  } catch (error) {
    await server.stop("SIGKILL");
    throw error;
  }
  return server;
}

/** Starts the real server and waits for nothing: for one that will not get far. */
export async function spawnServerProcess(
  port: number,
  options: ServerProcessOptions = {},
): Promise<ServerProcess> {
  const app = options.program ?? (await appOf(options.script ?? "start"));
  const folder = await mkdtemp(join(tmpdir(), "voice-server-"));
  if (options.dotenv !== undefined) await writeFile(join(folder, ".env"), options.dotenv);
  return new ServerProcess(app, port, options.env ?? {}, folder);
}

/** As {@link startServerProcess}; the process does not outlive the test, not even one that fails. */
export async function serverFor(t: TestContext, options: ServerProcessOptions = {}): Promise<ServerProcess> {
  const server = await startServerProcess(options);
  t.after(() => server.stop("SIGKILL"));
  return server;
}

/** The file that an npm script of the form `node --import tsx FILE` runs. */
async function appOf(script: string): Promise<string> {
  const { scripts } = packageSchema.parse(JSON.parse(await readFile(new URL("package.json", ROOT), "utf8")));
  const file = /^node --import tsx (\S+\.ts)$/.exec(scripts[script] ?? "")?.[1];
  if (!file) throw new Error(`package.json has no script ${script} of the form: node --import tsx FILE`);
  return fileURLToPath(new URL(file, ROOT));
}

/**
 * Waits until this fixed port is free and no other test process is about to use it: test files run side by side.
 * The lock is the port below it, so that the system drops it with the process that holds it.
 * @returns what gives it back. @throws when it is not to be had in 2 minutes.
 */
async function takeTurn(port: number): Promise<() => void> {
  const guard = AbortSignal.timeout(TURN_GUARD_MS);
  for (;;) {
    const lock = createServer().listen(port - 1, "127.0.0.1");
    try {
      await once(lock, "listening");
      await freePort(port);
      return () => lock.close();
    } catch (error) {
      lock.close();
      if (guard.aborted) throw error;
      await delay(POLL_MS);
    }
  }
}

/**
 * This port if it is free, or any free one.
 * @throws naming the port when something listens on it.
 */
export async function freePort(wanted = 0): Promise<number> {
  const probe = createServer().listen(wanted, "0.0.0.0");
  await once(probe, "listening").catch((error: unknown) => {
    throw new Error(`port ${wanted} is needed and not free; stop what listens there`, { cause: error });
  });
  const address = probe.address();
  probe.close();
  await once(probe, "close");
  if (address === null || typeof address === "string") throw new Error("the probe has no TCP port");
  return address.port;
}

/** A test run that dies takes its children along. */
export function killWithParent(child: ChildProcess): void {
  const kill = () => child.kill("SIGKILL");
  process.once("exit", kill);
  child.once("close", () => process.off("exit", kill));
}

/** What `exited` gives, or, when that takes longer than `guardMs`, an error after killing the child. */
export async function endOf<T>(
  child: ChildProcess,
  exited: Promise<T>,
  guardMs: number,
  what: string,
): Promise<T> {
  let late = false;
  const guard = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, guardMs);
  const result = await exited.finally(() => clearTimeout(guard));
  if (late) throw new Error(`${what} had not ended in ${guardMs} ms and was killed`);
  return result;
}
