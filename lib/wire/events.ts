import { z } from "zod";
import { FrameError } from "../errors.ts";
import type { LineEvent } from "./line-events.ts";

/*
 * The wire protocol: one schema per event, and the only place that knows both spellings
 * (snake_case on the wire, camelCase inside). The events and their traps: docs/protocol.md.
 */

export type JsonObject = Record<string, unknown>;

/** Most entries of `messages` in one `system.llm.request`. */
export const MAX_REQUEST_MESSAGES = 2_000;
/** Most bytes of `initial_variables`, as JSON. */
export const MAX_VARIABLES_BYTES = 64 * 1024;

/** Longest text of a transcript, characters: more than anybody says or types in one go. */
export const MAX_TRANSCRIPT_CHARS = 32_768;
/** Longest call id, number or other fact of a call, characters. */
export const MAX_FACT_CHARS = 256;

export const CONVERSATION_TYPES = [
  "telephonyInbound",
  "telephonyOutbound",
  "chat",
  "webcall",
  "supervisor_agent",
] as const;
export type ConversationType = (typeof CONVERSATION_TYPES)[number];

export const HOLD_MUSIC = ["ringtone", "relaxing_sound", "uplifting_beats", "none"] as const;

// Kept by reference: a copy by zod would drop a key such as "__proto__" and cost time for nothing.
const object = z.custom<JsonObject>(
  (value) => typeof value === "object" && value !== null && !Array.isArray(value),
  "expected an object",
);
const smallObject = object.refine(
  (value) => jsonBytes(value) <= MAX_VARIABLES_BYTES,
  `may hold at most ${MAX_VARIABLES_BYTES} bytes of JSON`,
);
const fact = z.string().max(MAX_FACT_CHARS);
const factOrNull = fact.nullable().default(null);

const caller = z
  .looseObject({
    user_number: factOrNull,
    agent_number: factOrNull,
    direction: factOrNull,
    call_id: factOrNull,
  })
  .refine(
    (value) => jsonBytes(value) <= MAX_VARIABLES_BYTES,
    `may hold at most ${MAX_VARIABLES_BYTES} bytes of JSON`,
  )
  .transform(({ user_number, agent_number, direction, call_id, ...extra }) => ({
    userNumber: user_number,
    agentNumber: agent_number,
    direction,
    callId: call_id,
    /** Fields a newer platform sends that this version has no name for, as they came. */
    extra,
  }));
export type Caller = z.output<typeof caller>;

const sessionContext = z
  .object({
    initial_variables: smallObject,
    conversation_type: z.enum(CONVERSATION_TYPES),
    caller: caller.nullable().default(null),
  })
  .transform((wire) => ({
    initialVariables: wire.initial_variables,
    conversationType: wire.conversation_type,
    caller: wire.caller,
  }));
export type SessionContext = z.output<typeof sessionContext>;

const handoffOption = z.object({ type: z.enum(["prompt", "static"]), prompt: z.string() }).nullable();

const transferOptions = z
  .object({
    type: z.enum(["cold_transfer", "warm_transfer"]).default("cold_transfer"),
    private_handoff_option: handoffOption.optional(),
    privateHandoffOption: handoffOption.optional(),
    public_handoff_option: handoffOption.optional(),
    publicHandoffOption: handoffOption.optional(),
  })
  .transform((wire) => ({
    type: wire.type,
    privateHandoffOption: wire.private_handoff_option ?? wire.privateHandoffOption ?? null,
    publicHandoffOption: wire.public_handoff_option ?? wire.publicHandoffOption ?? null,
  }));

function event<T extends string, S extends z.ZodRawShape>(type: T, shape: S) {
  return z.object({ type: z.literal(type), timestamp: fact.default(now), ...shape });
}

const systemInit = event("system.init", {
  version: fact,
  session_context: sessionContext,
  output_agent_settings: smallObject.nullable().default(null),
}).transform(({ session_context, output_agent_settings, ...rest }) => ({
  ...rest,
  sessionContext: session_context,
  outputAgentSettings: output_agent_settings,
}));

const llmRequest = event("system.llm.request", {
  messages: z.array(object).max(MAX_REQUEST_MESSAGES).nullable().default(null),
  extra_params: object.default({}),
}).transform(({ extra_params, ...rest }) => ({ ...rest, extraParams: extra_params }));

const responseStart = event("agent.llm.response.start", { request_id: factOrNull }).transform(
  ({ request_id, ...rest }) => ({ ...rest, requestId: request_id }),
);

