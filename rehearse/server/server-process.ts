import { type ChildProcess, spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { createInterface } from "node:readline";
import { RehearsalError } from "../errors.ts";

/** From spawn to the first call, ms; a busy machine takes its time. */
const START_MS = 180_000;
/** From SIGTERM to the end, ms; then it is killed. */
const STOP_MS = 10_000;
/** Last lines of its output that are kept, to be shown when it ends too early. */
const KEPT_LINES = 20;

/** A server of the rehearsal's own: the real one, as `npm start` runs it, on a port the system chose. */
export class ServerProcess {
  /** `ws://127.0.0.1:port/ws` */
  readonly wsUrl: string;
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  readonly #lines: readonly string[];

  /** @param app the program to start, such as `app.ts`. @throws {RehearsalError} with its last lines. */
  static async start(app: string, env: Readonly<Record<string, string | undefined>>): Promise<ServerProcess> {
    const child = spawn(process.execPath, ["--import", import.meta.resolve("tsx"), app], {
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const kill = () => child.kill("SIGKILL");
    process.once("exit", kill);
    const lines: string[] = [];
    const listening = new EventEmitter();
    const read = (line: string) => {
      lines.push(line);
      if (lines.length > KEPT_LINES) lines.shift();
      const [, url] = /Server listening at (http:\/\/[\w.:[\]]+)/.exec(line) ?? [];
      if (url) listening.emit("url", url);
    };
    createInterface({ input: child.stdout }).on("line", read);
    createInterface({ input: child.stderr }).on("line", read);
    const exited = once(child, "close").then(() => {
      process.off("exit", kill);
      listening.emit("error", new Error("the server ended"));
    });
    try {
      const [url]: unknown[] = await once(listening, "url", { signal: AbortSignal.timeout(START_MS) });
      listening.on("error", () => {});
      return new ServerProcess(child, exited, lines, `${String(url).replace("http", "ws")}/ws`);
    } catch (error) {
      listening.on("error", () => {});
      kill();
      await exited;
      throw new RehearsalError(`the server did not start:\n${lines.join("\n")}`, { cause: error });
    }
  }

  private constructor(child: ChildProcess, exited: Promise<void>, lines: readonly string[], wsUrl: string) {
    this.#child = child;
    this.#exited = exited;
    this.#lines = lines;
    this.wsUrl = wsUrl;
  }

  /** @throws {RehearsalError} when the process has ended by itself. */
  check(): void {
    if (this.#child.exitCode === null && this.#child.signalCode === null) return;
    throw new RehearsalError(`the server ended in the middle of the rehearsal:\n${this.#lines.join("\n")}`);
  }

  async stop(): Promise<void> {
    this.#child.kill("SIGTERM");
    const late = setTimeout(() => this.#child.kill("SIGKILL"), STOP_MS);
    await this.#exited;
    clearTimeout(late);
  }
}
