import type { Config } from "../config.ts";
import { AgentSession, type SessionOptions, type SessionOutlet } from "../session/session.ts";
import { type AgentEvent, type ClientEvent, type EventOf, stamp } from "../wire/events.ts";
import type { TransferOutcome } from "../wire/line-events.ts";

/** How a transfer of this call is asked for, as the agent put it. */
export type TransferRequest = EventOf<"agent.transfer_call">;

export type CallOptions = Omit<SessionOptions, "outlet"> & {
  config: Pick<Config, "SILENCE_TIMEOUT_MS">;
  /** Where its events go at first. */
  outlet: SessionOutlet;
  /** Whether that is a socket of ours; silence is noticed where something can be said to it. */
  hasSocket: boolean;
};

/**
 * One call on whatever connection it has: on most lines one socket from beginning to end, on others a new one after a
 * transfer that failed or a socket that broke, or one request after another. Meanwhile nobody hears what is said.
 */
export class Call implements SessionOutlet {
  readonly session: AgentSession;
  /** Resolves when its nodes have stopped. */
  readonly ended: Promise<void>;
  readonly #hasSocket: boolean;
  #outlet: SessionOutlet | null;
  #awayTimer: NodeJS.Timeout | null = null;
  #transfer: TransferRequest | null = null;
  /** How the transfer ended that the caller is about to come back from. */
  #returning: Exclude<TransferOutcome, "requested"> | null = null;

  constructor({ config, outlet, hasSocket, ...options }: CallOptions) {
    this.#outlet = outlet;
    this.#hasSocket = hasSocket;
    this.session = new AgentSession({ ...options, outlet: this });
    if (hasSocket) this.session.watchSilence(config.SILENCE_TIMEOUT_MS);
    this.ended = this.session.waitUntilComplete().then(() => {});
    this.session.signal.addEventListener("abort", () => this.#stopWaiting(), { once: true });
  }

  /** Whether it has no connection at the moment. */
  get away(): boolean {
    return this.#outlet === null;
  }

  get isWithoutSocket(): boolean {
    return this.away || !this.#hasSocket;
  }

  /** The transfer that the agent has asked for and that has not ended; null if there is none. */
  get transfer(): TransferRequest | null {
    return this.#transfer;
  }

  send(event: AgentEvent): void {
    if (event.type === "agent.transfer_call") this.#transfer = event;
    this.#outlet?.send(event);
  }

  writable(): Promise<void> | null {
    return this.#outlet?.writable() ?? null;
  }

  close(code: number, reason: string): void {
    this.#outlet?.close(code, reason);
  }

  /** Goes on with another connection; one that it still had is closed. */
  attach(outlet: SessionOutlet): void {
    this.#stopWaiting();
    this.#outlet?.close(1000, "the call goes on elsewhere");
    this.#outlet = outlet;
    const outcome = this.#returning;
    this.#returning = null;
    if (outcome !== null) this.#tell(outcome, true);
  }

  /** This connection is gone: the call waits for another for so long, ms, and ends then, or at once for 0. */
  detach(outlet: SessionOutlet, waitMs: number): void {
    if (this.#outlet !== outlet) return;
    this.#outlet = null;
    if (this.session.signal.aborted) return;
    if (waitMs === 0) {
      this.session.disconnected();
      return;
    }
    // Nobody hears the rest of what is being said.
    if (!this.session.handedOff)
      this.session.receive(stamp<ClientEvent>({ type: "system.control.interrupt" }));
    this.waitFor(waitMs);
  }

  /** Something has happened: the call goes on. */
  keep(): void {
    this.#stopWaiting();
  }

  /** Lets the call end unless something happens within so long, ms. */
  waitFor(waitMs: number): void {
    this.#stopWaiting();
    this.#awayTimer = setTimeout(() => {
      try {
        this.session.disconnected();
      } catch (error) {
        this.session.fail(error);
      }
    }, waitMs);
  }

  /** Tells how the transfer ended from which nobody comes back, and ends the call. */
  transferred(outcome: Exclude<TransferOutcome, "requested">): void {
    if (this.#transfer) this.#tell(outcome, false);
    if (outcome === "caller_left") this.session.end("client_closed", 1000, "");
    else this.session.disconnected();
  }

  /** The caller will be back in a moment, on another connection or on this one, from a transfer that ended like this. */
  returns(outcome: Exclude<TransferOutcome, "requested">, waitMs: number): void {
    if (this.#outlet !== null) {
      this.#tell(outcome, true);
      return;
    }
    this.#returning = outcome;
    this.waitFor(waitMs);
  }

  #tell(outcome: Exclude<TransferOutcome, "requested">, returned: boolean): void {
    this.#transfer = null;
    this.session.receive(stamp<ClientEvent>({ type: "system.transfer.ended", outcome, returned }));
  }

  #stopWaiting(): void {
    if (this.#awayTimer) clearTimeout(this.#awayTimer);
    this.#awayTimer = null;
  }
}