const transferCall = event("agent.transfer_call", {
  transfer_call_number: z.string(),
  transfer_options: transferOptions,
  on_hold_music: z.enum(HOLD_MUSIC).nullable().default(null),
}).transform(({ transfer_call_number, transfer_options, on_hold_music, ...rest }) => ({
  ...rest,
  transferCallNumber: transfer_call_number,
  transferOptions: transfer_options,
  onHoldMusic: on_hold_music,
}));

const payload = object.transform(camelKeys);

const clientEvents = {
  "system.init": systemInit,
  "system.user.joined": event("system.user.joined", {}),
  "system.user.started_speaking": event("system.user.started_speaking", {}),
  "system.user.stopped_speaking": event("system.user.stopped_speaking", {}),
  "system.llm.request": llmRequest,
  "system.control.interrupt": event("system.control.interrupt", {}),
  "system.output_agent.update_settings": event("system.output_agent.update_settings", {
    settings: smallObject,
  }),
  "agent.transcript.update": event("agent.transcript.update", {
    role: z.enum(["user", "assistant"]),
    content: z.string().max(MAX_TRANSCRIPT_CHARS),
  }),
};

const agentEvents = {
  "agent.ready": event("agent.ready", {}),
  "agent.llm.response.start": responseStart,
  "agent.llm.response.chunk": event("agent.llm.response.chunk", { text: z.string() }),
  "agent.llm.response.end": event("agent.llm.response.end", {}),
  "agent.speak": event("agent.speak", { text: z.string() }),
  "agent.control.interrupt": event("agent.control.interrupt", {}),
  "agent.control.mute_user": event("agent.control.mute_user", {}),
  "agent.control.unmute_user": event("agent.control.unmute_user", {}),
  "agent.end_call": event("agent.end_call", {}),
  "agent.transfer_call": transferCall,
  "agent.log": event("agent.log", { name: z.string(), payload }),
  // 4.x sends neither severity nor payload, and what it left out stays out.
  "agent.error": event("agent.error", {
    message: z.string(),
    severity: z.enum(["warning", "fatal"]).optional(),
    payload: payload.optional(),
  }),
};

/** What a client may send, and what its line tells besides. */
export type ClientEvent = z.output<(typeof clientEvents)[keyof typeof clientEvents]> | LineEvent;
/** What this server sends. */
export type AgentEvent = z.output<(typeof agentEvents)[keyof typeof agentEvents]>;
export type AnyEvent = ClientEvent | AgentEvent;
export type EventOf<T extends AnyEvent["type"]> = Extract<AnyEvent, { type: T }>;

type WithoutTimestamp<E> = E extends AnyEvent ? Omit<E, "timestamp"> : never;
/** An event as a node writes it down; the timestamp is added when it is sent. */
export type Draft<E extends AnyEvent = AnyEvent> = WithoutTimestamp<E> | E;

// Maps, so that a type such as "constructor" finds nothing.
const clientSchemas = new Map<string, z.ZodType<ClientEvent>>(Object.entries(clientEvents));
const agentSchemas = new Map<string, z.ZodType<AgentEvent>>(Object.entries(agentEvents));

const frameBytes = new WeakMap<AnyEvent, number>();
const SMALL_EVENT_BYTES = 256;

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Decodes one frame from a client. Throws {@link FrameError}, and nothing else. */
export function decodeClientEvent(data: Uint8Array | string): ClientEvent {
  const wire = parseFrame(data);
  const schema = clientSchemas.get(wire.type);
  if (schema) {
    const event = validate(schema, wire);
    frameBytes.set(event, data.length);
    return event;
  }
  if (agentSchemas.has(wire.type)) {
    throw new FrameError("wrong_sender", `${wire.type} is sent by the server, never to it; it was ignored`);
  }
  throw unknownType(wire.type);
}

/** Decodes a frame of either side: what a client of this server, or a test, needs. Throws {@link FrameError}. */
export function decodeEvent(data: Uint8Array | string): AnyEvent {
  const wire = parseFrame(data);
  const schema = clientSchemas.get(wire.type) ?? agentSchemas.get(wire.type);
  if (!schema) throw unknownType(wire.type);
  return validate<AnyEvent>(schema, wire);
}

/** How much an event weighs while it waits, bytes: those of its frame; what was made here is small. */
export function weightOf(event: AnyEvent): number {
  return frameBytes.get(event) ?? SMALL_EVENT_BYTES;
}

/** Encodes an event as the JSON text of one frame. */
export function encodeEvent(event: AnyEvent): string {
  return JSON.stringify(toWire(event));
}

