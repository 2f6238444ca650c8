import type { Config } from "../config.ts";
import { History, type HistoryItem } from "../lines/history.ts";
import type { HandOff } from "../lines/openai.ts";
import type { SessionOutlet } from "../session/session.ts";
import type { Call } from "../socket/call.ts";
import { ClientRates, type Limits } from "../socket/client-rates.ts";
import { type AgentEvent, type ClientEvent, type Draft, stamp } from "../wire/events.ts";
import { isLog } from "../wire/log-events.ts";
import type { OpenAiReply } from "./openai-reply.ts";

/** Lines said between two requests that wait for the next. */
const MAX_LINES = 20;

export type OpenAiCallOptions = {
  /** How long the call lives on without a request, ms; 0: it has this one. */
  idleMs: number;
  config: Limits & Pick<Config, "SLOW_CLIENT_TIMEOUT_MS">;
};

/** A call whose platform asks for one answer after another, and hears nothing in between. */
export class OpenAiCall implements SessionOutlet {
  readonly #options: OpenAiCallOptions;
  readonly #history = new History();
  readonly #rates: ClientRates;
  #call: Call | null = null;
  #reply: OpenAiReply | null = null;
  /** Said when nobody was listening. */
  #lines: string[] = [];
  /** Decided, and not yet passed on. */
  #handOff: HandOff | null = null;

  constructor(options: OpenAiCallOptions) {
    this.#options = options;
    this.#rates = new ClientRates(options.config);
  }

  /** Called once, with the call that this is the outlet of. */
  begin(call: Call): void {
    this.#call = call;
  }

  /** Answers a request. One that is still being answered has its end. */
  ask(items: readonly HistoryItem[], reply: OpenAiReply): void {
    const session = this.#call?.session;
    if (!this.#call || !session || session.signal.aborted) {
      reply.fail(503, "The call has ended");
      return;
    }
    const events = this.#history.request(items).map((event) => stamp<ClientEvent>(event));
    const tooMuch = events.map((event) => this.#rates.takeEvent(event)).find((why) => why !== null) ?? null;
    if (tooMuch !== null) {
      reply.fail(429, `This call has ${tooMuch}`);
      return;
    }
    this.#reply?.finish(null);
    this.#reply = reply;
    this.#call.keep();
    // The transfer was passed on, and yet the caller is here and talks.
    if (session.handOff === "transferred" && this.#handOff === null && items.at(-1)?.role === "user") {
      this.#call.returns("unknown", 0);
    }
    for (const line of this.#lines.splice(0)) reply.piece(`${line} `);
    for (const event of events) this.#receive(event);
  }

  /** The client has closed the stream: the caller speaks, or is gone. */
  closed(reply: OpenAiReply): void {
    if (this.#reply !== reply) return;
    this.#reply = null;
    this.#history.interrupted();
    this.#receive({ type: "system.control.interrupt" });
    this.#wait();
  }

  send(event: AgentEvent): void {
    switch (event.type) {
      case "agent.llm.response.start":
        if (this.#reply) this.#reply.started = true;
        break;
      case "agent.llm.response.chunk":
        this.#say(event.text);
        break;
      case "agent.speak":
        if (this.#reply?.started) this.#say(event.text);
        else if (this.#lines.length < MAX_LINES) this.#lines.push(event.text);
        break;
      case "agent.llm.response.end":
        if (this.#reply?.started) this.#finishSoon(this.#reply);
        break;
      case "agent.end_call":
      case "agent.transfer_call":
        this.#handOff = event;
        break;
      case "agent.log":
        if (isLog(event, "llm.usage")) {
          this.#reply?.countTokens(event.payload.inputTokens, event.payload.outputTokens);
        }
        break;
      default:
        break;
    }
  }

  writable(): Promise<void> | null {
    const reply = this.#reply;
    const caughtUp = reply?.writable() ?? null;
    if (!reply || !caughtUp) return null;
    const timer = setTimeout(() => reply.cut(), this.#options.config.SLOW_CLIENT_TIMEOUT_MS);
    return caughtUp.finally(() => clearTimeout(timer));
  }

  close(code: number, reason: string): void {
    const status = code === 1011 ? 500 : 503;
    this.#reply?.fail(status, reason === "" ? "The call has ended" : `The call has ended: ${reason}`);
    this.#reply = null;
  }

  #say(text: string): void {
    if (!this.#reply?.started) return;
    this.#history.said(text);
    this.#reply.piece(text);
  }

  /** What hands the call off comes right after the last words. */
  #finishSoon(reply: OpenAiReply): void {
    setImmediate(() => {
      if (this.#reply !== reply) return;
      this.#reply = null;
      reply.finish(this.#handOff);
      const isOver = this.#handOff?.type === "agent.end_call";
      this.#handOff = null;
      if (isOver || this.#options.idleMs === 0) this.#call?.session.disconnected();
      else this.#wait();
    });
  }

  #wait(): void {
    if (this.#options.idleMs === 0) this.#call?.session.disconnected();
    else this.#call?.waitFor(this.#options.idleMs);
  }

  #receive(draft: Draft<ClientEvent>): void {
    try {
      this.#call?.session.receive(stamp<ClientEvent>(draft));
    } catch (error) {
      this.#call?.session.fail(error);
    }
  }
}
