import cluster from "node:cluster";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { WorkerMetrics } from "./worker-metrics.ts";

/** What the server counts itself, read when somebody asks. */
export type ServerFigures = {
  readonly size: number;
  readonly bufferedBytes: number;
  readonly droppedEvents: number;
};

/** What the queue in front of the store of calls counts. */
export type RecordFigures = {
  readonly lost: number;
  readonly behindMs: number;
  readonly backlogBytes: number;
};

/** What is counted of the news on its way to webhooks. */
export type NewsFigures = {
  readonly lost: number;
  readonly waiting: number;
};

/** What became of the spans of traces. */
export type TraceFigures = {
  readonly sent: number;
  readonly lost: number;
};

export type RefusalReason =
  | "full"
  | "draining"
  | "not_ready"
  | "unauthorized"
  | "forbidden"
  | "bad_origin"
  | "bad_host"
  | "no_init"
  | "bad_init";

// A pause is felt from about half a second on, and 10 s is the default of LLM_TIMEOUT_MS. The lowest ones are for the
// embedded model and show what the server itself adds.
const FIRST_CHUNK_SECONDS = [0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10];
// The command line client gives an answer up after 60 s.
const TURN_SECONDS = [0.05, 0.25, 0.5, 1, 2, 3, 5, 8, 13, 20, 30, 60];
// 0.8 s is the default of ESCALATION_WAIT_MS: a verdict above it comes too late for its own turn. 5 s: SENTIMENT_TIMEOUT_MS.
const VERDICT_SECONDS = [0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.2, 2, 5];

// A telephone rings for half a minute; a warm transfer has its briefing on top.
const TRANSFER_SECONDS = [1, 2, 5, 10, 15, 20, 30, 45, 60, 120];

/** Agents and versions of them that are told apart. */
const MAX_AGENTS = 50;
const OTHER = { agent: "other", version: "other" };

