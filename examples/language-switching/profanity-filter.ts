import { AgentNode } from "../../lib/nodes/agent-node.ts";
import type { AnyEvent } from "../../lib/wire/events.ts";

const BEEP = "beep";
const PROFANE: ReadonlySet<string> = new Set([
  ...["damn", "damned", "crap", "shit", "shitty", "bullshit", "fuck", "fucking", "bastard", "asshole"],
  ...["mierda", "joder", "merde", "putain", "scheiße", "arschloch", "cazzo", "stronzo", "merda", "caralho"],
]);
const WORD = /[\p{L}\p{M}\p{N}]+/gu;
const ENDS_IN_WORD = /[\p{L}\p{M}\p{N}]$/u;

/**
 * Stands behind the agent and takes profane words out of its answers. A word may come in several chunks, so its
 * beginning is held back, but only while it can still become a profane one.
 */
export class ProfanityFilter extends AgentNode {
  /** The beginning of a word that is not decided yet. */
  #held = "";
  /** Whether what was let out ends in the middle of a word: "bull" and "dozer" are one, and it is harmless. */
  #insideWord = false;

  constructor() {
    super({ name: "profanity-filter" });
  }

  protected override processEvent(event: AnyEvent): void {
    if (event.type === "agent.llm.response.chunk") {
      this.#send(this.#clean(event.text));
      return;
    }
    if (event.type === "agent.llm.response.end") {
      // After an interrupt this goes nowhere: a node lets no chunk of an answer out that was cut off.
      this.#send(beeped(this.#held));
      this.#held = "";
      this.#insideWord = false;
    }
    this.sendEvent(event);
  }

  #clean(text: string): string {
    const all = this.#held + text;
    this.#held = "";
    const cleaned = all.replace(WORD, (word: string, at: number) => {
      if (at === 0 && this.#insideWord) return word;
      if (at + word.length === all.length && couldBecomeProfane(word)) {
        this.#held = word;
        return "";
      }
      return beeped(word);
    });
    if (all !== "") this.#insideWord = this.#held === "" && ENDS_IN_WORD.test(all);
    return cleaned;
  }

  #send(text: string): void {
    if (text !== "") this.sendEvent({ type: "agent.llm.response.chunk", text });
  }
}

function beeped(word: string): string {
  return PROFANE.has(word.toLowerCase()) ? BEEP : word;
}

function couldBecomeProfane(beginning: string): boolean {
  const start = beginning.toLowerCase();
  return [...PROFANE].some((word) => word.startsWith(start));
}
