/** How far ahead the end of a mark is looked for, characters; without one the text stays as it is. */
const AHEAD = 500;

/** What the model wrote before and after a mark, "" at either end of the text. */
type Place = { before: string; next: string };

type Rule = {
  /** Where alone it is a mark: at the beginning of a line, in a row of a table. */
  only?: "lineStart" | "tableRow";
  whole: RegExp;
  /** What may yet become it; a whole one that reaches the end of the text may always grow. */
  begun: RegExp;
  /** What is said instead; null: it is no mark where it stands. */
  say: (match: RegExpExecArray, place: Place) => string | null;
  /** Whether what is said is Markdown itself. */
  again?: true;
};

const NOTHING = () => "";
const NEVER = /^$/;
const TABLE_ROW = /^\|[ \t]*/;

const RULES: readonly Rule[] = [
  // A line that is a mark and nothing else: a rule, the line under a table's head.
  { only: "lineStart", whole: /^[-*_=|: \t]{3,200}(?:\n|$)/, begun: /^[-*_=|: \t]{1,200}$/, say: NOTHING },
  {
    only: "lineStart",
    whole: /^(?:```|~~~)[\w+-]{0,20}[ \t]{0,9}(?:\n|$)/,
    begun: /^(?:`{1,3}|~{1,3})[\w+-]{0,20}[ \t]{0,9}$/,
    say: NOTHING,
  },
  { only: "lineStart", whole: /^(?:#{1,6}|[-*+•>])[ \t]+/, begun: /^(?:#{1,6}|[-*+•>])$/, say: NOTHING },
  {
    whole: new RegExp(`^!?\\[([^\\[\\]\\n]{0,${AHEAD}})\\]\\([^()\\s]{0,${AHEAD}}\\)`),
    begun: new RegExp(`^!?(?:\\[[^\\[\\]\\n]{0,${AHEAD}}(?:\\](?:\\([^()\\s]{0,${AHEAD}})?)?)?$`),
    say: ([, text = ""]) => text,
    again: true,
  },
  {
    whole: new RegExp(`^<((?:https?://|www\\.)[^\\s<>]{1,${AHEAD}})>`, "i"),
    begun: new RegExp(`^<(?:[hw][^\\s<>]{0,${AHEAD}})?$`, "i"),
    say: ([, address = ""]) => address,
    again: true,
  },
  {
    whole: new RegExp(`^(?:https?://|www\\.)[^\\s<>"'()\\[\\]*\`|]{1,${AHEAD}}`, "i"),
    begun: /^(?:h|ht|htt|https?:?\/?\/?|w|ww|www\.?)$/i,
    say: ([address], { before }) => (isWord(before) ? null : hostOf(address)),
  },
  {
    whole: /^(?:\*{1,200}|_{1,200}|~{2,200}|`{1,200})/,
    begun: /^~$/,
    say: ([mark], place) => (isWritten(mark, place) ? mark : ""),
  },
  { whole: /^\\([\\`*_{}[\]()#+\-.!~>|])/, begun: /^\\$/, say: ([, character = ""]) => character },
  { only: "lineStart", whole: TABLE_ROW, begun: NEVER, say: NOTHING },
  {
    only: "tableRow",
    whole: /^[ \t]*\|[ \t]*/,
    begun: /^[ \t]+$/,
    say: (_, { next }) => (next === "" || next === "\n" ? "" : ", "),
  },
  // Pictures, which a voice would read out by their names; not the signs that belong to writing.
  {
    whole:
      /^(?:(?![©®™ℹ‼⁉↔-↪])(?:\p{Extended_Pictographic}|\p{Emoji_Modifier}|\p{Regional_Indicator}|\u{FE0F}|\u{20E3})\u{200D}?)+/u,
    begun: NEVER,
    say: NOTHING,
  },
];

/** Text that no rule is about, as much of it as goes out at once. */
const PLAIN = /^(?:[ \t]+|(?:(?!\u{FE0F}|\u{20E3})[\p{L}\p{M}\p{N}])+|[\s\S])/u;

/** Within a line most of a text is none: words, spaces, commas. An address may begin where a word does. */
const MAY_BE_MARK = /^[^\p{L}\p{N}\s.,:;?'"]|^(?:h(?:t|$)|w(?:w|$))/iu;

/**
 * Takes out of a model's text what is made for the eye: Markdown's marks, emoji, all of an address but its host. It
 * works on pieces as they come and says the same words however the text is cut. Numbers and dates are left to the
 * platform.
 */
export class SpeechCleaner {
  #text = "";
  #before = "";
  #place: "lineStart" | "tableRow" | "line" = "lineStart";
  #spaced = true;

  /** @returns what can be said by now; a few characters may wait for those that tell what they are. */
  push(piece: string): string {
    this.#text += piece;
    return this.#clean(false);
  }

  /** @returns what has waited for more. */
  end(): string {
    return this.#clean(true);
  }

  #clean(isAll: boolean): string {
    let said = "";
    while (this.#text !== "") {
      const found = this.#find(isAll);
      if (found === "waits") break;
      said += this.#take(found.taken, found.said, found.again);
    }
    return said;
  }

  #find(isAll: boolean): "waits" | { taken: string; said: string; again: boolean } {
    // Half a character waits for its other half.
    const text = !isAll && endsInHalf(this.#text) ? this.#text.slice(0, -1) : this.#text;
    if (text === "") return "waits";
    if (this.#place !== "line" || MAY_BE_MARK.test(text)) {
      for (const { only, whole, begun, say, again = false } of RULES) {
        if (only && only !== this.#place) continue;
        const match = whole.exec(text);
        const grows = match ? match[0].length === text.length && !text.endsWith("\n") : begun.test(text);
        if (grows && !isAll) return "waits";
        const [taken = ""] = match ?? [];
        const said = match && say(match, { before: this.#before, next: characterAt(text, taken.length) });
        if (said !== null) return { taken, said, again };
      }
    }
    const [plain = text] = PLAIN.exec(text) ?? [];
    return { taken: plain, said: /^[ \t]/.test(plain) ? " " : plain, again: false };
  }

  /** @returns what is to be heard of it: what was taken out leaves no gap. */
  #take(taken: string, said: string, again: boolean): string {
    this.#text = `${again ? said : ""}${this.#text.slice(taken.length)}`;
    if (again) return "";
    this.#before = /[\s\S]$/u.exec(taken)?.[0] ?? "";
    if (taken.endsWith("\n")) this.#place = "lineStart";
    else if (this.#place === "lineStart" && TABLE_ROW.test(taken)) this.#place = "tableRow";
    else if (this.#place === "lineStart" && said.trim() !== "") this.#place = "line";
    const heard = this.#spaced && said === " " ? "" : said;
    if (heard !== "") this.#spaced = /\s$/.test(heard);
    return heard;
  }
}

// Not by a pattern with `$`, which looks through the whole text for each word of it.
function endsInHalf(text: string): boolean {
  const last = text.charCodeAt(text.length - 1);
  return last >= 0xd800 && last <= 0xdbff;
}

function characterAt(text: string, at: number): string {
  return at < text.length ? String.fromCodePoint(text.codePointAt(at) ?? 0) : "";
}

/** What a word is made of: all that goes out with it in PLAIN, or a cut before it would make a word of its rest. */
const isWord = (character: string) => /^(?:(?!\u{FE0F}|\u{20E3})[\p{L}\p{M}\p{N}]|_)$/u.test(character);

/** Whether a mark stands for itself: `2 * 3`, `2*3`, `snake_case`. */
function isWritten(mark: string, { before, next }: Place): boolean {
  if (mark.startsWith("_")) return isWord(before) && isWord(next);
  if (!mark.startsWith("*")) return false;
  const alone = /\s/.test(before) && /\s/.test(next);
  return alone || (/\d/.test(before) && /\d/.test(next));
}

/** `https://www.example.com/orders?id=1.` is `example.com.`: what ends the sentence stays. */
function hostOf(address: string): string {
  const [, host = "", end = ""] =
    /^(?:https?:\/\/)?(?:www\.)?([^/?#:]*?)(?:[/?#:].*?)?([.,;:!?]*)$/is.exec(address) ?? [];
  return `${host}${end}`;
}
