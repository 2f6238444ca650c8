import { LLM_ERROR_KINDS } from "../errors.ts";
import { TimelineNode } from "../nodes/timeline-node.ts";
import type { AgentTurn, Moment, TransferNews } from "../session/moments.ts";
import type { Metrics } from "./metrics.ts";

/** Counts what happens in one call. */
export class MetricsNode extends TimelineNode {
  readonly #metrics: Metrics;

  constructor(metrics: Metrics) {
    super("metrics");
    this.#metrics = metrics;
  }

  override start(): void {
    const { agent, agentVersion } = this.session.description;
    this.#metrics.countCall(agent, agentVersion);
  }

  protected override hear(moment: Moment): void {
    const { interrupts, llmErrors, switches, verdicts, fallbacks, verdict, escalations, keys, silences } =
      this.#metrics;
    switch (moment.type) {
      case "answer.ended":
        this.#countAnswer(moment.turn);
        break;
      case "correction":
        if (moment.because === "interrupted") interrupts.inc();
        break;
      case "verdict": {
        const { sentiment, source, fallbackBecause, analysisMs } = moment.verdict;
        verdicts.inc({ sentiment, source });
        if (fallbackBecause !== null) fallbacks.inc({ kind: fallbackBecause });
        verdict.observe(analysisMs / 1_000);
        break;
      }
      case "escalation":
        escalations.inc({ outcome: moment.escalation.outcome });
        break;
      case "modelSwitched":
        switches.inc({ kind: moment.change.because });
        break;
      case "transfer":
        this.#countTransfer(moment.transfer);
        break;
      case "key":
        keys.inc();
        break;
      case "silence":
        silences.inc({ did: moment.times === 1 ? "asked" : "goodbye" });
        break;
      case "error": {
        const kind = LLM_ERROR_KINDS.find((each) => each === moment.error.payload?.kind);
        if (kind) llmErrors.inc({ kind });
        break;
      }
      default:
        break;
    }
  }

  #countTransfer({ outcome, tookMs }: TransferNews): void {
    if (outcome === "requested") return;
    this.#metrics.transfers.inc({ outcome });
    if (tookMs !== null) this.#metrics.transfer.observe(tookMs / 1_000);
  }

  #countAnswer({ outcome, chunks, interrupted, firstChunkMs, replyMs, answerMs }: AgentTurn): void {
    const { turns, chunks: pieces, interrupts, firstChunk, reply, turn } = this.#metrics;
    turns.inc({ outcome: outcome ?? "completed" });
    pieces.inc(chunks);
    if (interrupted) interrupts.inc();
    if (firstChunkMs !== null) firstChunk.observe(firstChunkMs / 1_000);
    if (replyMs !== null) reply.observe(replyMs / 1_000);
    if (answerMs !== null) turn.observe(answerMs / 1_000);
  }
}
