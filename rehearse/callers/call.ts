import type { Line } from "../call/line.ts";
import type { Failure, Question } from "../check/finding.ts";
import type { Patience } from "../check/watch.ts";
import type { Scenario, SupervisorAct } from "../scenario/schema.ts";

/** One call as its caller has it: the line, and where to put what is found. */
export type Call = {
  readonly line: Line;
  readonly scenario: Scenario;
  readonly patience: Patience;
  /** Decides whatever a caller leaves to chance. */
  readonly seed: number;
  /** Aborted when the call has lasted too long. */
  readonly signal: AbortSignal;
  readonly failures: Failure[];
  readonly questions: Question[];
  /** @throws {RehearsalError} when the server does not let a supervisor act. */
  supervise(act: SupervisorAct): Promise<void>;
};

/** Holds a conversation, and returns when it is over; hanging up is done for it. */
export type Caller = (call: Call) => Promise<void>;

/** Waits until the agent has finished. False when the time is up first. */
export function untilSilent({ line, patience, signal }: Call): Promise<boolean> {
  return line.until(() => !line.busy || line.closed || signal.aborted, patience.timeoutMs);
}

/** Waits for the agent's first words; an agent that does not greet costs a moment. */
export async function untilGreeted(call: Call): Promise<void> {
  const { line, scenario, patience } = call;
  if (!scenario.greeting) return;
  const greeted = () => line.events.some(({ event }) => event === "response") || line.closed;
  await line.until(greeted, patience.quietMs);
  await untilSilent(call);
}
