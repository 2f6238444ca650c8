import assert from "node:assert/strict";
import test, { describe } from "node:test";
import { FrameError } from "../../lib/errors.ts";
import { atomsLine } from "../../lib/lines/atoms.ts";
import { jambonzLine } from "../../lib/lines/jambonz.ts";
import type { Codec } from "../../lib/lines/line.ts";
import { relayLine } from "../../lib/lines/relay.ts";
import { retellLine } from "../../lib/lines/retell.ts";
import { type AgentEvent, stamp } from "../../lib/wire/events.ts";
import { fc } from "../support/property.ts";

const relay = { welcomeGreeting: null, handoffData: true, transferTimeoutMs: 30_000 };
const LINES = [
  atomsLine({ AGENT_LOG: "auto" }),
  relayLine({ ...relay, name: "twilio" }),
  retellLine(),
  jambonzLine({ transferTimeoutMs: 30_000 }),
];
const bytes = (value: unknown) => Buffer.from(JSON.stringify(value));

const types = fc.constantFrom(
  "setup",
  "prompt",
  "dtmf",
  "interrupt",
  "error",
  "info",
  "session:new",
  "verb:hook",
  "tts:tokens-result",
  "tts:streaming-event",
  "response_required",
  "reminder_required",
  "call_details",
  "update_only",
  "ping_pong",
  "__proto__",
);
const frame = fc.oneof(
  fc.json(),
  fc
    .tuple(
      types,
      fc.dictionary(fc.constantFrom("data", "call", "digit", "last", "transcript", "msgid"), fc.jsonValue()),
    )
    .map(([type, rest]) => JSON.stringify({ type, interaction_type: type, ...rest })),
  fc.string(),
);

const text = fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 });
const agentEvent: fc.Arbitrary<AgentEvent> = fc.oneof(
  fc.constant(stamp<AgentEvent>({ type: "agent.llm.response.start", requestId: "t" })),
  text.map((words) => stamp<AgentEvent>({ type: "agent.llm.response.chunk", text: words })),
  fc.constant(stamp<AgentEvent>({ type: "agent.llm.response.end" })),
  text.map((words) => stamp<AgentEvent>({ type: "agent.speak", text: words })),
  fc.constantFrom(
    stamp<AgentEvent>({ type: "agent.control.interrupt" }),
    stamp<AgentEvent>({ type: "agent.end_call" }),
    stamp<AgentEvent>({ type: "agent.log", name: "x", payload: {} }),
    stamp<AgentEvent>({ type: "agent.error", message: "m", severity: "warning", payload: {} }),
  ),
);

for (const line of LINES) {
  describe(`the codec of ${line.name}`, () => {
    test("takes any frame, or refuses it as a frame, whatever came before", () => {
      fc.assert(
        fc.property(fc.array(frame, { maxLength: 20 }), (frames) => {
          const codec = line.open();
          for (const each of frames) {
            try {
              const { events } = codec.decode(Buffer.from(each), false);
              for (const event of events) assert.equal(typeof event.type, "string");
            } catch (error) {
              assert.ok(error instanceof FrameError, String(error));
            }
          }
        }),
        { numRuns: 300 },
      );
    });

    test("writes only JSON, for any order of events", () => {
      fc.assert(
        fc.property(fc.array(agentEvent, { maxLength: 30 }), (events) => {
          const codec = line.open();
          for (const out of events.flatMap((event) => codec.encode(event))) JSON.parse(out);
          for (const out of codec.release()) JSON.parse(out);
        }),
      );
    });
  });
}

/** A conversation of whole answers and lines, as an agent has them. */
const answers = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant("answer" as const), pieces: fc.array(text, { maxLength: 6 }) }),
    fc.record({ kind: fc.constant("line" as const), pieces: fc.tuple(text) }),
  ),
  { maxLength: 8 },
);

function speak(codec: Codec, said: { kind: "answer" | "line"; pieces: readonly string[] }): string[] {
  if (said.kind === "line")
    return [...codec.encode(stamp<AgentEvent>({ type: "agent.speak", text: said.pieces.join("") }))];
  return [
    ...codec.encode(stamp<AgentEvent>({ type: "agent.llm.response.start", requestId: "t" })),
    ...said.pieces.flatMap((piece) =>
      codec.encode(stamp<AgentEvent>({ type: "agent.llm.response.chunk", text: piece })),
    ),
    ...codec.encode(stamp<AgentEvent>({ type: "agent.llm.response.end" })),
  ];
}

test("on ConversationRelay every word is sent once, and an end follows what was begun and nothing else", () => {
  fc.assert(
    fc.property(answers, (all) => {
      const codec = relayLine({ ...relay, name: "twilio" }).open();
      let isOpen = false;
      let said = "";
      for (const each of all) {
        for (const out of speak(codec, each)) {
          const { type, token, last, ...rest } = JSON.parse(out);
          assert.deepEqual([type, rest], ["text", {}]);
          if (token === "") assert.ok(isOpen, "an end without a beginning");
          said += token;
          isOpen = !last;
        }
        assert.ok(!isOpen);
      }
      assert.equal(said, all.flatMap(({ pieces }) => pieces).join(""));
    }),
  );
});

test("to jambonz one piece is on its way at a time, none is lost, also when the server is full", () => {
  fc.assert(
    fc.property(answers, fc.infiniteStream(fc.boolean()), (all, isFull) => {
      const codec = jambonzLine({ transferTimeoutMs: 1 }).open();
      const wire = all.flatMap((each) => speak(codec, each));
      let said = "";
      let onTheWay: number | null = null;
      for (let out = wire.shift(); out !== undefined; out = wire.shift()) {
        const { command, data } = JSON.parse(out);
        if (command !== "tts:tokens") continue;
        assert.equal(onTheWay, null);
        onTheWay = data.id;
        const full = isFull.next().value;
        const status = full ? { status: "failed", reason: "full" } : { status: "ok" };
        if (!full) said += data.tokens;
        onTheWay = null;
        wire.push(
          ...codec.decode(bytes({ type: "tts:tokens-result", data: { id: data.id, ...status } }), false)
            .frames,
        );
        if (!full) continue;
        const resumed = { type: "tts:streaming-event", data: { event_type: "stream_resumed" } };
        wire.push(...codec.decode(bytes(resumed), false).frames);
      }
      assert.equal(said, all.flatMap(({ pieces }) => pieces).join(""));
      assert.equal(codec.backlog, 0);
    }),
  );
});

test("to Retell an answer ends once, and a hand-off is in its last frame and cannot be interrupted", () => {
  const codec = retellLine().open();
  codec.decode(bytes({ interaction_type: "call_details", call: { call_id: "c" } }), false);
  codec.decode(bytes({ interaction_type: "response_required", response_id: 7, transcript: [] }), false);
  const out = [
    ...speak(codec, { kind: "answer", pieces: ["Good", "bye."] }),
    ...codec.encode(stamp<AgentEvent>({ type: "agent.end_call" })),
    ...codec.release(),
  ].map((each) => JSON.parse(each));
  assert.deepEqual(
    out.map(({ content, content_complete }) => [content, content_complete]),
    [
      ["Good", false],
      ["bye.", false],
      ["", true],
    ],
  );
  assert.ok(out.every(({ response_id }) => response_id === 7));
  assert.deepEqual([out.at(-1).end_call, out.at(-1).no_interruption_allowed], [true, true]);
});