function toWire(event: AnyEvent): object {
  switch (event.type) {
    case "system.init": {
      const { sessionContext, outputAgentSettings, ...rest } = event;
      const { initialVariables, conversationType, caller } = sessionContext;
      return {
        ...rest,
        session_context: {
          initial_variables: initialVariables,
          conversation_type: conversationType,
          caller: caller && {
            ...caller.extra,
            user_number: caller.userNumber,
            agent_number: caller.agentNumber,
            direction: caller.direction,
            call_id: caller.callId,
          },
        },
        output_agent_settings: outputAgentSettings,
      };
    }
    case "system.llm.request": {
      const { extraParams, ...rest } = event;
      return { ...rest, extra_params: extraParams };
    }
    case "agent.llm.response.start": {
      const { requestId, ...rest } = event;
      return { ...rest, request_id: requestId };
    }
    case "agent.transfer_call": {
      const { transferCallNumber, transferOptions, onHoldMusic, ...rest } = event;
      return {
        ...rest,
        transfer_call_number: transferCallNumber,
        transfer_options: {
          type: transferOptions.type,
          private_handoff_option: transferOptions.privateHandoffOption,
          public_handoff_option: transferOptions.publicHandoffOption,
        },
        // Always a key, null included: without it the command line client loses the turn.
        on_hold_music: onHoldMusic,
      };
    }
    case "agent.log":
      return { ...event, payload: snakeKeys(event.payload) };
    case "agent.error":
      return event.payload ? { ...event, payload: snakeKeys(event.payload) } : event;
    default:
      return event;
  }
}

/** The event with the present time, unless it has one. */
export function stamp<E extends AnyEvent>(draft: Draft<E>): E;
export function stamp(draft: Draft): AnyEvent {
  return "timestamp" in draft ? draft : { ...draft, timestamp: now() };
}

/** Whether an event is one that this server sends (and not one that came from the client). */
export function isAgentEvent(event: AnyEvent): event is AgentEvent {
  return agentSchemas.has(event.type);
}

let latest = { ms: 0, text: "" };

/** The present time as the wire writes it: ISO 8601, UTC, milliseconds. */
export function now(): string {
  const ms = Date.now();
  // Writing a date down costs as much as encoding a chunk; many events share a millisecond.
  if (ms !== latest.ms) latest = { ms, text: new Date(ms).toISOString() };
  return latest.text;
}

function parseFrame(data: Uint8Array | string): JsonObject & { type: string } {
  let value: unknown;
  try {
    value = JSON.parse(typeof data === "string" ? data : utf8.decode(data));
  } catch (error) {
    if (error instanceof SyntaxError) throw new FrameError("bad_json", "a frame must be one JSON object");
    throw new FrameError("bad_utf8", "a frame must be UTF-8 text");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new FrameError("not_an_object", "a frame must be one JSON object");
  }
  if (hasType(value)) return value;
  throw new FrameError("bad_field", "type: a frame needs a type, a string");
}

// Told by a guard and not by a copy: one of 75,000 keys takes longer than reading them.
function hasType(value: object): value is JsonObject & { type: string } {
  return "type" in value && typeof value.type === "string";
}

function validate<E>(schema: z.ZodType<E>, wire: JsonObject & { type: string }): E {
  const result = schema.safeParse(wire);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const path = issue?.path.join(".") || "frame";
  throw new FrameError("bad_field", `${wire.type}: ${path}: ${issue?.message ?? "not valid"}`, wire.type);
}

function unknownType(type: string): FrameError {
  // It is named if it looks like a name: what a stranger made up does not belong in a log.
  const name = /^[a-z_.]{1,60}$/.test(type) ? `the type ${type}` : "that type";
  return new FrameError("unknown_type", `no event has ${name}`);
}

function jsonBytes(value: JsonObject): number {
  try {
    return Buffer.byteLength(JSON.stringify(value));
  } catch {
    // Nested too deep to write down again: refuse it as too large.
    return Number.POSITIVE_INFINITY;
  }
}

/** Keys of a log or error payload are camelCase inside and snake_case on the wire; deeper levels are as they are. */
function camelKeys(wire: JsonObject): JsonObject {
  return renameKeys(wire, (key) => key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()));
}

/** The wire's spelling of an object's own keys. */
export function snakeKeys(inner: JsonObject): JsonObject {
  return renameKeys(inner, (key) => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));
}

function renameKeys(from: JsonObject, rename: (key: string) => string): JsonObject {
  return Object.fromEntries(Object.entries(from).map(([key, value]) => [rename(key), value]));
}
