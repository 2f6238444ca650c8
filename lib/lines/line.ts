import type { AgentEvent, ClientEvent } from "../wire/events.ts";

/** What a frame comes to, or an event. Both lists are in order. */
export type Step = {
  /** For the session. The first of a call is its `system.init`. */
  readonly events: readonly ClientEvent[];
  /** For the platform: each the text of one frame. */
  readonly frames: readonly string[];
};

export const NOTHING: Step = { events: [], frames: [] };

/**
 * Translates the frames of one connection, both ways. It is thin: it keeps what its platform's rules need and knows
 * neither the socket nor the session.
 */
export type Codec = {
  /** Whether frames to the platform are binary; asked after the first frame has come. */
  readonly binary: boolean;
  /** Takes one frame of the platform. Throws {@link FrameError}, and nothing else; the call goes on. */
  decode(frame: Uint8Array, isBinary: boolean): Step;
  /** The frames that tell the platform of an event; none for what it need not know. */
  encode(event: AgentEvent): readonly string[];
};

/** A kind of platform, and how its frames are read and written. */
export type Line = {
  /** In logs and metrics. */
  readonly name: string;
  /** A codec for one more connection. */
  open(): Codec;
};
