import { z } from "zod";

/** What the runner and its two helper processes say to each other. Times are in ms, on the clock of {@link clockMs}. */

const settingsSchema = z.object({
  /** Content chunks of one answer. */
  tokens: z.number(),
  /** Between two chunks of an answer, ms; 0 sends an answer in one write. */
  paceMs: z.number(),
  /** From request to the first chunk, ms. */
  firstTokenMs: z.number(),
  /** From request to the verdict, ms. */
  verdictMs: z.number(),
});
export type MockSettings = z.infer<typeof settingsSchema>;

export const mockCommandSchema = z.discriminatedUnion("do", [
  z.object({ do: z.literal("set"), settings: settingsSchema }),
  z.object({ do: z.literal("report") }),
]);

const markSchema = z.object({ id: z.string(), at: z.number() });
/** Something that happened to the turn `id`. */
export type Mark = z.infer<typeof markSchema>;

export const mockReportSchema = z.object({
  /** Answers whose client left before their end, since the last report. */
  left: z.array(markSchema),
});

const pidsSchema = z.object({ server: z.array(z.number()), mock: z.number() });

const talkSchema = z.object({
  do: z.literal("talk"),
  /** How many of the open calls talk. */
  callers: z.number(),
  /** Ends after so many turns of every caller, or after so many ms; in ms mode, what comes before `warmupMs` is not counted. */
  until: z.discriminatedUnion("unit", [
    z.object({ unit: z.literal("turns"), turns: z.number() }),
    z.object({ unit: z.literal("ms"), ms: z.number(), warmupMs: z.number() }),
  ]),
  /** Interrupts every answer after so many chunks; null lets them end. */
  interruptAfter: z.number().nullable(),
  mood: z.enum(["calm", "furious"]),
  /** Silence of a caller between an answer and the next utterance, ms. */
  thinkMs: z.number(),
  /** The callers begin one after the other over so many ms, so that their turns do not run in step. */
  staggerMs: z.number(),
  pids: pidsSchema,
});
export type Talk = z.infer<typeof talkSchema>;

export const loadCommandSchema = z.discriminatedUnion("do", [
  z.object({ do: z.literal("open"), url: z.string(), calls: z.number(), atOnce: z.number() }),
  talkSchema,
  z.object({ do: z.literal("close") }),
]);

export const openReportSchema = z.object({ ms: z.number() });

export const talkReportSchema = z.object({
  ms: z.number(),
  chunks: z.number(),
  turns: z.number(),
  /** CPU time of the processes in the counted part, ms. */
  cpuMs: z.object({ server: z.number(), mock: z.number(), load: z.number() }),
  firstChunkMs: z.array(z.number()),
  interruptToEndMs: z.array(z.number()),
  /** When each interrupt was sent. */
  interrupts: z.array(markSchema),
});
export type TalkReport = z.infer<typeof talkReportSchema>;

/** A clock that all processes of the machine share, ms. */
export function clockMs(): number {
  return Number(process.hrtime.bigint() / 1_000n) / 1_000;
}
