/**
 * How models mark what they think, in text that is not theirs to say: DeepSeek, Qwen and most others; Seed; Mistral;
 * Kimi; gpt-oss (the "harmony" channels, raw); Gemma 4; Apertus; Command R7B. Each as its template in llama.cpp has it.
 */
const MARKS: readonly (readonly [open: string, close: string])[] = [
  ["<think>", "</think>"],
  ["<thinking>", "</thinking>"],
  ["<thought>", "</thought>"],
  ["<reasoning>", "</reasoning>"],
  ["<seed:think>", "</seed:think>"],
  ["<mm:think>", "</mm:think>"],
  ["[think]", "[/think]"],
  ["◁think▷", "◁/think▷"],
  ["<|channel|>analysis", "<|channel|>final<|message|>"],
  ["<|channel|>commentary", "<|channel|>final<|message|>"],
  ["<|channel>thought", "<channel|>"],
  ["<|inner_prefix|>", "<|inner_suffix|>"],
  ["<|start_thinking|>", "<|end_thinking|>"],
];
/** What stands around an answer beside its thinking, and is no word of it. */
const NOISE = [
  "<|start|>assistant",
  "<|channel|>final<|message|>",
  "<|end|>",
  "<|return|>",
  "<|start_response|>",
  "<|end_response|>",
];
const OPENING = MARKS.map(([open]) => open);
const CLOSING = [...new Set(MARKS.map(([, close]) => close))];
const OUTSIDE = [...OPENING, ...CLOSING, ...NOISE];
const LONGEST_MARK = Math.max(...OUTSIDE.map(({ length }) => length));
/** The first character of every mark; without one of them there is nothing to look for. */
const MAY_BE_MARK = /[<[◁]/;

/**
 * Takes the thinking out of an answer as it comes, however its marks are cut.
 *
 * Some templates open the thinking in the prompt, so that only its end is in the answer: what stands before a lone end
 * is thinking, too. It can be kept back only where it is known beforehand, see `fromStart`.
 */
export class ThinkingFilter {
  /** What ends the thinking that is going on; null outside any. */
  #closing: readonly string[] | null;
  /** The end of the text so far, which may become a mark. */
  #held = "";
  /** The text before it, while it may turn out to be thinking. */
  #perhaps: string[] = [];
  #thought: boolean;
  #loneEnd = false;
  /** Whether the answer began as thinking that nothing in it has opened. */
  #unmarked: boolean;

  /** @param fromStart the answer begins within thinking; if no end of it comes it was none, see {@link end}. */
  constructor(fromStart = false) {
    this.#closing = fromStart ? CLOSING : null;
    this.#unmarked = fromStart;
    this.#thought = false;
  }

  /** Whether the model is thinking at this point of the text. */
  get thinking(): boolean {
    return this.#closing !== null;
  }

  /** Whether there has been any thinking in the text. */
  get thought(): boolean {
    return this.#thought;
  }

  /** Whether thinking has ended that nothing in the text had begun. */
  get loneEnd(): boolean {
    return this.#loneEnd;
  }

  /** Thinking has come beside the text, so the text is none. */
  notFromStart(): void {
    if (!this.#unmarked) return;
    this.#unmarked = false;
    this.#closing = null;
  }

  /** What of the text so far can be said and has not been. */
  push(text: string): string {
    if (this.#closing === null && this.#held === "" && !MAY_BE_MARK.test(text)) return text;
    let rest = this.#held + text;
    let said = "";
    this.#held = "";
    for (;;) {
      const mark = first(rest, this.#closing ?? OUTSIDE);
      if (mark === null) break;
      const before = rest.slice(0, mark.at);
      rest = rest.slice(mark.at + mark.text.length);
      if (this.#closing !== null) {
        this.#loneEnd ||= this.#unmarked;
        this.#unmarked = false;
        this.#perhaps = [];
        this.#closing = null;
        this.#thought = true;
      } else if (NOISE.includes(mark.text)) {
        said += before;
      } else if (CLOSING.includes(mark.text)) {
        // What was said of it is said; the rest need not be.
        said = "";
        this.#loneEnd = true;
        this.#thought = true;
      } else {
        said += before;
        this.#thought = true;
        this.#closing = MARKS.flatMap(([open, close]) => (open === mark.text ? [close] : []));
      }
    }
    if (this.#unmarked) {
      // Only the end can be part of a mark.
      this.#perhaps.push(rest.slice(0, -LONGEST_MARK));
      this.#held = rest.slice(-LONGEST_MARK);
      return said;
    }
    const kept = rest.length - beginningOfMark(rest, this.#closing ?? OUTSIDE);
    this.#held = rest.slice(kept);
    return this.#closing === null ? said + rest.slice(0, kept) : said;
  }

  /**
   * The text has ended: what was kept back and is no thinking after all.
   * @param cut the answer was cut at its limit, so what has no end may have been thinking.
   */
  end(cut: boolean): string {
    const held = this.#held;
    this.#held = "";
    if (this.#unmarked) return cut ? "" : this.#perhaps.join("") + held;
    return this.#closing === null ? held : "";
  }
}

/** A whole text without its thinking. */
export function withoutThinking(text: string, fromStart = false): { said: string; thought: boolean } {
  const filter = new ThinkingFilter(fromStart);
  const said = filter.push(text) + filter.end(false);
  return { said, thought: filter.thought };
}

/** Not toLowerCase, which makes two characters of some. */
function lowerAscii(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** The mark that comes first; of several at one place, the longest. */
function first(text: string, marks: readonly string[]): { at: number; text: string } | null {
  const lower = lowerAscii(text);
  let best: { at: number; text: string } | null = null;
  for (const mark of marks) {
    const at = lower.indexOf(mark);
    if (at < 0) continue;
    if (best === null || at < best.at || (at === best.at && mark.length > best.text.length)) {
      best = { at, text: mark };
    }
  }
  return best;
}

/** Length of the longest end of the text that could be the beginning of a mark. */
function beginningOfMark(text: string, marks: readonly string[]): number {
  const lower = lowerAscii(text.slice(-LONGEST_MARK));
  let longest = 0;
  for (const mark of marks) {
    for (let length = Math.min(mark.length - 1, lower.length); length > longest; length -= 1) {
      if (lower.endsWith(mark.slice(0, length))) longest = length;
    }
  }
  return longest;
}
