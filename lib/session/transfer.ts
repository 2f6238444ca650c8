import type { Config } from "../config.ts";
import type { Draft, EventOf } from "../wire/events.ts";

type TransferCall = EventOf<"agent.transfer_call">;

/** Where callers are handed to; it comes from the configuration alone, never from a model or a caller. */
export type Transfer = {
  number: string;
  type: "cold" | "warm";
  holdMusic: TransferCall["onHoldMusic"];
};

/** The configured transfer, or null: then there is nobody to hand over to. */
export function transferOf({ TRANSFER_NUMBER, TRANSFER_TYPE, TRANSFER_HOLD_MUSIC }: Config): Transfer | null {
  if (TRANSFER_NUMBER === undefined) return null;
  return { number: TRANSFER_NUMBER, type: TRANSFER_TYPE, holdMusic: TRANSFER_HOLD_MUSIC ?? null };
}

/** What asks the platform for the transfer. In a warm one the supervisor alone hears `briefing`, then all hear `greeting`. */
export function transferDraft(
  { number, type, holdMusic }: Transfer,
  briefing: string,
  greeting: string,
): Draft<TransferCall> {
  const say = (prompt: string) => (type === "warm" ? { type: "static" as const, prompt } : null);
  return {
    type: "agent.transfer_call",
    transferCallNumber: number,
    transferOptions: {
      type: `${type}_transfer`,
      privateHandoffOption: say(briefing),
      publicHandoffOption: say(greeting),
    },
    onHoldMusic: holdMusic,
  };
}
