import type { AgentTurn, UserTurn } from "../session/moments.ts";
import { applyPolicy, keepCause, type TextPolicy } from "../text-policy.ts";
import type { LogPayloads } from "../wire/log-events.ts";
import { blankTurn, type TurnRecord } from "./record.ts";
import { insertTurn, setVerdict, type TurnChanges, updateTurn } from "./store/change.ts";
import type { CallWriter } from "./writer.ts";

export type CallTurnsOptions = {
  sessionId: string;
  writer: CallWriter;
  text: TextPolicy;
};

/** Writes the turns of one call, and what is learnt of a turn later. */
export class CallTurns {
  readonly #sessionId: string;
  readonly #writer: CallWriter;
  readonly #text: TextPolicy;

  constructor({ sessionId, writer, text }: CallTurnsOptions) {
    this.#sessionId = sessionId;
    this.#writer = writer;
    this.#text = text;
  }

  writeUtterance({ number, offsetMs, text, words, utterance, repeated }: UserTurn): void {
    const kept = applyPolicy(text, this.#text);
    this.#write({ ...blankTurn(number, "user", offsetMs), text: kept, words, utterance, repeated });
  }

  /** An answer, or a line spoken beside the answers. */
  writeLine(turn: AgentTurn): void {
    const { number, speaker, offsetMs, words, interrupted, outcome } = turn;
    const { firstChunkMs, thinkingMs, model, replyMs, answerMs } = turn;
    this.#write({
      ...blankTurn(number, "assistant", offsetMs),
      speaker,
      text: applyPolicy(turn.text, this.#text),
      written: turn.written === null ? null : applyPolicy(turn.written, this.#text),
      words,
      firstChunkMs,
      thinkingMs,
      model,
      replyMs,
      answerMs,
      interrupted,
      outcome,
      tools: [...turn.tools],
    });
  }

  correct({ number, text, words }: AgentTurn, because: "interrupted" | "spoken"): void {
    const changes: TurnChanges =
      because === "interrupted" ? { interrupted: 1 } : { text: applyPolicy(text, this.#text), words };
    this.#writer.push(updateTurn(this.#sessionId, number, changes));
  }

  writeVerdict(
    number: number,
    { sentiment: verdict, upset, cause, score, source, analysisMs }: LogPayloads["sentiment"],
  ): void {
    const kept = keepCause(cause, this.#text);
    this.#writer.push(
      setVerdict(this.#sessionId, number, { verdict, upset, cause: kept, score, source, analysisMs }),
    );
  }

  #write(turn: TurnRecord): void {
    this.#writer.push(insertTurn(this.#sessionId, turn));
  }
}