/** The figures of one process. Every label has a fixed, short list of values; none comes from a client. */
export class Metrics {
  readonly registry = new Registry();
  readonly sessions = this.#counter("sessions_total", "Sessions opened, by type of conversation", ["type"]);
  readonly calls = this.#counter("calls_total", "Calls begun, by agent and its version", [
    "agent",
    "version",
  ]);
  readonly ended = this.#counter("sessions_ended_total", "Sessions ended, by reason", ["reason"]);
  readonly refused = this.#counter("sessions_refused_total", "Sessions refused, by reason", ["reason"]);
  readonly wrongTokens = this.#counter("wrong_tokens_total", "Requests with a token that is nobody's", []);
  readonly turns = this.#counter("turns_total", "Answers, by outcome", ["outcome"]);
  readonly chunks = this.#counter("chunks_total", "Pieces of answers", []);
  readonly llmErrors = this.#counter("llm_errors_total", "Answers the model failed, by kind", ["kind"]);
  readonly verdicts = this.#counter("verdicts_total", "Verdicts on utterances", ["sentiment", "source"]);
  readonly fallbacks = this.#counter("verdict_fallbacks_total", "Verdicts of the embedded rules, by why", [
    "kind",
  ]);
  readonly switches = this.#counter(
    "model_switches_total",
    "Answers asked of the second model, by what the first did",
    ["kind"],
  );
  readonly escalations = this.#counter("escalations_total", "Escalations, by outcome", ["outcome"]);
  readonly transfers = this.#counter("transfers_total", "Transfers that have ended, by outcome", ["outcome"]);
  readonly keys = this.#counter("keys_total", "Keys that callers have pressed", []);
  readonly silences = this.#counter(
    "silences_total",
    "Silences of callers that the agent broke, by what it did",
    ["did"],
  );
  readonly interrupts = this.#counter("interrupts_total", "Answers and lines that the caller cut short", []);
  readonly firstChunk = this.#histogram(
    "first_chunk_seconds",
    "From the request to the first piece of its answer",
    FIRST_CHUNK_SECONDS,
  );
  readonly reply = this.#histogram(
    "reply_seconds",
    "From the caller's last words to the first piece of the answer",
    FIRST_CHUNK_SECONDS,
  );
  readonly turn = this.#histogram("turn_seconds", "From the request to the end of its answer", TURN_SECONDS);
  readonly transfer = this.#histogram(
    "transfer_seconds",
    "From the request for a transfer to its outcome",
    TRANSFER_SECONDS,
  );
  readonly verdict = this.#histogram("verdict_seconds", "From an utterance to its verdict", VERDICT_SECONDS);

  readonly #agents = new Set<string>();
  /** Null where there is one process only. */
  readonly #workers = cluster.isWorker ? new WorkerMetrics(this.registry) : null;

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  /** All figures, those of the other workers of this machine added up with its own, in the format of Prometheus. */
  text(): Promise<string> {
    return this.#workers?.read() ?? this.registry.metrics();
  }

  /** Counts a call that begins. Agents are of one's own naming; more than a person would name count as `other`. */
  countCall(agent: string | null, version: string | null): void {
    const known = `${agent}\n${version}`;
    if (this.#agents.size < MAX_AGENTS) this.#agents.add(known);
    const labels = this.#agents.has(known) ? { agent: agent ?? "", version: version ?? "" } : OTHER;
    this.calls.inc(labels);
  }

  /** Adds what only the server knows. Called once. */
  watch(server: ServerFigures): void {
    this.#gauge("sessions_open", "Open connections", () => server.size);
    this.#gauge("buffered_bytes", "Bytes that clients have not read yet", () => server.bufferedBytes);
    this.#total(
      "dropped_events_total",
      "Events dropped by nodes that did not keep up",
      () => server.droppedEvents,
    );
  }

  /** Adds how the queue in front of the store of calls stands. Called once. */
  watchRecord(writer: RecordFigures): void {
    this.#total("record_writes_lost_total", "Writes that the record of calls has lost", () => writer.lost);
    // Of several workers the one that is most behind.
    this.#gauge(
      "record_behind_seconds",
      "Age of the oldest write that the record of calls has not taken",
      () => writer.behindMs / 1_000,
      "max",
    );
    this.#gauge(
      "record_backlog_bytes",
      "Writes that wait for the record of calls in files",
      () => writer.backlogBytes,
    );
  }

  /** Adds how the news for webhooks stands. Called once. */
  watchNews(news: NewsFigures): void {
    this.#gauge("webhook_news_waiting", "News of calls that webhooks have not taken yet", () => news.waiting);
    this.#total("webhook_news_lost_total", "News of calls that webhooks will never get", () => news.lost);
  }

  /** Adds what became of the spans of traces. Called once. */
  watchTraces(spans: TraceFigures): void {
    this.#total("trace_spans_total", "Spans that the collector has taken", () => spans.sent);
    this.#total(
      "trace_spans_lost_total",
      "Spans lost: the queue was full, or the collector did not take them",
      () => spans.lost,
    );
  }

  #counter<L extends string>(name: string, help: string, labelNames: L[]): Counter<L> {
    return new Counter({ name: `voice_agent_${name}`, help, labelNames, registers: [this.registry] });
  }

  #histogram(name: string, help: string, buckets: number[]): Histogram {
    return new Histogram({ name: `voice_agent_${name}`, help, buckets, registers: [this.registry] });
  }

  /** A counter that somebody else counts. */
  #total(name: string, help: string, read: () => number): void {
    const counter: Counter = new Counter({
      name: `voice_agent_${name}`,
      help,
      registers: [this.registry],
      collect: () => {
        counter.reset();
        counter.inc(read());
      },
    });
  }

  #gauge(name: string, help: string, read: () => number, aggregator: "sum" | "max" = "sum"): void {
    const gauge: Gauge = new Gauge({
      name: `voice_agent_${name}`,
      help,
      registers: [this.registry],
      aggregator,
      collect: () => gauge.set(read()),
    });
  }
}
