import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import {
  type Mark,
  type MockSettings,
  mockReportSchema,
  openReportSchema,
  type Talk,
  type TalkReport,
  talkReportSchema,
} from "./messages.ts";

const addressSchema = z.object({ port: z.number() });

/** A process of the bench's own that answers one command at a time. */
class Helper {
  readonly pid: number;
  readonly #child: ChildProcess;
  /** Rejects if it ends before it is told to. */
  readonly #ended: Promise<never>;

  private constructor(child: ChildProcess, pid: number, file: string) {
    this.#child = child;
    this.pid = pid;
    this.#ended = once(child, "exit").then(() => {
      throw new Error(`${file} ended`);
    });
    // Nobody asks it anything at the end.
    this.#ended.catch(() => {});
  }

  /** Starts `file` and gives its first message along. */
  static async start(file: string): Promise<{ helper: Helper; greeting: unknown }> {
    const path = fileURLToPath(new URL(file, import.meta.url));
    const child = fork(path, { execArgv: ["--import", import.meta.resolve("tsx")] });
    const [greeting] = await once(child, "message");
    if (child.pid === undefined) throw new Error(`${file} did not start`);
    return { helper: new Helper(child, child.pid, file), greeting };
  }

  async ask(command: object): Promise<unknown> {
    this.#child.send(command);
    const [answer] = await Promise.race([once(this.#child, "message"), this.#ended]);
    return answer;
  }

  stop(): void {
    this.#child.disconnect();
  }
}

/** The mock OpenAI server, in a process of its own. */
export class MockOpenAi {
  readonly baseUrl: string;
  readonly #helper: Helper;

  private constructor(helper: Helper, port: number) {
    this.#helper = helper;
    this.baseUrl = `http://127.0.0.1:${port}/v1`;
  }

  static async start(): Promise<MockOpenAi> {
    const { helper, greeting } = await Helper.start("mock-openai.ts");
    return new MockOpenAi(helper, addressSchema.parse(greeting).port);
  }

  get pid(): number {
    return this.#helper.pid;
  }

  async set(settings: MockSettings): Promise<void> {
    await this.#helper.ask({ do: "set", settings });
  }

  /** Answers whose client left before their end, since the last time this was asked. */
  async left(): Promise<Mark[]> {
    return mockReportSchema.parse(await this.#helper.ask({ do: "report" })).left;
  }

  stop(): void {
    this.#helper.stop();
  }
}

/** The callers, in a process of their own. */
export class Load {
  readonly #helper: Helper;

  private constructor(helper: Helper) {
    this.#helper = helper;
  }

  static async start(): Promise<Load> {
    return new Load((await Helper.start("load.ts")).helper);
  }

  /** Opens calls, so many at a time, and gives the ms it took. */
  async open(url: string, calls: number, atOnce = 20): Promise<number> {
    return openReportSchema.parse(await this.#helper.ask({ do: "open", url, calls, atOnce })).ms;
  }

  async talk(talk: Omit<Talk, "do">): Promise<TalkReport> {
    return talkReportSchema.parse(await this.#helper.ask({ do: "talk", ...talk }));
  }

  /** Hangs up every call. */
  async close(): Promise<void> {
    await this.#helper.ask({ do: "close" });
  }

  stop(): void {
    this.#helper.stop();
  }
}
