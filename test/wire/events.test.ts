import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test, { describe } from "node:test";
import { FrameError } from "../../lib/errors.ts";
import {
  type AnyEvent,
  CONVERSATION_TYPES,
  decodeClientEvent,
  decodeEvent,
  encodeEvent,
  HOLD_MUSIC,
  type JsonObject,
  MAX_REQUEST_MESSAGES,
  MAX_VARIABLES_BYTES,
} from "../../lib/wire/events.ts";
import { fc } from "../support/property.ts";

const vectors = ["4.3.0", "5.14.0"].flatMap((version) =>
  readFileSync(new URL(`vectors/frames-${version}.jsonl`, import.meta.url), "utf8")
    .trim()
    .split("\n")
    .map((line) => ({ version, ...(JSON.parse(line) as { name: string; frame: JsonObject }) })),
);

describe("frames of the real clients", () => {
  test("there are frames of both versions", () => {
    assert.ok(vectors.length > 50, `only ${vectors.length} frames`);
  });

  for (const { version, name, frame } of vectors) {
    test(`${version} ${name} decodes and encodes to the same JSON`, () => {
      const again = JSON.parse(encodeEvent(decodeEvent(JSON.stringify(frame))));
      assert.deepEqual(withoutAddedNulls(again, frame), frame);
    });
  }
});

/** The older version leaves out what the newer one writes as null. */
function withoutAddedNulls(value: unknown, original: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const before = Object(original);
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key, inner]) => inner !== null || key in before)
      .map(([key, inner]) => [key, withoutAddedNulls(inner, before[key])]),
  );
}

describe("decoding", () => {
  const code = (frame: unknown) => {
    const data = typeof frame === "string" || frame instanceof Uint8Array ? frame : JSON.stringify(frame);
    try {
      decodeClientEvent(data);
      return "none";
    } catch (error) {
      assert.ok(error instanceof FrameError, `not a FrameError: ${error}`);
      return error.code;
    }
  };
  const init = (context: object) => ({ type: "system.init", version: "1", session_context: context });

  for (const [what, frame, expected] of [
    ["text that is not JSON", "hello", "bad_json"],
    ["20,000 open brackets", "[".repeat(20_000), "bad_json"],
    ["20,000 nested arrays", "[".repeat(20_000) + "]".repeat(20_000), "not_an_object"],
    ["bytes that are not UTF-8", new Uint8Array([0x7b, 0xff, 0xfe, 0x7d]), "bad_utf8"],
    ["null", null, "not_an_object"],
    ["an array", [], "not_an_object"],
    ["an object without a type", {}, "bad_field"],
    ["a type that is no string", { type: 7 }, "bad_field"],
    ["an unknown type", { type: "system.nonsense" }, "unknown_type"],
    ["an inherited type name", { type: "constructor" }, "unknown_type"],
    ["the type __proto__", '{"type":"__proto__"}', "unknown_type"],
    ["an event only the server sends", { type: "agent.speak", text: "x" }, "wrong_sender"],
    ["a field of the wrong kind", { type: "agent.transcript.update", role: "user", content: 7 }, "bad_field"],
    ["a role nobody has", { type: "agent.transcript.update", role: "root", content: "" }, "bad_field"],
    [
      "a conversation type nobody knows",
      init({ initial_variables: {}, conversation_type: "fax" }),
      "bad_field",
    ],
    [
      "too many messages",
      {
        type: "system.llm.request",
        messages: Array(MAX_REQUEST_MESSAGES + 1).fill({ role: "user", content: "" }),
      },
      "bad_field",
    ],
    [
      "too many variables",
      init({ initial_variables: { a: "x".repeat(MAX_VARIABLES_BYTES) }, conversation_type: "chat" }),
      "bad_field",
    ],
  ] as const) {
    test(`${what} is a ${expected}`, () => assert.equal(code(frame), expected));
  }

  test("variables nested too deep to write down again are refused", () => {
    const deep = `{"a":${"[".repeat(20_000)}${"]".repeat(20_000)}}`;
    const frame = `{"type":"system.init","version":"1","session_context":{"conversation_type":"chat","initial_variables":${deep}}}`;
    assert.equal(code(frame), "bad_field");
  });

  test("unknown fields are left aside", () => {
    const event = decodeClientEvent(JSON.stringify({ type: "system.user.joined", timestamp: "t", extra: 1 }));
    assert.deepEqual(event, { type: "system.user.joined", timestamp: "t" });
  });

  test("a transfer may spell its options the camel way", () => {
    const option = { type: "static", prompt: "hello" };
    const event = decodeEvent(
      JSON.stringify({
        type: "agent.transfer_call",
        transfer_call_number: "+1",
        transfer_options: { type: "warm_transfer", publicHandoffOption: option },
      }),
    );
    assert.ok(event.type === "agent.transfer_call");
    assert.deepEqual(event.transferOptions.publicHandoffOption, option);
  });

  test("a transfer always has a key for the hold music", () => {
    const frame = JSON.parse(
      encodeEvent({
        type: "agent.transfer_call",
        timestamp: "t",
        transferCallNumber: "+1",
        transferOptions: { type: "cold_transfer", privateHandoffOption: null, publicHandoffOption: null },
        onHoldMusic: null,
      }),
    );
    assert.ok("on_hold_music" in frame);
  });

  test("nothing but a FrameError is ever thrown", () => {
    const types = [...new Set(vectors.map(({ frame }) => String(frame.type)))];
    const anyFrame = fc.oneof(
      fc.string(),
      fc.uint8Array(),
      fc.json(),
      fc
        .record({
          type: fc.constantFrom(...types),
          version: fc.anything(),
          session_context: fc.anything(),
          messages: fc.anything(),
        })
        .map(asJson),
      fc
        .tuple(fc.constantFrom(...vectors.map(({ frame }) => frame)), fc.string(), fc.jsonValue())
        .map(([frame, key, value]) =>
          JSON.stringify({
            ...frame,
            [key in frame ? key : (Object.keys(frame).at(key.length % Object.keys(frame).length) ?? key)]:
              value,
          }),
        ),
    );
    fc.assert(
      fc.property(anyFrame, (frame) => {
        code(frame);
      }),
      { numRuns: 1_000 },
    );
  });
});

