import { readFileSync } from "node:fs";
import { z } from "zod";
import { RehearsalError } from "../errors.ts";
import type { Turn } from "../scenario/schema.ts";

/** As much of `GET /calls/ID` as a caller's part needs. */
const callSchema = z.object({
  turns: z.array(
    z.object({
      role: z.enum(["user", "assistant"]),
      offset_ms: z.number(),
      text: z.string().nullable(),
      answer_ms: z.number().nullable(),
      interrupted: z.boolean(),
    }),
  ),
});
type RecordedTurn = z.output<typeof callSchema>["turns"][number];

/**
 * The caller's turns of a recorded call, with the pauses and interrupts that were in it.
 * @param speed a pause of a second lasts 1/speed seconds; 0: no pauses.
 * @throws {RehearsalError} when the file has no call, or one without its words.
 */
export function recordedTurns(file: string, speed: number): Turn[] {
  const call = callSchema.safeParse(readJson(file));
  if (!call.success) throw new RehearsalError(`${file} is not a call as GET /calls/ID returns it`);
  const { turns } = call.data;
  const spoken = turns.flatMap((turn, at) => (turn.role === "user" ? [asTurn(turns, at, file, speed)] : []));
  if (spoken.length === 0) throw new RehearsalError(`${file}: nobody speaks in this call`);
  return spoken;
}

function asTurn(turns: readonly RecordedTurn[], at: number, file: string, speed: number): Turn {
  const turn = turns[at];
  const before = turns[at - 1];
  const after = turns[at + 1];
  if (typeof turn?.text !== "string") {
    throw new RehearsalError(`${file}: turn ${at + 1} has no text; record with RECORD_TEXT=full or redacted`);
  }
  const scaled = (ms: number) => (speed === 0 ? 0 : Math.max(0, Math.round(ms / speed)));
  const silence = before ? scaled(turn.offset_ms - before.offset_ms - (before.answer_ms ?? 0)) : 0;
  const cut = after?.role === "assistant" && after.interrupted;
  const until = turns[at + 2]?.offset_ms ?? turn.offset_ms;
  return {
    user: turn.text,
    expect: [],
    ...(silence > 0 ? { silence } : {}),
    ...(cut ? { interrupt: { after_ms: scaled(until - turn.offset_ms) } } : {}),
  };
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    throw new RehearsalError(`${file} cannot be read as JSON`);
  }
}
