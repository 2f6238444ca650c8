import { EventEmitter, once } from "node:events";
import { describeError, LlmError, type LlmErrorKind } from "./lib/errors.ts";
import type { Llm } from "./lib/llm/client.ts";
import { withDeadline } from "./lib/llm/deadline.ts";
import { attemptOutcome, circuitOpenError, toLlmError } from "./lib/llm/errors.ts";
import type { Completion } from "./lib/llm/model.ts";
import { moodMessages, readSentiment, readUpset, requestMood } from "./lib/llm/mood-request.ts";
import { type LlmUsage, usageOf } from "./lib/llm/usage.ts";
import { CallContext, type UtteranceContext } from "./lib/mood/context.ts";
import { causeOf, judge } from "./lib/mood/judge.ts";
import { CountPolicy, type EscalationPolicy } from "./lib/mood/policy.ts";
import type { AgentNode, NodeSession } from "./lib/nodes/agent-node.ts";
import { BackgroundAgentNode } from "./lib/nodes/background-agent-node.ts";
import type { AgentTurn, Moment } from "./lib/session/moments.ts";
import { Utterances } from "./lib/session/utterances.ts";
import type { AnyEvent } from "./lib/wire/events.ts";
import { logDraft, SENTIMENT_SCORE, type Sentiment, type VerdictSource } from "./lib/wire/log-events.ts";

/** Verdicts asked for at the same time; more wait in the mailbox, whose bound then applies. */
const MAX_IN_FLIGHT = 8;
/** Verdicts kept in `history`. */
const MAX_HISTORY = 200;
/** Utterances whose context is kept until they are judged. */
const MAX_CONTEXTS = 100;

export type Verdict = {
  sentiment: Sentiment;
  /** Probability that the caller is upset, 0…1. */
  upset: number;
  /** What counted, in a few words; null for a neutral utterance. */
  cause: string | null;
  source: VerdictSource;
  /** Why the embedded model judged instead; null where the model asked for did. */
  fallbackBecause: LlmErrorKind | null;
  /** Number of the utterance in the call, from 1. */
  utterance: number;
  /** From hearing to verdict, ms. */
  analysisMs: number;
};

type Found = Pick<Verdict, "sentiment" | "upset" | "cause">;

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
  /** Longest wait for a verdict before the embedded model gives it, ms. */
  timeoutMs: number;
  /** Frustration count at which the caller should be handed to a person, unless `policy` decides. Default 3. */
  threshold?: number;
  /** When the caller should be handed to a person: one for each call. Default: the count. */
  policy?: EscalationPolicy;
  /** Turns of both sides before an utterance that the model is shown. Default 4. */
  contextTurns?: number;
};

/** Listens to the caller and keeps a verdict on every utterance. Others query its public state. */
export class SentimentAnalyzer extends BackgroundAgentNode {
  /** Verdicts in the order of the utterances, oldest first, bounded. */
  readonly history: Verdict[] = [];
  userIsSpeaking = false;
  readonly #options: SentimentAnalyzerOptions;
  readonly #policy: EscalationPolicy;
  readonly #changes = new EventEmitter();
  readonly #counts = new Map<Sentiment, number>();
  #lastApplied: Promise<void> = Promise.resolve();
  readonly #utterances = new Utterances();
  readonly #context: CallContext;
  /** By the number of the utterance. */
  readonly #contexts = new Map<number, UtteranceContext>();
  /** What the agent says that the caller has not answered yet. */
  #agentTurns: AgentTurn[] = [];
  /** Utterances whose verdict has not been applied yet. */
  #inFlight = 0;
  #frustrationCount = 0;
  #dueSince: number | null = null;

  constructor(options: SentimentAnalyzerOptions) {
    super({ name: "sentiment-analyzer", hears: ["client"] });
    this.#options = options;
    this.#policy = options.policy ?? new CountPolicy(options.threshold ?? 3);
    this.#context = new CallContext(options.contextTurns ?? 4);
    this.#changes.setMaxListeners(0);
  }

