import { eld } from "eld/extrasmall";
import { AgentNode } from "../../lib/nodes/agent-node.ts";
import type { AnyEvent } from "../../lib/wire/events.ts";

/** ISO 639-1 codes. The fewer there are to choose from, the fewer mistakes on the few words people say at a time. */
const LANGUAGES = ["en", "es", "fr", "de", "it", "pt"];
/** Detections kept in `history`. */
const MAX_HISTORY = 50;

const library = eld.newInstance();
library.setLanguageSubset(LANGUAGES);
const names = new Intl.DisplayNames(["en"], { type: "language" });

export type Detection = {
  /** English name, lower case. */
  language: string;
  /** 0…1, as the library scores the best language. */
  confidence: number;
};

/** Stands in front of the agent and keeps the language the caller speaks. Every event is passed on as it is. */
export class LanguageDetector extends AgentNode {
  /** What was detected, oldest first, bounded. Words too short to tell ("ok", "42") are not in it. */
  readonly history: Detection[] = [];

  constructor() {
    super({ name: "language-detector" });
  }

  /** The language of the caller's last words that were long enough to tell. English before the first. */
  get current(): string {
    return this.history.at(-1)?.language ?? "english";
  }

  protected override processEvent(event: AnyEvent): void {
    // Before the words are passed on, so that whoever answers them finds their language.
    if (event.type === "agent.transcript.update" && event.role === "user") this.#detect(event.content);
    this.sendEvent(event);
  }

  #detect(words: string): void {
    const result = library.detect(words);
    if (!result.isReliable()) return;
    const language = (names.of(result.language) ?? result.language).toLowerCase();
    const confidence = result.getScores()[result.language] ?? 0;
    this.history.push({ language, confidence });
    if (this.history.length > MAX_HISTORY) this.history.shift();
    const percent = Math.round(confidence * 100);
    this.session.log.info(`[LanguageDetector] Detected: ${language} (confidence: ${percent}%)`);
    this.sendEvent({ type: "agent.log", name: "language", payload: { language, confidence } });
  }
}
