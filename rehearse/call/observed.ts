import type { AgentEvent, JsonObject } from "../../lib/wire/events.ts";
import { isLog } from "../../lib/wire/log-events.ts";
import type { EventName } from "../scenario/expectation.ts";

/** Something of a call as its caller, or the live stream, tells it. */
export type Observed = {
  readonly event: Exclude<EventName, "report"> | "user" | "log";
  /** Since the call was dialled, ms. */
  readonly atMs: number;
  /** In the wire's spelling. */
  readonly fields: JsonObject;
};

/** What can be told of these frames without knowing any other; answers are put together by the line. */
export function observe(frame: AgentEvent, atMs: number): Observed | null {
  const tell = (event: Observed["event"], fields: JsonObject = {}): Observed => ({ event, atMs, fields });
  switch (frame.type) {
    case "agent.control.mute_user":
      return tell("muted");
    case "agent.control.unmute_user":
      return tell("unmuted");
    case "agent.end_call":
      return tell("end_call");
    case "agent.error":
      return tell("error", { severity: frame.severity ?? null, text: frame.message });
    case "agent.transfer_call": {
      const { transferOptions, transferCallNumber, onHoldMusic } = frame;
      const briefing = transferOptions.privateHandoffOption?.prompt ?? "";
      return tell("transfer", {
        type: transferOptions.type,
        number: transferCallNumber,
        briefing,
        on_hold_music: onHoldMusic,
      });
    }
    case "agent.log":
      return observeLog(frame, tell);
    default:
      return null;
  }
}

function observeLog(
  frame: Extract<AgentEvent, { type: "agent.log" }>,
  tell: (event: Observed["event"], fields?: JsonObject) => Observed,
): Observed {
  if (isLog(frame, "sentiment")) {
    const { sentiment, score, source, utterance, frustrationCount } = frame.payload;
    return tell("verdict", { sentiment, score, source, utterance, frustration_count: frustrationCount });
  }
  if (isLog(frame, "escalation.triggered")) {
    const { reason, sameTurn, action, outcome, frustrationCount } = frame.payload;
    return tell("escalation", {
      reason,
      same_turn: sameTurn,
      action,
      outcome,
      frustration_count: frustrationCount,
    });
  }
  if (isLog(frame, "coaching")) {
    const { rule, severity, message } = frame.payload;
    return tell("alert", { rule, severity, message });
  }
  if (isLog(frame, "tool_call_start")) {
    const { functionName, toolCallId, context } = frame.payload;
    return tell("function_call", {
      name: functionName,
      tool_call_id: toolCallId,
      args: argsOf(context.arguments),
    });
  }
  if (isLog(frame, "tool_call_end") || isLog(frame, "tool_call_error")) {
    const { functionName, toolCallId } = frame.payload;
    const args = { tool_call_id: toolCallId, cancelled: false, failed: frame.name === "tool_call_error" };
    return tell("function_call_stopped", { name: functionName, tool_call_id: toolCallId, args });
  }
  return tell("log", { name: frame.name });
}

/** A model's arguments are an object, or the text of one. */
function argsOf(given: unknown): JsonObject {
  if (typeof given === "object" && given !== null && !Array.isArray(given)) return { ...given };
  if (typeof given !== "string") return {};
  try {
    return argsOf(JSON.parse(given));
  } catch {
    return {};
  }
}
