import { LLM_ERROR_KINDS } from "../errors.ts";
import { ListenerNode } from "../nodes/listener-node.ts";
import type { AnyEvent } from "../wire/events.ts";
import { isLog } from "../wire/log-events.ts";
import type { Metrics } from "./metrics.ts";

/** Requests waiting for their answer to begin; a session without an agent would collect them for ever. */
const MAX_WAITING_REQUESTS = 16;

/** Counts what happens in one call. */
export class MetricsNode extends ListenerNode {
  readonly #metrics: Metrics;
  /** When the requests not answered yet came, `performance.now()`, oldest first. */
  readonly #requestedAt: number[] = [];
  #turn: { requestedAt: number; chunks: number } | null = null;

  constructor(metrics: Metrics) {
    super({ name: "metrics" });
    this.#metrics = metrics;
  }

  protected override hear(event: AnyEvent): void {
    switch (event.type) {
      case "agent.llm.response.chunk":
        this.#chunk();
        break;
      case "system.llm.request":
        this.#requestedAt.push(performance.now());
        if (this.#requestedAt.length > MAX_WAITING_REQUESTS) this.#requestedAt.shift();
        break;
      case "agent.llm.response.start":
        this.#turn = { requestedAt: this.#requestedAt.shift() ?? performance.now(), chunks: 0 };
        break;
      case "agent.llm.response.end":
        this.#end();
        break;
      case "system.control.interrupt":
        this.#metrics.interrupts.inc();
        break;
      case "agent.error":
        this.#countLlmError(event.payload?.kind);
        break;
      case "agent.log":
        this.#countLog(event);
        break;
      default:
        break;
    }
  }

  #chunk(): void {
    if (!this.#turn) return;
    this.#turn.chunks += 1;
    if (this.#turn.chunks === 1) this.#metrics.firstChunk.observe(secondsSince(this.#turn.requestedAt));
  }

  #end(): void {
    if (!this.#turn) return;
    this.#metrics.turn.observe(secondsSince(this.#turn.requestedAt));
    this.#metrics.chunks.inc(this.#turn.chunks);
    this.#turn = null;
  }

  #countLlmError(kind: unknown): void {
    const known = LLM_ERROR_KINDS.find((each) => each === kind);
    if (known) this.#metrics.llmErrors.inc({ kind: known });
  }

  #countLog(event: AnyEvent): void {
    if (isLog(event, "turn.ended")) {
      this.#metrics.turns.inc({ outcome: event.payload.outcome });
    } else if (isLog(event, "sentiment")) {
      const { sentiment, source, analysisMs } = event.payload;
      this.#metrics.verdicts.inc({ sentiment, source });
      this.#metrics.verdict.observe(analysisMs / 1_000);
    } else if (isLog(event, "escalation.triggered")) {
      this.#metrics.escalations.inc({ outcome: event.payload.outcome });
    }
  }
}

function secondsSince(at: number): number {
  return (performance.now() - at) / 1_000;
}