  override attach(session: NodeSession, children: readonly AgentNode[], isRoot: boolean): void {
    super.attach(session, children, isRoot);
    session.timeline.listen((moment) => this.#follow(moment));
  }

  /** The latest verdict's sentiment; neutral before the first. */
  get current(): Sentiment {
    return this.history.at(-1)?.sentiment ?? "neutral";
  }

  /** Negative and frustrated utterances add one, positive ones take one away; never below 0. */
  get frustrationCount(): number {
    return this.#frustrationCount;
  }

  /** Of the policy that decides about the hand-off: a count, or a risk. */
  get threshold(): number {
    return this.#policy.threshold;
  }

  shouldEscalate(): boolean {
    return this.#policy.reached;
  }

  /** Number of the utterance whose verdict made the hand-off due; null while it is not. */
  get dueSince(): number | null {
    return this.#dueSince;
  }

  /** Whether the verdicts that are still out could make {@link shouldEscalate} true. */
  couldEscalate(): boolean {
    return !this.shouldEscalate() && this.#policy.couldReach(this.#outstanding());
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
    const utterance = this.#utterances.count;
    const context = this.#contexts.get(utterance) ?? this.#context.heard(text);
    this.#contexts.delete(utterance);
    const verdict = this.#judge(context, utterance);
    const applied = Promise.all([verdict, this.#lastApplied]).then(([result]) => this.#apply(result));
    this.#lastApplied = applied;
    this.#inFlight += 1;
    this.session.own(applied);
    if (this.#inFlight >= MAX_IN_FLIGHT) await applied;
  }

  /** Keeps the call's turns as they are told, and takes the context of an utterance at the moment it is heard. */
  #follow(moment: Moment): void {
    switch (moment.type) {
      case "answer.started":
      case "line":
        this.#agentTurns.push(moment.turn);
        break;
      case "utterance": {
        for (const { text, interrupted, outcome, tools } of this.#agentTurns) {
          const failed = outcome === "failed" || tools.some((tool) => tool.outcome === "error");
          this.#context.agentSaid(text, { interrupted, failed });
        }
        this.#agentTurns = [];
        const { utterance, text } = moment.turn;
        this.#contexts.set(utterance, this.#context.heard(text));
        this.#contexts.delete(utterance - MAX_CONTEXTS);
        break;
      }
      default:
        break;
    }
  }

  async #judge(context: UtteranceContext, utterance: number): Promise<Verdict> {
    const startedAt = performance.now();
    const done = (found: Found, fallbackBecause: LlmErrorKind | null): Verdict => ({
      ...found,
      upset: Math.round(found.upset * 1_000) / 1_000,
      source: fallbackBecause === null ? "model" : "fallback",
      fallbackBecause,
      utterance,
      analysisMs: Math.round(performance.now() - startedAt),
    });
    const own = judge(context);
    if (this.#options.llm.embedded) return done(own, null);
    try {
      const answer = await this.#ask(context, utterance);
      return done({ ...answer, cause: causeOf(answer.sentiment, context) }, null);
    } catch (error) {
      if (!this.session.signal.aborted) {
        this.session.log.warn(
          describeError(error),
          "Sentiment model failed, the embedded rules judge instead",
        );
      }
      return done(own, toLlmError(error).kind);
    }
  }

  /** @throws {LlmError} */
  async #ask(context: UtteranceContext, utterance: number): Promise<Pick<Found, "sentiment" | "upset">> {
    const { llm, model, timeoutMs } = this.#options;
    const attempt = llm.sentimentCircuit.begin();
    if (!attempt) throw circuitOpenError();
    const startedAt = performance.now();
    const ended = (
      outcome: LlmUsage["outcome"],
      completion: Completion | null,
      error: LlmErrorKind | null = null,
    ) => {
      const usage = usageOf(model, outcome, completion?.usage);
      this.sendEvent(logDraft("llm.usage", usage));
      this.sendEvent(
        logDraft("llm.request", {
          usage,
          purpose: "verdict",
          utterance,
          server: llm.models.get(model).server.client.baseURL,
          temperature: llm.sentiment.temperature,
          streamed: false,
          tookMs: Math.round(performance.now() - startedAt),
          firstChunkMs: null,
          finishReason: completion?.finishReason ?? null,
          responseModel: completion?.model ?? null,
          responseId: completion?.id ?? null,
          error,
          retries: [],
          messages: moodMessages(context),
          toolCalls: [],
          text: completion?.text ?? null,
        }),
      );
    };
    let answer: Completion;
    try {
      const completion = await withDeadline(this.session.signal, timeoutMs, (signal) =>
        requestMood(llm, model, context, signal),
      );
      attempt.settle("succeeded");
      ended("completed", completion);
      answer = completion;
    } catch (error) {
      const { aborted } = this.session.signal;
      // What a client says of an error may quote the key; ours does not.
      const failure = toLlmError(error);
      attempt.settle(aborted ? "neither" : attemptOutcome(failure));
      ended(aborted ? "cancelled" : "failed", null, aborted ? "aborted" : failure.kind);
      throw failure;
    }
    const sentiment = readSentiment(answer.text);
    llm.sentimentClarity.note(sentiment !== null);
    if (sentiment === null) throw new LlmError("unclear", "the model's answer was none of the four words");
    return { sentiment, upset: readUpset(sentiment, answer.logprobs) };
  }

  #apply(verdict: Verdict): void {
    this.#inFlight -= 1;
    if (this.session.signal.aborted) return;
    const { sentiment, upset, cause, source, fallbackBecause, utterance, analysisMs } = verdict;
    this.history.push(verdict);
    if (this.history.length > MAX_HISTORY) this.history.shift();
    this.#counts.set(sentiment, (this.#counts.get(sentiment) ?? 0) + 1);
    if (sentiment === "negative" || sentiment === "frustrated") this.#frustrationCount += 1;
    else if (sentiment === "positive") this.#frustrationCount = Math.max(0, this.#frustrationCount - 1);
    this.#policy.add(verdict);
    this.#dueSince = this.shouldEscalate() ? (this.#dueSince ?? utterance) : null;
    const frustrationCount = this.#frustrationCount;
    this.session.log.info(
      { utterance, source, fallbackBecause, analysisMs },
      `[SentimentAnalyzer] Detected ${sentiment} sentiment (frustration count: ${frustrationCount})`,
    );
    const score = SENTIMENT_SCORE[sentiment];
    this.sendEvent(
      logDraft("sentiment", {
        sentiment,
        upset,
        cause,
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
