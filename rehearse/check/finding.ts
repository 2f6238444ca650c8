/** A check that did not hold, in words for a person. */
export type Failure = {
  /** The caller's turn of the script, from 1; null for the whole call. */
  readonly turn: number | null;
  readonly why: string;
};

/** A question for a judge, put aside until the call is over. */
export type Question = {
  readonly turn: number | null;
  readonly criterion: string;
  /** The conversation up to and with what is judged, oldest first. */
  readonly conversation: readonly { role: "caller" | "agent"; text: string }[];
  /** The words that are judged; null for the whole conversation. */
  readonly reply: string | null;
};

export function sayFailure({ turn, why }: Failure): string {
  return turn === null ? why : `turn ${turn}: ${why}`;
}
