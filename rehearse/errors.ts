import { AgentServerError } from "../lib/errors.ts";

/** A scenario file that cannot be used: one line a mistake, each with file, line and field. */
export class ScenarioError extends AgentServerError {
  readonly code = "bad_scenario";
}

/** The rehearsal could not be held: a wrong argument, no server, no judge. It says nothing of the agent. */
export class RehearsalError extends AgentServerError {
  readonly code = "rehearsal_failed";
}
