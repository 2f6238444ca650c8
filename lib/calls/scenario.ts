import { stringify } from "yaml";
import { applyPolicy } from "../text-policy.ts";
import type { CallRecord, TurnRecord } from "./record.ts";

/** Words of a cut answer that are waited for at most: another model's answer may be shorter. */
const MAX_WORDS = 3;

/**
 * A scenario for `npm run rehearse` out of a recorded call: what the caller said, where they cut in, the stored
 * variables, and what came of it as expectations to edit. What looks like an e-mail address, a card or a telephone number
 * is masked, whatever the record keeps. Null when the record has no words of the caller's.
 */
export function toScenario(call: CallRecord): string | null {
  const turns = call.turns.flatMap((turn, index) => {
    const text = turn.role === "user" && turn.text !== null ? applyPolicy(turn.text, "redacted") : null;
    return text === null || text.trim() === "" ? [] : [turnOf(call.turns, index, text)];
  });
  if (turns.length === 0) return null;
  const { escalation, conversationType, variables } = call;
  const spoken = call.turns.filter(({ role, text }) => role === "user" && text !== null);
  const at = spoken.findIndex(({ utterance }) => utterance === escalation?.utterance) + 1;
  const scenario = {
    name: `call_${call.sessionId.slice(0, 8)}`,
    channel: conversationType,
    ...(Object.keys(variables).length > 0 ? { variables } : {}),
    ...(at > 0 ? { escalates_at: at } : escalation ? {} : { escalates_at: "never" }),
    turns,
    ...outcomeOf(call),
  };
  return `# A recorded call. Say what should come of it, and delete what does not matter.\n${stringify(scenario, { lineWidth: 110 })}`;
}

function turnOf(turns: readonly TurnRecord[], index: number, text: string) {
  const turn = turns[index];
  const answer = turns[index + 1]?.role === "assistant" ? turns[index + 1] : undefined;
  const cut = answer?.interrupted === true;
  const tools = answer?.tools.map(({ name }) => name) ?? [];
  const expect = [
    ...(turn?.verdict ? [{ event: "verdict", sentiment: turn.verdict }] : []),
    ...(tools.length > 0 ? [{ event: "function_call", calls: tools }] : []),
    ...(answer ? [{ event: cut ? "interrupted" : "response" }] : []),
  ];
  return {
    user: text,
    ...(cut ? { interrupt: { after_chunks: Math.max(1, Math.min(MAX_WORDS, answer.words)) } } : {}),
    ...(expect.length > 0 ? { expect } : {}),
  };
}

function outcomeOf({ escalation, endReason }: CallRecord) {
  const expect = [
    ...(escalation
      ? [
          {
            event: "escalation",
            reason: escalation.reason,
            same_turn: escalation.sameTurn,
            action: escalation.action,
          },
        ]
      : []),
    ...(endReason === "transferred" ? [{ event: "transfer" }] : []),
    ...(endReason === "end_call" ? [{ event: "end_call" }] : []),
  ];
  return expect.length > 0 ? { expect } : {};
}
