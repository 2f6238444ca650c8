import { readFile } from "node:fs/promises";
import { z } from "zod";
import type { ChatModel } from "../model/chat-model.ts";
import { inParallel } from "../run/schedule.ts";
import { ask } from "./ask.ts";

const caseSchema = z.strictObject({
  caller: z.string(),
  agent: z.string(),
  criterion: z.string(),
  label: z.enum(["yes", "no", "cannot_tell"]),
});

export type Agreement = { readonly model: string; readonly agreed: number; readonly cases: number };

/** Questions to the judge at the same time. */
const AT_ONCE = 8;

/** Puts the labelled cases to the model. @throws {RehearsalError} when it does not answer. */
export async function measureAgreement(model: ChatModel): Promise<Agreement> {
  const cases = await labelledCases();
  const answers = await inParallel(cases, AT_ONCE, async ({ caller, agent, criterion, label }) => {
    const conversation = [
      { role: "caller", text: caller },
      { role: "agent", text: agent },
    ] as const;
    const { answer } = await ask(model, { criterion, conversation, reply: agent });
    return answer === label;
  });
  return { model: model.name, agreed: answers.filter(Boolean).length, cases: cases.length };
}

/** The cases, each read and labelled by a person. */
export async function labelledCases(): Promise<z.output<typeof caseSchema>[]> {
  const text = await readFile(new URL("labelled.jsonl", import.meta.url), "utf8");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => caseSchema.parse(JSON.parse(line)));
}
