import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { callListWire, callWire } from "../../lib/calls/wire.ts";
import { breakDisk, type DiskFault } from "./bad-disk.ts";
import { ChaosCaller } from "./chaos-caller.ts";
import { PostgresCluster } from "./postgres-cluster.ts";
import { until } from "./recorded-calls.ts";
import { type ServerProcess, startServerProcess } from "./server-process.ts";
import { startTcpProxy } from "./tcp-proxy.ts";

export const DATABASE_FAULTS = ["stop fast", "stop immediate", "kill", "freeze", "black hole"] as const;
export const DISK_FAULTS = ["disk full", "disk broken", "disk slow"] as const;
export const SERVER_FAULTS = ["server frozen", "server killed"] as const;
export type Fault =
  | (typeof DATABASE_FAULTS)[number]
  | "database full"
  | (typeof DISK_FAULTS)[number]
  | (typeof SERVER_FAULTS)[number];

export type ChaosOptions = {
  store: "sqlite" | "postgres";
  servers: 1 | 2;
  faults: readonly Fault[];
  /** How long each lasts, ms. */
  faultMs: number;
  /** Calls of each server. */
  calls: number;
};

export type ChaosPhase = {
  name: Fault | "before";
  turns: number;
  firstChunkP99Ms: number;
  firstChunkMaxMs: number;
  /** How far the record was behind when it was mended, ms. */
  behindMs: number;
  /** How long it took from then until the record was up to date, ms. */
  catchUpMs: number;
};

export type ChaosResult = {
  phases: ChaosPhase[];
  calls: number;
  turns: number;
  /** What a caller noticed, or what the record does not have: empty if all is well. */
  complaints: string[];
};

/** How often servers say that they are alive, ms: one that is gone is to be found within seconds. */
const HEARTBEAT_MS = 500;
const BEFORE_MS = 3_000;
/** Writes are gathered for a moment, and a busy machine takes longer. */
const UP_TO_DATE_MS = 1_500;
const GUARD_MS = 600_000;

/** Calls that talk while one thing after the other breaks under their servers; then their record is looked at. */
export async function chaos(options: ChaosOptions): Promise<ChaosResult> {
  const scene = await Scene.open(options);
  try {
    return await scene.play();
  } finally {
    await scene.close();
  }
}

type Proxy = Awaited<ReturnType<typeof startTcpProxy>>;
type Server = { process: ServerProcess; env: Record<string, string>; callers: ChaosCaller[] };

class Scene {
  readonly #options: ChaosOptions;
  readonly #folder: string;
  readonly #cluster: PostgresCluster | null;
  readonly #proxy: Proxy | null;
  readonly #servers: Server[] = [];
  /** Those of all servers, also of one that was killed. */
  readonly #callers: ChaosCaller[] = [];
  readonly #phases: ChaosPhase[] = [];

  private constructor(
    options: ChaosOptions,
    folder: string,
    cluster: PostgresCluster | null,
    proxy: Proxy | null,
  ) {
    this.#options = options;
    this.#folder = folder;
    this.#cluster = cluster;
    this.#proxy = proxy;
  }

  static async open(options: ChaosOptions): Promise<Scene> {
    const folder = await mkdtemp(join(tmpdir(), "chaos-"));
    const cluster = options.store === "postgres" ? await PostgresCluster.start() : null;
    const proxy = cluster ? await startTcpProxy(cluster.socket) : null;
    return new Scene(options, folder, cluster, proxy);
  }

