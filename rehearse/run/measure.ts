import type { Line } from "../call/line.ts";
import type { RunResult } from "./result.ts";

type Measured = Pick<
  RunResult,
  | "turns"
  | "firstChunkMs"
  | "replyMs"
  | "silenceMs"
  | "backchannels"
  | "backchannelCuts"
  | "escalatedAt"
  | "tools"
  | "ownMs"
  | "events"
>;

/** The figures of one call, from what its caller saw. */
export function measure({ events, answers, ownMs }: Pick<Line, "events" | "answers" | "ownMs">): Measured {
  const replyMs: number[] = [];
  const silenceMs: number[] = [];
  const tools: string[] = [];
  let turns = 0;
  let backchannels = 0;
  let escalatedAt: number | null = null;
  let waitingSince: number | null = null;
  for (const { event, atMs, fields } of events) {
    if (event === "user" && fields.backchannel === true) {
      backchannels += 1;
    } else if (event === "user") {
      turns += 1;
      waitingSince = atMs;
    } else if (event === "bot_started_speaking" && waitingSince !== null) {
      replyMs.push(atMs - waitingSince);
      waitingSince = null;
    } else if (event === "interrupted") {
      silenceMs.push(Number(fields.silence_ms));
    } else if (event === "function_call") {
      tools.push(String(fields.name));
    } else if (event === "escalation") {
      escalatedAt ??= turns;
    }
  }
  const firstChunkMs = answers.flatMap((answer) => answer.firstChunkMs ?? []);
  const backchannelCuts = answers.filter(
    ({ backchannelled, interruptedAtMs, text }) =>
      backchannelled && interruptedAtMs === null && !isFinished(text),
  ).length;
  return {
    turns,
    firstChunkMs,
    replyMs,
    silenceMs,
    backchannels,
    backchannelCuts,
    escalatedAt,
    tools,
    ownMs,
    events,
  };
}

/** Whether the words end as a sentence does: an answer that was cut ends anywhere. */
function isFinished(text: string): boolean {
  return /[.!?…:;)"'”’]\s*$/.test(text);
}
