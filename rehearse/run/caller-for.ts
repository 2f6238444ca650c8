import type { Caller } from "../callers/call.ts";
import { scriptCaller } from "../callers/script.ts";
import { RehearsalError } from "../errors.ts";
import type { Loaded } from "../scenario/load.ts";

/** The caller that a scenario asks for. */
export function callerFor({ scenario }: Loaded): Caller {
  if (scenario.turns) return scriptCaller(scenario.turns);
  return async () => {
    throw new RehearsalError("there is no such caller yet");
  };
}
