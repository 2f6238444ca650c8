/*
 * What lines tell of a call that the frames of docs/protocol.md have no words for. These events are of this server's own
 * making: a line's codec makes the first two from its platform's frames, the session the third.
 */

/** What became of a transfer; `requested` while it is under way, `unknown` where the line cannot tell. */
export const TRANSFER_OUTCOMES = [
  "requested",
  "answered",
  "no_answer",
  "busy",
  "declined",
  "voicemail",
  "failed",
  "caller_left",
  "unknown",
] as const;
export type TransferOutcome = (typeof TRANSFER_OUTCOMES)[number];

/** A digit that a telephone can send. */
export const KEY = /^[0-9*#A-D]$/;

export type LineEvent =
  /** The caller has pressed a key. The digit may be a secret: it is for nodes, and never written down. */
  | { type: "system.user.key"; timestamp: string; digit: string }
  /** A transfer has ended, well or not. `returned`: the caller is back with the agent. */
  | {
      type: "system.transfer.ended";
      timestamp: string;
      outcome: Exclude<TransferOutcome, "requested">;
      returned: boolean;
    }
  /** Nobody has said anything for `SILENCE_TIMEOUT_MS`; `times` in a row, from 1. */
  | { type: "system.user.idle"; timestamp: string; times: number };
