import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { freePort, killWithParent } from "../test/support/server-process.ts";
import { clockMs } from "./messages.ts";
import { cpuMs } from "./proc.ts";

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** `baseline` is this server from another checkout, see {@link baseline}. */
export type PeerName = "server" | "baseline" | "pass-through" | "floor" | "python";

/** The Python with smallestai 5.14.0: SMALLESTAI_PYTHON, or the project's .venv-smallestai-5.14.0; null without one. */
export function findPython(): string | null {
  const named = process.env.SMALLESTAI_PYTHON ?? path("../.venv-smallestai-5.14.0/bin/python");
  return existsSync(named) ? named : null;
}

/** A checkout to compare with, its packages installed: what BENCH_BASELINE names; null without one. */
export const baseline = process.env.BENCH_BASELINE ?? null;

export type PeerOptions = {
  baseUrl: string;
  env?: Record<string, string>;
  /** Where a CPU profile is written when the peer stops. */
  profileTo?: string;
  /** Lets {@link Peer.heapBytes} be asked for. Node only. */
  probe?: boolean;
};

const START_GUARD_MS = 60_000;
const heapSchema = z.object({ heapBytes: z.number() });

/** One of the servers that are compared, as a process of its own. */
export class Peer {
  readonly name: PeerName;
  readonly pid: number;
  readonly wsUrl: string;
  /** From spawn to the first 200 of /ready, ms. */
  readonly startMs: number;
  /** CPU time until then, ms: the same on a busy machine. */
  readonly startCpuMs: number;
  readonly #child: ChildProcess;
  readonly #folder: string;

  private constructor(
    name: PeerName,
    child: ChildProcess,
    pid: number,
    port: number,
    folder: string,
    startedAt: number,
  ) {
    this.name = name;
    this.#child = child;
    this.pid = pid;
    this.wsUrl = `ws://127.0.0.1:${port}/ws`;
    this.#folder = folder;
    this.startMs = clockMs() - startedAt;
    this.startCpuMs = cpuMs(pid);
  }

  /** Starts a peer in an empty folder and waits until it is ready. */
  static async start(name: PeerName, options: PeerOptions): Promise<Peer> {
    const folder = await mkdtemp(join(tmpdir(), "voice-bench-"));
    const port = await freePort();
    const [command, args] = commandOf(name, options);
    const startedAt = clockMs();
    const child = spawn(command, args, {
      cwd: folder,
      // Logs are written, as in production, and go nowhere.
      stdio: ["ignore", "ignore", name === "python" ? "ignore" : "inherit", "ipc"],
      env: {
        PATH: process.env.PATH,
        HOME: folder,
        OPENAI_API_KEY: "sk-bench",
        OPENAI_BASE_URL: options.baseUrl,
        HOST: "127.0.0.1",
        PORT: String(port),
        SMALLESTAI_LOG_DIR: folder,
        SMALLESTAI_TELEMETRY: "0",
        // What is measured is how fast it goes, not how fast one client may go.
        MAX_EVENTS_PER_SECOND: "1000000",
        MAX_BYTES_PER_SECOND: "1000000000",
        MAX_REQUESTS_PER_SECOND: "1000000",
        ...options.env,
      },
    });
    const { pid } = child;
    if (pid === undefined) throw new Error(`${name} did not start`);
    killWithParent(child);
    const guard = AbortSignal.timeout(START_GUARD_MS);
    for (;;) {
      const response = await fetch(`http://127.0.0.1:${port}/ready`, { signal: guard }).catch(() => null);
      await response?.body?.cancel();
      if (response?.ok) return new Peer(name, child, pid, port, folder, startedAt);
      if (guard.aborted || child.exitCode !== null) throw new Error(`${name} did not become ready`);
      await delay(10);
    }
  }

  /** Bytes of the JavaScript heap after a collection. */
  async heapBytes(): Promise<number> {
    this.#child.send({ do: "heap" });
    const [answer] = await once(this.#child, "message");
    return heapSchema.parse(answer).heapBytes;
  }

  async stop(): Promise<void> {
    const closed = once(this.#child, "exit");
    this.#child.kill("SIGTERM");
    await closed;
    await rm(this.#folder, { recursive: true, force: true });
  }
}

function commandOf(name: PeerName, { profileTo, probe }: PeerOptions): [string, string[]] {
  const tsx = ["--import", import.meta.resolve("tsx")];
  const profile = profileTo ? ["--cpu-prof", `--cpu-prof-dir=${profileTo}`] : [];
  const flags = [...profile, ...tsx, ...(probe ? ["--import", path("heap-probe.ts")] : [])];
  switch (name) {
    case "server":
      return [process.execPath, [...flags, path("../app.ts")]];
    case "baseline":
      return [process.execPath, [...flags, join(baseline ?? "", "app.ts")]];
    case "pass-through":
      return [process.execPath, [...flags, path("peers/pass-through.ts")]];
    case "floor":
      return [process.execPath, [...flags, path("peers/floor.ts")]];
    case "python": {
      const python = findPython();
      if (python === null)
        throw new Error("there is no Python with smallestai 5.14.0: set SMALLESTAI_PYTHON");
      return [python, [path("peers/python/agent.py")]];
    }
  }
}
