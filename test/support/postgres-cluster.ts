import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
/** Room for the cluster and for what is written into it. */
const DISK_SIZE = "256m";
const VERSIONS = "/usr/lib/postgresql";

/** A PostgreSQL of its own, as .ci/postgres starts one, to be stopped, killed and frozen. It listens on a socket only. */
export class PostgresCluster {
  readonly #folder: string;
  /** Its processes while it is frozen. */
  #frozen: number[] = [];
  /** A test run that dies takes it along. */
  readonly #killAtExit = () => {
    this.thaw();
    signal(Number.parseInt(readFileSync(join(this.#data, "postmaster.pid"), "utf8"), 10), "SIGQUIT");
  };

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** @throws when there is no PostgreSQL on this machine. */
  static async start(): Promise<PostgresCluster> {
    const { stdout } = await asPostgres("mktemp", "-d", "/tmp/chaos-postgres-XXXXXX");
    const folder = stdout.trim();
    const cluster = new PostgresCluster(folder);
    // A disk of its own, which can be filled.
    if (canMount()) {
      await run("mount", ["-t", "tmpfs", "-o", `size=${DISK_SIZE}`, "chaos", folder]);
      await run("chown", ["postgres", folder]);
    }
    const how = ["-U", "postgres", "--auth=trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"];
    await asPostgres(program("initdb"), "-D", cluster.#data, ...how);
    await cluster.start();
    process.once("exit", cluster.#killAtExit);
    return cluster;
  }

  get url(): string {
    return `postgres://postgres@/postgres?host=${this.#folder}`;
  }

  /** The path of its socket. */
  get socket(): string {
    return join(this.#folder, ".s.PGSQL.5432");
  }

  async start(): Promise<void> {
    const options = `-c listen_addresses='' -c unix_socket_directories='${this.#folder}'`;
    await asPostgres(
      ...[program("pg_ctl"), "-D", this.#data, "-l", join(this.#folder, "log"), "-w", "-t", "120"],
      ...["-o", options, "start"],
    );
  }

  async stop(mode: "fast" | "immediate"): Promise<void> {
    await asPostgres(program("pg_ctl"), "-D", this.#data, "-m", mode, "-w", "stop");
  }

  /** Kills every process of it at once. */
  async kill(): Promise<void> {
    for (const pid of await this.#processes()) signal(pid, "SIGKILL");
  }

  /** Stops every process of it in the middle of what it does. */
  async freeze(): Promise<void> {
    this.#frozen = await this.#processes();
    for (const pid of this.#frozen) signal(pid, "SIGSTOP");
  }

  thaw(): void {
    for (const pid of this.#frozen) signal(pid, "SIGCONT");
    this.#frozen = [];
  }

  /** Leaves not a byte on its disk. Only where {@link canMount} says so. */
  async fillDisk(): Promise<void> {
    // It ends with an error: the disk is full.
    await run("dd", ["if=/dev/zero", `of=${this.#ballast}`, "bs=4k"]).catch(() => {});
  }

  /** Makes room again, and starts what has not survived that. */
  async freeDisk(): Promise<void> {
    await rm(this.#ballast);
    const status = await asPostgres(program("pg_ctl"), "-D", this.#data, "status").catch(() => null);
    if (status === null) await this.start();
  }

  get #ballast(): string {
    return join(this.#folder, "ballast");
  }

  async remove(): Promise<void> {
    process.off("exit", this.#killAtExit);
    this.thaw();
    await this.stop("immediate").catch(() => {});
    if (canMount()) await run("umount", ["--lazy", this.#folder]);
    await asPostgres("rm", "-rf", this.#folder);
  }

  get #data(): string {
    return join(this.#folder, "data");
  }

  /** The first one, and those it has started. */
  async #processes(): Promise<number[]> {
    const [first = ""] = (await readFile(join(this.#data, "postmaster.pid"), "utf8")).split("\n");
    const children = await readFile(`/proc/${first}/task/${first}/children`, "utf8");
    return [first, ...children.trim().split(" ")].filter((pid) => pid !== "").map(Number);
  }
}

/** Whether it can have a disk of its own. */
export function canMount(): boolean {
  return userInfo().uid === 0;
}

/** Whether this machine has one. */
export function hasPostgres(): boolean {
  try {
    return program("initdb") !== "";
  } catch {
    return false;
  }
}

function program(name: string): string {
  const [newest] = readdirSync(VERSIONS).sort((a, b) => Number(b) - Number(a));
  return join(VERSIONS, String(newest), "bin", name);
}

/** PostgreSQL refuses to run as root. */
function asPostgres(...command: string[]) {
  const words = userInfo().uid === 0 ? ["runuser", "-u", "postgres", "--", ...command] : command;
  const [file = "", ...args] = words;
  return run(file, args, { cwd: "/" });
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended meanwhile.
  }
}
