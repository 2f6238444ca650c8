import { EventEmitter, once } from "node:events";
import type { CompletionUsage } from "openai/resources/completions";
import { describeError, LlmError, type LlmErrorKind } from "./lib/errors.ts";
import type { Llm } from "./lib/llm/client.ts";
import { withDeadline } from "./lib/llm/deadline.ts";
import { classify } from "./lib/llm/embedded/sentiment.ts";
import { attemptOutcome, circuitOpenError, toLlmError } from "./lib/llm/errors.ts";
import type { Completion } from "./lib/llm/model.ts";
import { type LlmUsage, usageOf } from "./lib/llm/usage.ts";
import { BackgroundAgentNode } from "./lib/nodes/background-agent-node.ts";
import { Utterances } from "./lib/session/utterances.ts";
import type { AnyEvent } from "./lib/wire/events.ts";
import {
  logDraft,
  SENTIMENT_SCORE,
  SENTIMENTS,
  type Sentiment,
  type VerdictSource,
} from "./lib/wire/log-events.ts";

const PROMPT = `You judge the mood of a customer who talks to a support agent.
Answer with one word, one of: positive, neutral, negative, frustrated.
positive: pleased or thankful. neutral: a question, a fact, no feeling. negative: unhappy or disappointed.
frustrated: angry, out of patience, or has asked for the same thing again and again.`;

/** Longest part of an utterance that is judged, characters: nobody says more in one breath. */
const MAX_UTTERANCE_CHARS = 4_000;
/** Verdicts asked for at the same time; more wait in the mailbox, whose bound then applies. */
const MAX_IN_FLIGHT = 8;
/** Verdicts kept in `history`. */
const MAX_HISTORY = 200;

export type Verdict = {
  sentiment: Sentiment;
  source: VerdictSource;
  /** Why the embedded rules judged; null where the model did. */
  fallbackBecause: LlmErrorKind | null;
  /** Number of the utterance in the call, from 1. */
  utterance: number;
  /** From hearing to verdict, ms. */
  analysisMs: number;
};

export type SentimentSummary = {
  /** The most frequent sentiment; of several, the one heard last. Neutral before the first verdict. */
  overall: Sentiment;
  current: Sentiment;
  frustrationCount: number;
  shouldEscalate: boolean;
  /** The last five, oldest first. */
  recent: Sentiment[];
};

export type SentimentAnalyzerOptions = {
  llm: Llm;
  model: string;
  /** Longest wait for a verdict before the embedded rules give it, ms. */
  timeoutMs: number;
  /** Frustration count at which the caller should be handed to a person. */
  threshold: number;
};

/** Listens to the caller and keeps a verdict on every utterance. Others query its public state. */
export class SentimentAnalyzer extends BackgroundAgentNode {
  /** Verdicts in the order of the utterances, oldest first, bounded. */
  readonly history: Verdict[] = [];
  userIsSpeaking = false;
  readonly #options: SentimentAnalyzerOptions;
  readonly #changes = new EventEmitter();
  readonly #counts = new Map<Sentiment, number>();
  #lastApplied: Promise<void> = Promise.resolve();
  readonly #utterances = new Utterances();
  /** Utterances whose verdict has not been applied yet. */
  #inFlight = 0;
  #frustrationCount = 0;

  constructor(options: SentimentAnalyzerOptions) {
    super({ name: "sentiment-analyzer", hears: ["client"] });
    this.#options = options;
    this.#changes.setMaxListeners(0);
  }

  /** The latest verdict's sentiment; neutral before the first. */
  get current(): Sentiment {
    return this.history.at(-1)?.sentiment ?? "neutral";
  }

  /** Negative and frustrated utterances add one, positive ones take one away; never below 0. */
  get frustrationCount(): number {
    return this.#frustrationCount;
  }

  get threshold(): number {
    return this.#options.threshold;
  }

  shouldEscalate(): boolean {
    return this.#frustrationCount >= this.threshold;
  }

  /** Whether the verdicts that are still out could make {@link shouldEscalate} true. */
  couldEscalate(): boolean {
    return !this.shouldEscalate() && this.#frustrationCount + this.#outstanding() >= this.threshold;
  }

  getSentimentSummary(): SentimentSummary {
    return {
      overall: this.#mostFrequent(),
      current: this.current,
      frustrationCount: this.#frustrationCount,
      shouldEscalate: this.shouldEscalate(),
      recent: this.history.slice(-5).map(({ sentiment }) => sentiment),
    };
  }

