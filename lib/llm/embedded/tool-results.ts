import { z } from "zod";

const sentiment = z.object({ current: z.string(), frustrationCount: z.number().catch(0) });
const escalation = z.object({ escalationNeeded: z.boolean() });
const transfer = z.object({ status: z.literal("ok") });

const moods: Readonly<Record<string, string>> = {
  positive: "in a good mood",
  neutral: "calm",
  negative: "unhappy",
  frustrated: "frustrated",
};

/** Longest piece of an unknown tool's result that is read out, characters. */
const longestQuote = 200;

/** A sentence about what a tool answered; read defensively, since the tools are the agent's and may change. */
export function speakOf(tool: string, result: string): string {
  const value = parseJson(result);
  switch (tool) {
    case "get_customer_sentiment":
      return speakOfSentiment(value);
    case "check_escalation_needed":
      return speakOfEscalation(value);
    case "transfer_to_supervisor":
      return transfer.safeParse(value).success
        ? "I'm connecting you with a supervisor now."
        : "I'm sorry, I can't put you through to a supervisor at the moment. I'm happy to go on myself as well as I can.";
    case "end_call":
      return "Thank you for calling. Goodbye!";
    default:
      return `Here is what I found: ${result.slice(0, longestQuote)}`;
  }
}

function speakOfSentiment(value: unknown): string {
  const read = sentiment.safeParse(value);
  const mood = read.success ? moods[read.data.current] : undefined;
  if (!read.success || mood === undefined) return "I haven't heard enough to tell how you feel yet.";
  const count = read.data.frustrationCount;
  if (count === 0) return `To me you sound ${mood} right now.`;
  return `To me you sound ${mood} right now, and I count ${count} upset ${count === 1 ? "remark" : "remarks"} in this call.`;
}

function speakOfEscalation(value: unknown): string {
  const read = escalation.safeParse(value);
  if (!read.success) return "I can't tell whether this should go to a supervisor.";
  return read.data.escalationNeeded
    ? "Yes, from what I have heard, this call should go to a supervisor."
    : "No, so far I see no need to escalate this call.";
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
