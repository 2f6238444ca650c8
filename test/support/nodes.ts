import { AgentNode, type AgentNodeOptions, type EndReason } from "../../lib/nodes/agent-node.ts";
import { BackgroundAgentNode } from "../../lib/nodes/background-agent-node.ts";
import { OutputAgentNode } from "../../lib/nodes/output-agent-node.ts";
import type { Turn } from "../../lib/nodes/turn.ts";
import type { AnyEvent } from "../../lib/wire/events.ts";

export type Script = (signal: AbortSignal, turn: Turn, agent: ScriptedAgent) => AsyncIterable<string>;

/** An output node whose answers a test writes down. */
export class ScriptedAgent extends OutputAgentNode {
  readonly #script: Script;
  readonly seen: AnyEvent[] = [];

  constructor(script: Script, options: Partial<AgentNodeOptions> = {}) {
    super({ name: "scripted-agent", ...options });
    this.#script = script;
  }

  protected override generateResponse(signal: AbortSignal, turn: Turn): AsyncIterable<string> {
    return this.#script(signal, turn, this);
  }

  protected override onEvent(event: AnyEvent): void {
    this.seen.push(event);
  }
}

/** Says the given pieces. */
export function says(...pieces: string[]): Script {
  return async function* () {
    yield* pieces;
  };
}

/** A background node that remembers what it heard. */
export class Listener extends BackgroundAgentNode {
  readonly heard: AnyEvent[] = [];
  endReason: EndReason | null = null;

  constructor(options: Partial<AgentNodeOptions> = {}) {
    super({ name: "listener", ...options });
  }

  protected override processEvent(event: AnyEvent): void {
    this.heard.push(event);
  }

  override stop(reason: EndReason): void {
    this.endReason = reason;
  }
}

/** A promise settled from outside. */
export function deferred<T = void>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

/** A node of a chain that remembers what came to it and hands it on, or does with it what the test says. */
export class Relay extends AgentNode {
  readonly seen: AnyEvent[] = [];
  readonly #handle: (event: AnyEvent, relay: Relay) => void | Promise<void>;

  constructor(
    name: string,
    handle: (event: AnyEvent, relay: Relay) => void | Promise<void> = (event, relay) =>
      relay.sendEvent(event),
    options: Partial<AgentNodeOptions> = {},
  ) {
    super({ name, ...options });
    this.#handle = handle;
  }

  protected override processEvent(event: AnyEvent): void | Promise<void> {
    this.seen.push(event);
    return this.#handle(event, this);
  }
}
