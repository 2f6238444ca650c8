import { z } from "zod";

const textPart = z.looseObject({ text: z.string().nullish() });
const part = z.looseObject({
  type: z.string().nullish(),
  text: z.string().nullish(),
  /** Mistral's: the thinking as a part of the content. */
  thinking: z.union([z.string(), z.array(textPart)]).nullish(),
});
const contentSchema = z.union([z.string(), z.array(z.union([z.string(), part]))]).nullish();

/** What a message or a piece of one says. */
export type Content = {
  text: string;
  /** Whether there was thinking beside the text. */
  thought: boolean;
};

/**
 * Reads `content`, which is a text, or a list of parts with some servers. Parts that think, or hold no text, say nothing.
 * @param beside the message or piece itself: thinking stands in `reasoning_content` or `reasoning` with most servers.
 */
export function readContent(content: unknown, beside: object): Content {
  const thought = thinkingBeside(beside) !== "";
  // Nearly every piece of every answer is this.
  if (typeof content === "string") return { text: content, thought };
  const parts = contentSchema.safeParse(content).data;
  if (!parts) return { text: "", thought };
  if (typeof parts === "string") return { text: parts, thought };
  return {
    text: parts
      .map((each) => (typeof each === "string" ? each : each.type === "thinking" ? "" : (each.text ?? "")))
      .join(""),
    thought: thought || parts.some((each) => typeof each !== "string" && each.type === "thinking"),
  };
}

/** The thinking that stands beside the text, or an empty string. */
export function thinkingBeside(message: object): string {
  for (const field of ["reasoning_content", "reasoning", "thinking"]) {
    const value: unknown = Reflect.get(message, field);
    if (typeof value === "string" && value !== "") return value;
  }
  return "";
}
