import { dirname, resolve } from "node:path";
import type { Caller } from "../callers/call.ts";
import { personaCaller } from "../callers/persona.ts";
import { recordedTurns } from "../callers/recorded.ts";
import { rulesCaller } from "../callers/rules.ts";
import { scriptCaller } from "../callers/script.ts";
import { RehearsalError } from "../errors.ts";
import { type ChatModel, chatModelOf } from "../model/chat-model.ts";
import type { Loaded } from "../scenario/load.ts";

/** The models that play callers. */
export type Players = {
  /** The command line's; it wins over a scenario's. */
  readonly given: ChatModel | null;
  readonly env: Readonly<Record<string, string | undefined>>;
};

/** The caller that a scenario asks for; null where nobody can play it. @throws {RehearsalError} */
export function callerFor({ scenario, file }: Loaded, players: Players): Caller | null {
  const { turns, rules, recorded, persona, goal = "", simulator } = scenario;
  if (turns) return scriptCaller(turns);
  if (rules) return rulesCaller(rules);
  if (recorded) return scriptCaller(recordedTurns(resolve(dirname(file), recorded.call), recorded.speed));
  if (persona === undefined) throw new RehearsalError(`${scenario.name} has no caller`);
  const own =
    simulator?.model === undefined
      ? null
      : chatModelOf({ ...simulator, model: simulator.model }, players.env);
  const model = players.given ?? own;
  return model && personaCaller(persona, goal, model);
}
