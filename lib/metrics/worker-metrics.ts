import type { Worker } from "node:cluster";
import type { Logger } from "pino";
import { AggregatorRegistry, type Registry } from "prom-client";
import { z } from "zod";
import { AgentServerError, describeError } from "../errors.ts";

/*
 * The figures of all workers, so that it does not matter which of them is asked. Only the primary can ask them all,
 * and only a worker can be asked over HTTP.
 */

const question = z.object({ metrics: z.literal("ask") });
const answer = z.object({ metrics: z.literal("answer"), text: z.string().nullable() });
type Question = z.output<typeof question>;
type Answer = z.output<typeof answer>;

/** The figures of the workers could not be added up. */
export class MetricsError extends AgentServerError {
  readonly code = "no_metrics";
}

/** The primary's part: asks all workers when one of them is asked. */
export class MetricsHub {
  readonly #registry = new AggregatorRegistry();
  readonly #log: Logger;

  constructor(log: Logger) {
    this.#log = log;
  }

  watch(worker: Worker): void {
    worker.on("message", (message: unknown) => {
      if (question.safeParse(message).success) void this.#answer(worker);
    });
  }

  async #answer(worker: Worker): Promise<void> {
    const text = await this.#registry.clusterMetrics().catch((error: unknown) => {
      this.#log.warn({ err: describeError(error) }, "The workers' figures could not be added up");
      return null;
    });
    // It fails when the worker is gone, and then nobody waits.
    const reply: Answer = { metrics: "answer", text };
    worker.send(reply, undefined, undefined, () => {});
  }
}

/** A worker's part. One for each process. */
export class WorkerMetrics {
  #asked: Promise<string> | null = null;

  constructor(registry: Registry) {
    AggregatorRegistry.setRegistries([registry]);
    // It gives the figures of this worker to the primary from now on.
    new AggregatorRegistry();
  }

  /**
   * The figures of all workers, in the format of Prometheus. Who asks meanwhile gets the same.
   * @throws {MetricsError} when a worker has not answered within 5 s.
   */
  read(): Promise<string> {
    this.#asked ??= this.#ask().finally(() => {
      this.#asked = null;
    });
    return this.#asked;
  }

  async #ask(): Promise<string> {
    const text = await new Promise<string | null>((resolve) => {
      const hear = (message: unknown) => {
        const { data } = answer.safeParse(message);
        if (!data) return;
        process.off("message", hear);
        resolve(data.text);
      };
      process.on("message", hear);
      const ask: Question = { metrics: "ask" };
      // It fails when the primary is gone, and then this process ends in a moment, too.
      process.send?.(ask, undefined, undefined, () => {});
    });
    if (text === null) throw new MetricsError("A worker did not give its figures: see the log");
    return text;
  }
}
