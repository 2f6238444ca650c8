import { WebSocket } from "ws";
import { z } from "zod";
import { SENTIMENTS } from "../lib/wire/log-events.ts";
import type { JudgedCall, JudgedTurn } from "./calls.ts";
import { isUpsetAt, LabelError, type LabelledCall } from "./labelled-calls.ts";

/** Longest wait for an answer and a verdict, ms. */
const GUARD_MS = 30_000;

const verdict = z.object({
  type: z.literal("agent.log"),
  name: z.literal("sentiment"),
  payload: z.object({
    utterance: z.number(),
    sentiment: z.enum(SENTIMENTS),
    upset: z.number(),
    cause: z.string().nullable(),
  }),
});
const other = z.object({ type: z.string(), name: z.string().optional() });

/**
 * Calls a running server and says the caller's turns one after the other; its agent answers in place of the call's own.
 * The level of a turn is 1 from the escalation on.
 * @throws {LabelError} if the server cannot be called or does not answer.
 */
export async function playCall(call: LabelledCall, url: string): Promise<JudgedCall> {
  const line = new Line(url);
  try {
    await line.until(({ type }) => type === "agent.ready");
    line.send({ type: "system.user.joined" });
    const turns: JudgedTurn[] = [];
    let handoverFrom: JudgedCall["handoverFrom"] = call.handoverFrom === "unknown" ? "unknown" : null;
    for (const [at, { role, text }] of call.turns.entries()) {
      if (role === "agent" || text.trim() === "") continue;
      if (at === call.handoverFrom) handoverFrom = turns.length;
      const utterance = turns.length + 1;
      line.send({ type: "agent.transcript.update", role: "user", content: text });
      line.send({ type: "system.llm.request" });
      await line.until(({ type }) => type === "agent.llm.response.end");
      const found = await line.verdict(utterance);
      const { sentiment, upset, cause } = found ?? { sentiment: "neutral" as const, upset: 0, cause: null };
      const level = line.escalated ? 1 : 0;
      turns.push({ text, isUpset: isUpsetAt(call, at), label: null, sentiment, upset, cause, level });
    }
    return { id: call.id, kind: call.kind, turns, handoverFrom };
  } finally {
    line.close();
  }
}

type Frame = z.infer<typeof other>;
type Payload = z.infer<typeof verdict>["payload"];

/** One call's socket: what has come, and what is waited for. */
class Line {
  readonly #socket: WebSocket;
  readonly #verdicts = new Map<number, Payload>();
  readonly #seen: Frame[] = [];
  #waiting: (() => void) | null = null;
  #failure: string | null = null;
  escalated = false;

  constructor(url: string) {
    this.#socket = new WebSocket(url);
    this.#socket.on("open", () =>
      this.send({
        type: "system.init",
        version: "1.0.0",
        session_context: { initial_variables: {}, conversation_type: "webcall" },
      }),
    );
    this.#socket.on("message", (data) => this.#take(String(data)));
    this.#socket.on("error", ({ message }) => this.#fail(message));
    this.#socket.on("close", (code) => this.#fail(`the call was closed with ${code}`));
  }

  send(event: object): void {
    this.#socket.send(JSON.stringify({ ...event, timestamp: new Date().toISOString() }));
  }

  close(): void {
    this.#socket.close();
  }

  /** Waits for a frame that has not been waited for before. */
  async until(is: (frame: Frame) => boolean): Promise<void> {
    await this.#when(() => {
      const at = this.#seen.findIndex(is);
      if (at >= 0) this.#seen.splice(0, at + 1);
      return at >= 0;
    });
  }

  /** The verdict on an utterance; after a hand-off nobody judges, and it is null. */
  async verdict(utterance: number): Promise<Payload | null> {
    await this.#when(() => this.#verdicts.has(utterance) || this.escalated);
    return this.#verdicts.get(utterance) ?? null;
  }

  async #when(isDone: () => boolean): Promise<void> {
    const guard = setTimeout(() => this.#fail(`no answer in ${GUARD_MS} ms`), GUARD_MS);
    try {
      while (!isDone()) {
        if (this.#failure !== null) throw new LabelError(`${this.#socket.url}: ${this.#failure}`);
        await new Promise<void>((resolve) => {
          this.#waiting = resolve;
        });
      }
    } finally {
      clearTimeout(guard);
    }
  }

  #take(data: string): void {
    const frame: unknown = JSON.parse(data);
    const judged = verdict.safeParse(frame);
    if (judged.success) this.#verdicts.set(judged.data.payload.utterance, judged.data.payload);
    const seen = other.parse(frame);
    if (seen.name === "escalation.triggered") this.escalated = true;
    this.#seen.push(seen);
    this.#wake();
  }

  #fail(why: string): void {
    this.#failure ??= why;
    this.#wake();
  }

  #wake(): void {
    this.#waiting?.();
    this.#waiting = null;
  }
}