function asJson(value: unknown): string {
  try {
    return JSON.stringify(value) ?? "";
  } catch {
    return "";
  }
}

describe("encoding", () => {
  const text = fc.string({ unit: "grapheme" });
  const json = fc
    .dictionary(text, fc.jsonValue())
    .map((value): JsonObject => JSON.parse(JSON.stringify(value)));
  // Keys that are camelCase inside, as ours are; the wire has them in snake_case.
  const camelKey = fc.stringMatching(/^[a-z]+([A-Z][a-z]+)*$/);
  const payload = fc
    .dictionary(camelKey, fc.jsonValue())
    .map((value): JsonObject => JSON.parse(JSON.stringify(value)));
  const timestamp = fc.date({ noInvalidDate: true }).map((date) => date.toISOString());
  const option = fc.option(
    fc.record({ type: fc.constantFrom("prompt" as const, "static" as const), prompt: text }),
  );
  const words = fc.option(text);
  const caller = fc.option(
    fc.record({
      userNumber: words,
      agentNumber: words,
      direction: words,
      callId: words,
      extra: fc.constant({ note: "kept" }),
    }),
  );
  const bare = <T extends AnyEvent["type"]>(type: T) => fc.record({ type: fc.constant(type), timestamp });

  const anyEvent: fc.Arbitrary<AnyEvent> = fc.oneof(
    fc.record({
      type: fc.constant("system.init" as const),
      timestamp,
      version: text,
      sessionContext: fc.record({
        initialVariables: json,
        conversationType: fc.constantFrom(...CONVERSATION_TYPES),
        caller,
      }),
      outputAgentSettings: fc.option(json),
    }),
    bare("system.user.joined"),
    bare("system.user.started_speaking"),
    bare("system.user.stopped_speaking"),
    bare("system.control.interrupt"),
    fc.record({
      type: fc.constant("system.llm.request" as const),
      timestamp,
      messages: fc.option(fc.array(json)),
      extraParams: json,
    }),
    fc.record({
      type: fc.constant("system.output_agent.update_settings" as const),
      timestamp,
      settings: json,
    }),
    fc.record({
      type: fc.constant("agent.transcript.update" as const),
      timestamp,
      role: fc.constantFrom("user" as const, "assistant" as const),
      content: text,
    }),
    bare("agent.ready"),
    fc.record({ type: fc.constant("agent.llm.response.start" as const), timestamp, requestId: words }),
    fc.record({ type: fc.constant("agent.llm.response.chunk" as const), timestamp, text }),
    bare("agent.llm.response.end"),
    fc.record({ type: fc.constant("agent.speak" as const), timestamp, text }),
    bare("agent.control.interrupt"),
    bare("agent.control.mute_user"),
    bare("agent.control.unmute_user"),
    bare("agent.end_call"),
    fc.record({
      type: fc.constant("agent.transfer_call" as const),
      timestamp,
      transferCallNumber: text,
      transferOptions: fc.record({
        type: fc.constantFrom("cold_transfer" as const, "warm_transfer" as const),
        privateHandoffOption: option,
        publicHandoffOption: option,
      }),
      onHoldMusic: fc.option(fc.constantFrom(...HOLD_MUSIC)),
    }),
    fc.record({ type: fc.constant("agent.log" as const), timestamp, name: text, payload }),
    fc.record({
      type: fc.constant("agent.error" as const),
      timestamp,
      message: text,
      severity: fc.constantFrom("warning" as const, "fatal" as const),
      payload,
    }),
  );

  test("what is encoded decodes to the same event", () => {
    fc.assert(
      fc.property(anyEvent, (event) => {
        const plain = structuredClone(event);
        assert.deepEqual(decodeEvent(encodeEvent(plain)), plain);
      }),
      { numRuns: 1_000 },
    );
  });
});