  /** Waits until every utterance heard so far has its verdict. `false` if `ms` passed or `signal` was aborted first. */
  async settled(signal: AbortSignal, ms: number): Promise<boolean> {
    try {
      return await withDeadline(signal, ms, async (deadline) => {
        while (this.#outstanding() > 0) await once(this.#changes, "change", { signal: deadline });
        return true;
      });
    } catch (error) {
      // The deadline's own name is TimeoutError; a listener that was told to stop waiting says AbortError.
      if (error instanceof Error && /^(AbortError|TimeoutError)$/.test(error.name)) return false;
      throw error;
    }
  }

  override stop(): void {
    const { overall, frustrationCount, shouldEscalate } = this.getSentimentSummary();
    this.session.log.info(
      { utterances: this.#utterances.count, overall, frustrationCount, shouldEscalate },
      `[SentimentAnalyzer] Session summary: overall ${overall} over ${this.#utterances.count} utterances (frustration count: ${frustrationCount})`,
    );
  }

  protected override async processEvent(event: AnyEvent): Promise<void> {
    if (this.session.handedOff) return;
    switch (event.type) {
      case "system.user.started_speaking":
        this.userIsSpeaking = true;
        break;
      case "system.user.stopped_speaking":
        this.userIsSpeaking = false;
        break;
      case "agent.transcript.update":
      case "system.llm.request":
        await this.#hear(event);
        break;
      default:
        break;
    }
  }

  async #hear(event: AnyEvent): Promise<void> {
    const text = this.#utterances.take(event);
    // What may have been counted as outstanding is known by now not to be.
    if (text === null) {
      this.#changes.emit("change");
      return;
    }
    const verdict = this.#judge(text.slice(0, MAX_UTTERANCE_CHARS), this.#utterances.count);
    const applied = Promise.all([verdict, this.#lastApplied]).then(([result]) => this.#apply(result));
    this.#lastApplied = applied;
    this.#inFlight += 1;
    this.session.own(applied);
    if (this.#inFlight >= MAX_IN_FLIGHT) await applied;
  }

  async #judge(text: string, utterance: number): Promise<Verdict> {
    const startedAt = performance.now();
    const done = (sentiment: Sentiment, fallbackBecause: LlmErrorKind | null): Verdict => ({
      sentiment,
      source: fallbackBecause === null ? "model" : "fallback",
      fallbackBecause,
      utterance,
      analysisMs: Math.round(performance.now() - startedAt),
    });
    try {
      return done(await this.#ask(text), null);
    } catch (error) {
      if (!this.session.signal.aborted) {
        this.session.log.warn(
          describeError(error),
          "Sentiment model failed, the embedded rules judge instead",
        );
      }
      return done(classify(text), toLlmError(error).kind);
    }
  }

  /** @throws {LlmError} */
  async #ask(text: string): Promise<Sentiment> {
    const { llm, model } = this.#options;
    const attempt = llm.sentimentCircuit.begin();
    if (!attempt) throw circuitOpenError();
    const ended = (outcome: LlmUsage["outcome"], usage: CompletionUsage | null = null) =>
      this.sendEvent(logDraft("llm.usage", usageOf(model, outcome, usage)));
    let answer: string;
    try {
      const completion = await this.#request(text);
      attempt.settle("succeeded");
      ended("completed", completion.usage);
      answer = completion.text;
    } catch (error) {
      const { aborted } = this.session.signal;
      // What a client says of an error may quote the key; ours does not.
      const failure = toLlmError(error);
      attempt.settle(aborted ? "neither" : attemptOutcome(failure));
      ended(aborted ? "cancelled" : "failed");
      throw failure;
    }
    const sentiment = readSentiment(answer);
    llm.sentimentClarity.note(sentiment !== null);
    if (sentiment === null) throw new LlmError("unclear", "the model's answer was none of the four words");
    return sentiment;
  }

  #request(text: string): Promise<Completion> {
    const { llm, model, timeoutMs } = this.#options;
    return withDeadline(this.session.signal, timeoutMs, (signal) =>
      llm.models.get(model).complete(
        {
          ...llm.sentiment,
          maxTokens: 5,
          messages: [
            { role: "system", content: PROMPT },
            { role: "user", content: text },
          ],
        },
        // A retry would come after the answer; the rules are at hand at once.
        { signal, maxRetries: 0 },
      ),
    );
  }

  #apply(verdict: Verdict): void {
    this.#inFlight -= 1;
    if (this.session.signal.aborted) return;
    const { sentiment, source, fallbackBecause, utterance, analysisMs } = verdict;
    this.history.push(verdict);
    if (this.history.length > MAX_HISTORY) this.history.shift();
    this.#counts.set(sentiment, (this.#counts.get(sentiment) ?? 0) + 1);
    if (sentiment === "negative" || sentiment === "frustrated") this.#frustrationCount += 1;
    else if (sentiment === "positive") this.#frustrationCount = Math.max(0, this.#frustrationCount - 1);
    const frustrationCount = this.#frustrationCount;
    this.session.log.info(
      { utterance, source, fallbackBecause, analysisMs },
      `[SentimentAnalyzer] Detected ${sentiment} sentiment (frustration count: ${frustrationCount})`,
    );
    const score = SENTIMENT_SCORE[sentiment];
    this.sendEvent(
      logDraft("sentiment", {
        sentiment,
        frustrationCount,
        score,
        source,
        fallbackBecause,
        utterance,
        analysisMs,
      }),
    );
    this.#changes.emit("change");
  }

  /** Utterances heard, or waiting to be, that have no verdict yet. */
  #outstanding(): number {
    return this.#inFlight + this.waiting((event) => this.#mayBeUtterance(event));
  }

  #mayBeUtterance(event: AnyEvent): boolean {
    if (event.type === "agent.transcript.update") return event.role === "user";
    return (
      event.type === "system.llm.request" && event.messages !== null && !this.#utterances.fromTranscripts
    );
  }

  #mostFrequent(): Sentiment {
    let best = this.current;
    for (const [sentiment, times] of this.#counts) {
      if (times > (this.#counts.get(best) ?? 0)) best = sentiment;
      else if (times === this.#counts.get(best) && this.#heardAfter(sentiment, best)) best = sentiment;
    }
    return best;
  }

  #heardAfter(a: Sentiment, b: Sentiment): boolean {
    const last = (sentiment: Sentiment) =>
      this.history.findLastIndex((verdict) => verdict.sentiment === sentiment);
    return last(a) > last(b);
  }
}

/** Exactly one of the four words; null for whatever else a model says. */
function readSentiment(answer: string): Sentiment | null {
  const word = answer
    .trim()
    .toLowerCase()
    .replace(/[.!"'*`]/g, "");
  return SENTIMENTS.find((sentiment) => sentiment === word) ?? null;
}
