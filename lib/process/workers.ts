import cluster, { type Worker } from "node:cluster";
import type { Logger } from "pino";
import type { Config } from "../config.ts";
import { LiveHub } from "../live/live-hub.ts";
import { MetricsHub } from "../metrics/worker-metrics.ts";

/** Pause before a worker that never got as far as listening is replaced, ms: a fault at start-up must not spin. */
const RESTART_PAUSE_MS = 1_000;

/**
 * The signals that end this process in good order. Ctrl-C reaches every process of a terminal, so workers leave SIGINT
 * to the primary, which passes on each signal it gets as one SIGTERM.
 */
export const CLOSING_SIGNALS: readonly NodeJS.Signals[] = cluster.isWorker
  ? ["SIGTERM"]
  : ["SIGINT", "SIGTERM"];

/**
 * Runs the rest of this program `WORKERS` times, on that many cores, behind one port. A call stays with the worker that
 * took it; a worker that dies takes its calls along and is replaced.
 *
 * Returns at once in a worker, and where there is only one process. In the primary it never returns:
 * that one only hands out connections, and exits when its workers have.
 */
export async function startWorkers(config: Config, log: Logger): Promise<void> {
  if (config.WORKERS === 1) return;
  if (cluster.isWorker) {
    process.on("SIGINT", () => {});
    return;
  }
  await new Promise<never>(() => new Primary(config, log).start());
}

class Primary {
  readonly #config: Config;
  readonly #log: Logger;
  readonly #live: LiveHub;
  readonly #metrics: MetricsHub;
  readonly #running = new Set<Worker>();
  #everListened = false;
  #stopping = false;
  #exitCode = 0;

  constructor(config: Config, log: Logger) {
    this.#config = config;
    this.#log = log;
    this.#live = new LiveHub(log);
    this.#metrics = new MetricsHub(log);
  }

  start(): void {
    for (const signal of CLOSING_SIGNALS) process.on(signal, () => this.#stop());
    if (this.#config.TOKENS_FILE !== undefined) process.on("SIGHUP", () => this.#passOn("SIGHUP"));
    const { WORKERS, MAX_SESSIONS } = this.#config;
    // A worker that may take no call is of no use.
    const count = Math.min(WORKERS, MAX_SESSIONS);
    for (let slot = 0; slot < count; slot += 1) {
      const rest = slot < MAX_SESSIONS % count ? 1 : 0;
      this.#fork(Math.floor(MAX_SESSIONS / count) + rest);
    }
  }

  /** @param maxSessions this worker's part of MAX_SESSIONS, so that together they never exceed it. */
  #fork(maxSessions: number): void {
    const worker = cluster.fork({ MAX_SESSIONS: String(maxSessions) });
    const about = { worker: worker.id, workerPid: worker.process.pid, maxSessions };
    let listened = false;
    this.#running.add(worker);
    this.#live.watch(worker);
    this.#metrics.watch(worker);
    worker.once("listening", () => {
      listened = true;
      this.#everListened = true;
      this.#log.info(about, "Worker listens");
    });
    worker.once("exit", (exitCode, signal) => {
      this.#running.delete(worker);
      if (!this.#stopping && this.#everListened) {
        this.#log.error({ ...about, exitCode, signal }, "Worker died with its calls, starting another");
        if (listened) this.#fork(maxSessions);
        else setTimeout(() => this.#stopping || this.#fork(maxSessions), RESTART_PAUSE_MS);
        return;
      }
      // It has said why; another one would fail the same way.
      if (!this.#stopping) this.#stop();
      this.#exitCode = Math.max(this.#exitCode, exitCode ?? 0);
      if (this.#running.size === 0) process.exit(this.#exitCode);
    });
  }

  #stop(): void {
    this.#stopping = true;
    this.#passOn("SIGTERM");
  }

  #passOn(signal: NodeJS.Signals): void {
    for (const worker of this.#running) worker.process.kill(signal);
  }
}
