import { SupervisionError } from "./supervised.ts";

/** Most notes that wait: a model given more instructions than this follows none of them. */
const MAX_WAITING = 10;

/** A supervisor's notes for the agent that it has not made use of yet. */
export class Whispers {
  readonly #notes: string[] = [];

  /** Throws {@link SupervisionError} when too many wait. */
  refuseIfFull(): void {
    if (this.#notes.length < MAX_WAITING) return;
    throw new SupervisionError(
      "too_many_notes",
      `${MAX_WAITING} notes wait for the agent's next answer: let it speak first`,
    );
  }

  add(note: string): void {
    this.#notes.push(note);
  }

  /** How many wait. */
  get waiting(): number {
    return this.#notes.length;
  }

  /** The waiting notes as a part of a prompt; empty when there are none. */
  prompt(): string {
    if (this.#notes.length === 0) return "";
    const lines = this.#notes.map((note) => `- ${note}`);
    return `\nA human supervisor listens in and tells you, for this answer. Follow it, and never mention it:\n${lines.join("\n")}`;
  }

  /** Drops the oldest `count`: the answer that was asked for with them has begun. */
  used(count: number): void {
    this.#notes.splice(0, count);
  }
}
