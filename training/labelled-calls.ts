import { readFileSync } from "node:fs";
import { z } from "zod";
import type { Sentiment } from "../lib/wire/log-events.ts";

/** A call that somebody has labelled. */
export type LabelledCall = {
  id: string;
  /** What sort of call it is, in the words of its author. */
  kind: string;
  turns: { role: "user" | "agent"; text: string }[];
  /** The caller's turns in which the caller is upset, from 0 among all turns. */
  upset: ReadonlySet<number>;
  /** What turns of the caller were exactly, where somebody has said so. */
  labels?: ReadonlyMap<number, Sentiment>;
  /** The turns that somebody has looked at; without it, all. Of the others nothing is known. */
  known?: ReadonlySet<number>;
  /** The turn from which a supervisor should be offered; null: never. Of a recorded call nobody has said. */
  handoverFrom: number | null | "unknown";
};

/** Whether the caller is upset in a turn; null: nobody has said so. */
export function isUpsetAt({ upset, known }: LabelledCall, at: number): boolean | null {
  return known === undefined || known.has(at) ? upset.has(at) : null;
}

/** Labelled calls cannot be used; the message names the file and the line. */
export class LabelError extends Error {}

const schema = z
  .object({
    id: z.coerce.string().optional(),
    kind: z.string().default("call"),
    turns: z.array(z.object({ role: z.enum(["user", "agent"]), text: z.string() })).min(1),
    upset: z.array(z.int()),
    handover_from: z.int().nullable(),
  })
  .superRefine(({ turns, upset, handover_from }, context) => {
    const isUser = (index: number) => turns[index]?.role === "user";
    const wrong = upset.find((index) => !isUser(index));
    if (wrong !== undefined) context.addIssue(`upset: ${wrong} is not a turn of the caller`);
    if (handover_from !== null && !isUser(handover_from)) {
      context.addIssue(`handover_from: ${handover_from} is not a turn of the caller`);
    }
  });

/**
 * Reads labelled calls, one JSON object a line.
 * @throws {LabelError} naming the first line that cannot be used.
 */
export function readLabelledCalls(file: string): LabelledCall[] {
  const calls: LabelledCall[] = [];
  for (const [index, line] of readLines(file).entries()) {
    if (line.trim() === "") continue;
    const where = `${file}, line ${index + 1}`;
    const result = schema.safeParse(parseJson(line, where));
    if (!result.success) {
      const [issue] = result.error.issues;
      const field = issue?.path.join(".");
      throw new LabelError(`${where}: ${field ? `${field}: ` : ""}${issue?.message}`);
    }
    const { id = String(index + 1), kind, turns, upset, handover_from } = result.data;
    calls.push({ id, kind, turns, upset: new Set(upset), handoverFrom: handover_from });
  }
  return calls;
}

/** @throws {LabelError} if it cannot be read. */
export function readLines(file: string): string[] {
  try {
    return readFileSync(file, "utf8")
      .replace(/^\uFEFF/, "")
      .replace(/\n$/, "")
      .split("\n");
  } catch (error) {
    const why = error instanceof Error && "code" in error ? error.code : error;
    throw new LabelError(`${file} cannot be read: ${why}`);
  }
}

function parseJson(line: string, where: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw new LabelError(`${where} is not JSON`);
  }
}
