import { randomUUID } from "node:crypto";
import type { Logger } from "pino";
import type { Config } from "../config.ts";
import type { Line } from "../lines/line.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { AgentSession, SessionOutlet, SetupSession } from "../session/session.ts";
import type { EventOf } from "../wire/events.ts";
import { Call } from "./call.ts";

/** Longest `call_id` that is kept and logged, characters: the client chooses it. */
export const MAX_CALL_ID_CHARS = 128;

export type OpenCallsOptions = {
  config: Config;
  log: Logger;
  metrics: Metrics;
};

export type NewCall = {
  line: Pick<Line, "name">;
  init: EventOf<"system.init">;
  setupSession: SetupSession;
  outlet: SessionOutlet;
  /** Whether it is on a socket of ours, and counted with that. */
  hasSocket: boolean;
  /** The session's; by default a new one. */
  id?: string;
};

/** The calls of this process, on whatever line, and how one is found again. */
export class OpenCalls {
  readonly #options: OpenCallsOptions;
  readonly #open = new Set<Call>();
  readonly #byKey = new Map<string, Call>();
  #droppedEvents = 0;

  constructor(options: OpenCallsOptions) {
    this.#options = options;
  }

  /** Calls that have no socket, or none at the moment. */
  get withoutSocket(): number {
    return [...this.#open].reduce((count, { isWithoutSocket }) => count + (isWithoutSocket ? 1 : 0), 0);
  }

  /** Events that nodes have dropped since the start, because they did not keep up. */
  get droppedEvents(): number {
    return [...this.#open].reduce((sum, { session }) => sum + session.droppedEvents, this.#droppedEvents);
  }

  /** The call of this line with this id, or null. */
  find(line: Pick<Line, "name">, callId: string): Call | null {
    return this.#byKey.get(keyOf(line, callId)) ?? null;
  }

  /** Begins a call: its session is made and its set-up runs. */
  open({ line, init, setupSession, outlet, hasSocket, id = randomUUID() }: NewCall): Call {
    const { config, log, metrics } = this.#options;
    const { conversationType, caller } = init.sessionContext;
    const callId = caller?.callId?.slice(0, MAX_CALL_ID_CHARS) ?? null;
    const callLog = log.child({ sessionId: id, ...(callId === null ? {} : { call_id: callId }) });
    const call = new Call({
      id,
      context: init.sessionContext,
      outputAgentSettings: init.outputAgentSettings,
      log: callLog,
      outlet,
      hasSocket,
      config,
    });
    const { session } = call;
    const key = callId === null ? null : keyOf(line, callId);
    this.#open.add(call);
    if (key !== null) this.#byKey.set(key, call);
    metrics.sessions.inc({ type: conversationType });
    callLog.info(
      { line: line.name, conversationType, sdkVersion: init.version.slice(0, 40) },
      "Session opened",
    );
    session.own(runSetup(session, setupSession));
    session.own(session.waitUntilComplete().then((reason) => metrics.ended.inc({ reason })));
    void call.ended.then(() => {
      this.#open.delete(call);
      if (key !== null && this.#byKey.get(key) === call) this.#byKey.delete(key);
      this.#droppedEvents += session.droppedEvents;
    });
    return call;
  }

  /** Ends the calls that have no socket, because the server is going away. */
  endWithoutSocket(): void {
    for (const call of this.#open) {
      if (call.isWithoutSocket) call.session.end("drain", 1001, "server is shutting down");
    }
  }

  /** Resolves when the calls that are open now have ended. */
  async allEnded(): Promise<void> {
    await Promise.all([...this.#open].map(({ ended }) => ended));
  }
}

function keyOf({ name }: Pick<Line, "name">, callId: string): string {
  return `${name} ${callId.slice(0, MAX_CALL_ID_CHARS)}`;
}

async function runSetup(session: AgentSession, setupSession: SetupSession): Promise<void> {
  await setupSession(session);
  if (!session.running && !session.signal.aborted) {
    throw new Error("setupSession returned without session.start()");
  }
}
