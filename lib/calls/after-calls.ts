import type { Logger } from "pino";
import { describeError } from "../errors.ts";
import type { Llm } from "../llm/client.ts";
import { withDeadline } from "../llm/deadline.ts";
import type { ScoringForm } from "./review/form.ts";
import { proposalPrompt, readProposal } from "./review/proposal.ts";
import { saveScorecard } from "./review/scorecards.ts";
import { readCall } from "./store/read.ts";
import type { Db } from "./store/schema.ts";
import { setSummary } from "./store/write.ts";
import { readSummary, SUMMARY_PROMPT } from "./summary.ts";
import { transcriptOf } from "./transcript.ts";

/** The call is over and nobody waits: a slow model may take this long for an answer, ms. */
export const AFTER_CALL_TIMEOUT_MS = 30_000;
const AT_ONCE = 2;
/** Calls that may wait for the model; more go without. */
const MAX_WAITING = 200;
const MAX_ANSWER_TOKENS = 2_000;

export type AfterCallsOptions = {
  db: Db;
  llm: Llm;
  model: string;
  /** Whether calls are summed up. */
  sumUp: boolean;
  /** What the model is to score calls by; null: it does not. */
  form: ScoringForm | null;
  log: Logger;
};

/** Has ended calls summed up and scored by a model, a few at a time. What fails leaves the record as it was. */
export class AfterCalls {
  readonly #options: AfterCallsOptions;
  readonly #closing = new AbortController();
  readonly #running = new Set<Promise<void>>();
  readonly #waiting: { sessionId: string; done: () => void }[] = [];

  constructor(options: AfterCallsOptions) {
    this.#options = options;
  }

  /** Queues a call. `done` runs when the model is done with it, or has failed. */
  add(sessionId: string, done: () => void): void {
    if (this.#closing.signal.aborted) return;
    if (this.#waiting.length >= MAX_WAITING) {
      this.#options.log.warn(
        { sessionId },
        "Too many calls wait for the model after their end; this one goes without",
      );
      done();
      return;
    }
    this.#waiting.push({ sessionId, done });
    this.#next();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#waiting.length = 0;
    await Promise.all(this.#running);
  }

  #next(): void {
    while (this.#running.size < AT_ONCE) {
      const entry = this.#waiting.shift();
      if (!entry) return;
      const running = this.#look(entry.sessionId).finally(() => {
        this.#running.delete(running);
        entry.done();
        this.#next();
      });
      this.#running.add(running);
    }
  }

  async #look(sessionId: string): Promise<void> {
    const { db, model, sumUp, form } = this.#options;
    await this.#try("No summary of the call", sessionId, async () => {
      const call = await readCall(db, sessionId);
      const transcript = call ? transcriptOf(call) : "";
      if (transcript === "") return;
      if (sumUp) await setSummary(db, sessionId, readSummary(await this.#ask(SUMMARY_PROMPT, transcript)));
      if (form === null) return;
      await this.#try("No proposal of a score for the call", sessionId, async () => {
        const proposal = readProposal(form, await this.#ask(proposalPrompt(form), transcript));
        await saveScorecard(db, sessionId, { ...proposal, by: model, at: Date.now() });
      });
    });
  }

  async #try(failure: string, sessionId: string, step: () => Promise<void>): Promise<void> {
    try {
      await step();
    } catch (error) {
      if (!this.#closing.signal.aborted)
        this.#options.log.warn({ sessionId, ...describeError(error) }, failure);
    }
  }

  async #ask(prompt: string, transcript: string): Promise<string> {
    const { llm, model } = this.#options;
    const completion = await withDeadline(this.#closing.signal, AFTER_CALL_TIMEOUT_MS, (signal) =>
      llm.models.get(model).complete(
        {
          ...llm.summary,
          maxTokens: MAX_ANSWER_TOKENS,
          messages: [
            { role: "system", content: prompt },
            { role: "user", content: transcript },
          ],
        },
        { signal },
      ),
    );
    return completion.text;
  }
}
