import { type ChildProcess, spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { RehearsalError } from "../errors.ts";

/** From spawn to the first call, ms; a busy machine takes its time. */
const START_MS = 180_000;
/** From SIGTERM to the end, ms; then it is killed. */
const STOP_MS = 10_000;
/** Last characters of its output that are kept, to be shown when it ends too early. */
const KEPT_CHARS = 4_000;

/** A server of the rehearsal's own: the real one, as `npm start` runs it, on a port the system chose. */
export class ServerProcess {
  /** `ws://127.0.0.1:port/ws` */
  readonly wsUrl: string;
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;
  readonly #said: { readonly last: string };

  /** @param app the program to start, such as `app.ts`. @throws {RehearsalError} with its last lines. */
  static async start(app: string, env: Readonly<Record<string, string | undefined>>): Promise<ServerProcess> {
    const child = spawn(process.execPath, ["--import", import.meta.resolve("tsx"), app], {
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const kill = () => child.kill("SIGKILL");
    process.once("exit", kill);
    const said = { last: "" };
    const listening = new EventEmitter();
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        said.last = (said.last + text).slice(-KEPT_CHARS);
      });
    }
    const find = () => {
      const [, url] = /Server listening at (http:\/\/[\w.:[\]]+)["\s]/.exec(said.last) ?? [];
      if (url === undefined) return;
      child.stdout.off("data", find);
      listening.emit("url", url);
    };
    child.stdout.on("data", find);
    const exited = once(child, "close").then(() => {
      process.off("exit", kill);
      listening.emit("error", new Error("the server ended"));
    });
    try {
      const [url]: unknown[] = await once(listening, "url", { signal: AbortSignal.timeout(START_MS) });
      listening.on("error", () => {});
      return new ServerProcess(child, exited, said, `${String(url).replace("http", "ws")}/ws`);
    } catch (error) {
      listening.on("error", () => {});
      kill();
      await exited;
      throw new RehearsalError(`the server did not start:\n${said.last.trim()}`, { cause: error });
    }
  }

  private constructor(
    child: ChildProcess,
    exited: Promise<void>,
    said: { readonly last: string },
    wsUrl: string,
  ) {
    this.#child = child;
    this.#exited = exited;
    this.#said = said;
    this.wsUrl = wsUrl;
  }

  /** @throws {RehearsalError} when the process has ended by itself. */
  check(): void {
    if (this.#child.exitCode === null && this.#child.signalCode === null) return;
    throw new RehearsalError(`the server ended in the middle of the rehearsal:\n${this.#said.last.trim()}`);
  }

  async stop(): Promise<void> {
    this.#child.kill("SIGTERM");
    const late = setTimeout(() => this.#child.kill("SIGKILL"), STOP_MS);
    await this.#exited;
    clearTimeout(late);
  }
}
