import { type AgentEvent, type ClientEvent, type Draft, stamp } from "../wire/events.ts";

/** What a frame comes to, or an event. Both lists are in order. */
export type Step = {
  /** For the session. The first of a call is its `system.init`. */
  readonly events: readonly ClientEvent[];
  /** For the platform: each the text of one frame. */
  readonly frames: readonly string[];
};

export const NOTHING: Step = { events: [], frames: [] };

/** A step of these events, all of this moment. */
export function step(events: readonly Draft<ClientEvent>[], frames: readonly string[] = []): Step {
  return { events: events.map((event) => stamp<ClientEvent>(event)), frames };
}

/**
 * Translates the frames of one connection, both ways. It is thin: it keeps what its platform's rules need and knows
 * neither the socket nor the session.
 */
export type Codec = {
  /** Whether frames to the platform are binary. */
  readonly binary: boolean;
  /** Sent as soon as there is a connection. */
  readonly hello: readonly string[];
  /** Characters that wait until the platform takes more. */
  readonly backlog: number;
  /** Whether a frame is kept until all events of this moment are known; {@link Codec.release} gives it out. */
  readonly holds: boolean;
  release(): readonly string[];
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
  /**
   * How long a call goes on without its socket, ms, by how the agent has handed it off; 0: it ends with it. The same
   * `call_id` on another socket takes it up again.
   */
  outlivesSocketMs(handOff: "end_call" | "transferred" | null): number;
};