  async play(): Promise<ChaosResult> {
    for (let number = 1; number <= this.#options.servers; number += 1) await this.#addServer(number);
    await delay(BEFORE_MS);
    await this.#recordIsUpToDate();
    this.#endPhase("before", 0, 0);
    for (const fault of this.#options.faults) {
      const mend = await this.#break(fault);
      await delay(this.#options.faultMs);
      const behindMs = fault === "server killed" || fault === "server frozen" ? 0 : await this.#behindMs();
      await mend();
      const mended = performance.now();
      await this.#recordIsUpToDate();
      this.#endPhase(fault, behindMs, performance.now() - mended);
    }
    await Promise.all(this.#callers.map((caller) => caller.hangUp()));
    const complaints = [
      ...this.#callers.flatMap((caller) => caller.complaints),
      ...(await this.#lookAtRecord()),
    ];
    for (const { process } of this.#servers) {
      const code = await process.stop();
      if (code !== 0) complaints.push(`a server ended with ${code}`);
    }
    const turns = this.#callers.reduce((sum, { said }) => sum + said, 0);
    return { phases: this.#phases, calls: this.#callers.length, turns, complaints };
  }

  async close(): Promise<void> {
    for (const { process } of this.#servers) await process.stop("SIGKILL");
    await this.#proxy?.close();
    await this.#cluster?.remove();
    await rm(this.#folder, { recursive: true, force: true });
  }

  get #file(): string {
    return join(this.#folder, "calls.db");
  }

  async #addServer(number: number): Promise<void> {
    const url = this.#proxy
      ? `postgres://postgres@127.0.0.1:${this.#proxy.port}/postgres`
      : `file:${this.#file}`;
    const env = {
      HOST: "127.0.0.1",
      DATABASE_URL: url,
      RECORD_BACKLOG_FOLDER: join(this.#folder, `backlog-${number}`),
      HEARTBEAT_MS: String(HEARTBEAT_MS),
    };
    const server = { process: await startServerProcess({ env }), env, callers: [] };
    this.#servers.push(server);
    await this.#addCalls(server);
  }

  async #addCalls(server: Server): Promise<void> {
    for (let count = 0; count < this.#options.calls; count += 1) {
      const caller = await ChaosCaller.call(server.process.wsUrl, `chaos-${this.#callers.length + 1}`);
      server.callers.push(caller);
      this.#callers.push(caller);
    }
  }

  /** @returns what ends it. */
  async #break(fault: Fault): Promise<() => Promise<void>> {
    switch (fault) {
      case "stop fast":
      case "stop immediate": {
        await this.#cluster?.stop(fault === "stop fast" ? "fast" : "immediate");
        return async () => this.#cluster?.start();
      }
      case "kill":
        await this.#cluster?.kill();
        return async () => this.#cluster?.start();
      case "freeze":
        await this.#cluster?.freeze();
        return async () => this.#cluster?.thaw();
      case "black hole":
        this.#proxy?.swallow();
        return async () => this.#proxy?.mend();
      case "database full":
        await this.#cluster?.fillDisk();
        return async () => this.#cluster?.freeDisk();
      case "disk full":
        return this.#breakDisks("full");
      case "disk broken":
        return this.#breakDisks("broken");
      case "disk slow":
        return this.#breakDisks("slow");
      case "server frozen":
        return this.#freezeServer();
      case "server killed":
        return this.#killServer();
    }
  }

  async #breakDisks(fault: DiskFault): Promise<() => Promise<void>> {
    const files = ["", "-wal", "-journal"].map((end) => `${this.#file}${end}`);
    const mends = await Promise.all(
      this.#servers.map(({ process }) => breakDisk(process.pid ?? 0, files, fault)),
    );
    return async () => {
      await Promise.all(mends.map((mend) => mend()));
    };
  }

  async #freezeServer(): Promise<() => Promise<void>> {
    const server = this.#servers.at(-1);
    if (!server) throw new Error("there is no server");
    server.process.signal("SIGSTOP");
    for (const caller of server.callers) caller.excuse();
    return async () => {
      server.process.signal("SIGCONT");
      await Promise.all(server.callers.map((caller) => caller.answered()));
      for (const caller of server.callers) caller.excuse(false);
    };
  }

  /** Its calls end with it. Another takes its place and its folder. */
  async #killServer(): Promise<() => Promise<void>> {
    const server = this.#servers.at(-1);
    if (!server) throw new Error("there is no server");
    for (const caller of server.callers.splice(0)) caller.expectCrash();
    await server.process.stop("SIGKILL");
    return async () => {
      server.process = await startServerProcess({ env: server.env });
      await this.#addCalls(server);
    };
  }

  async #recordIsUpToDate(): Promise<void> {
    await until(async () => (await this.#behindMs()) < UP_TO_DATE_MS, GUARD_MS);
  }

  async #behindMs(): Promise<number> {
    const figures = await Promise.all(
      this.#servers.map(async ({ process }) => (await fetch(`${process.url}/metrics`)).text()),
    );
    return Math.max(
      ...figures.map((text) => Number(/^voice_agent_record_behind_seconds (\S+)$/m.exec(text)?.[1]) * 1_000),
    );
  }

  #endPhase(name: ChaosPhase["name"], behindMs: number, catchUpMs: number): void {
    const times = this.#callers.flatMap((caller) => caller.takeTimes()).sort((a, b) => a - b);
    this.#phases.push({
      name,
      turns: times.length,
      firstChunkP99Ms: times[Math.ceil(times.length * 0.99) - 1] ?? 0,
      firstChunkMaxMs: times.at(-1) ?? 0,
      behindMs,
      catchUpMs,
    });
  }

  /** What the record does not have, or has otherwise than the callers. */
  async #lookAtRecord(): Promise<string[]> {
    const url = this.#servers[0]?.process.url ?? "";
    const list = () => get(`${url}/calls?limit=200`, callListWire);
    const areOver = async () => (await list()).calls.every(({ ended_at }) => ended_at !== null);
    // A database that has only just come back may refuse.
    await until(() => areOver().catch(() => false), GUARD_MS);
    const { calls } = await list();
    const complaints: string[] = [];
    for (const caller of this.#callers) {
      const mine = calls.filter(({ call_id }) => call_id === caller.callId);
      const [first] = mine;
      if (mine.length !== 1 || !first) complaints.push(`${caller.callId} is ${mine.length} times on record`);
      else complaints.push(...caller.compare(await get(`${url}/calls/${first.session_id}`, callWire)));
    }
    const quality = z.object({ totals: z.looseObject({ calls: z.number() }) });
    const { totals } = await get(`${url}/quality`, quality);
    if (totals.calls !== this.#callers.length) {
      complaints.push(`${this.#callers.length} calls have ended ${totals.calls} times`);
    }
    return complaints;
  }
}

async function get<T>(url: string, schema: z.ZodType<T>): Promise<T> {
  return schema.parse(await (await fetch(url)).json());
}
