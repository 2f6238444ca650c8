import { join } from "node:path";
import { LabelError, type LabelledCall, readLines } from "./labelled-calls.ts";

/** A comment of GoEmotions, as far as it is of use here. */
export type Comment = { text: string; upset: boolean; pleased: boolean };

const UPSET = ["anger", "annoyance", "disappointment", "disapproval", "disgust"];
const PLEASED = ["admiration", "approval", "excitement", "gratitude", "joy", "love", "optimism", "relief"];

/**
 * Reads a part of GoEmotions in its own format: text, label numbers with commas, id, between tabs; `labels.txt` beside it
 * has the labels' names in the order of their numbers.
 * @throws {LabelError} naming the first line that cannot be used.
 */
export function readGoEmotions(file: string): Comment[] {
  const names = readLines(join(file, "..", "labels.txt"));
  return readLines(file).map((line, index) => {
    const [text, numbers] = line.split("\t");
    const labels = numbers?.split(",").map((number) => names[Number(number)]);
    if (text === undefined || labels === undefined || labels.includes(undefined)) {
      throw new LabelError(
        `${file}, line ${index + 1}: expected a text, label numbers of 0…${names.length - 1} and an id`,
      );
    }
    const any = (wanted: readonly string[]) => labels.some((label) => wanted.includes(label ?? ""));
    return { text, upset: any(UPSET), pleased: any(PLEASED) };
  });
}

/**
 * Reads a domain of MultiDoGO in the format call id, turn number, text of the customer, between tabs. Its calls count as
 * calm ones; nearly all are.
 * @throws {LabelError} naming the first line that cannot be used.
 */
export function readMultiDogo(file: string): LabelledCall[] {
  const calls = new Map<string, LabelledCall>();
  for (const [index, line] of readLines(file).entries()) {
    const [id, , text] = line.split("\t");
    if (id === undefined || text === undefined) {
      throw new LabelError(`${file}, line ${index + 1}: expected a call, a turn number and a text`);
    }
    const call = calls.get(id) ?? { id, kind: "multidogo", turns: [], upset: new Set(), handoverFrom: null };
    call.turns.push({ role: "user", text });
    calls.set(id, call);
  }
  return [...calls.values()];
}
