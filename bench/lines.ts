import { performance } from "node:perf_hooks";
import { atomsLine } from "../lib/lines/atoms.ts";
import { jambonzLine } from "../lib/lines/jambonz.ts";
import type { Codec } from "../lib/lines/line.ts";
import { relayLine } from "../lib/lines/relay.ts";
import { retellLine } from "../lib/lines/retell.ts";
import { type AgentEvent, encodeEvent, stamp } from "../lib/wire/events.ts";

/*
 * The time that a line adds to a turn: its frame of the caller's words read, and an answer of fifty pieces written, with
 * the acknowledgements of a platform that has them.
 */

const TURNS = 5_000;
const PIECES = 50;

const bytes = (frame: object) => Buffer.from(JSON.stringify(frame));
const relay = { welcomeGreeting: null, handoffData: true, transferTimeoutMs: 30_000 };
const said = { role: "user", content: "where is my order" };

type Bench = { name: string; open: () => Codec; first: Buffer; heard: (turn: number) => Buffer };

const LINES: readonly Bench[] = [
  {
    name: "atoms",
    open: () => atomsLine({ AGENT_LOG: "auto" }).open(),
    first: Buffer.from(
      encodeEvent(
        stamp({
          type: "system.init",
          version: "1",
          sessionContext: { initialVariables: {}, conversationType: "telephonyInbound", caller: null },
          outputAgentSettings: null,
        }),
      ),
    ),
    heard: () => bytes({ type: "agent.transcript.update", ...said }),
  },
  {
    name: "twilio",
    open: () => relayLine({ ...relay, name: "twilio" }).open(),
    first: bytes({ type: "setup", callSid: "CA1", from: "+1", to: "+2" }),
    heard: () => bytes({ type: "prompt", voicePrompt: said.content, lang: "en-US", last: true }),
  },
  {
    name: "retell",
    open: () => retellLine().open(),
    first: bytes({
      interaction_type: "call_details",
      call: { call_id: "c", from_number: "+1", to_number: "+2" },
    }),
    heard: (turn) =>
      bytes({ interaction_type: "response_required", response_id: turn, transcript: Array(20).fill(said) }),
  },
  {
    name: "jambonz",
    open: () => jambonzLine({ transferTimeoutMs: 30_000 }).open(),
    first: bytes({ type: "session:new", msgid: "m", call_sid: "c", data: { from: "+1", to: "+2" } }),
    heard: (turn) =>
      bytes({
        type: "verb:hook",
        msgid: `h${turn}`,
        hook: "/heard",
        data: { speech: { is_final: true, alternatives: [{ transcript: said.content }] } },
      }),
  },
];

const answer: AgentEvent[] = [
  stamp<AgentEvent>({ type: "agent.llm.response.start", requestId: "turn-1" }),
  ...Array.from({ length: PIECES }, () =>
    stamp<AgentEvent>({ type: "agent.llm.response.chunk", text: "word " }),
  ),
  stamp<AgentEvent>({ type: "agent.llm.response.end" }),
];

/** As jambonz does with every piece; the other platforms acknowledge nothing. */
function acknowledge(codec: Codec, frame: string): void {
  const id = /"command":"tts:tokens".*"id":(\d+)/.exec(frame)?.[1];
  if (id) codec.decode(bytes({ type: "tts:tokens-result", data: { id: Number(id), status: "ok" } }), false);
}

for (const { name, open, first, heard } of LINES) {
  const codec = open();
  codec.decode(first, false);
  const times: number[] = [];
  for (let turn = 1; turn <= TURNS; turn += 1) {
    const frame = heard(turn);
    const at = performance.now();
    codec.decode(frame, false);
    for (const event of answer) {
      for (const frame of codec.encode(event)) acknowledge(codec, frame);
    }
    codec.release();
    times.push(performance.now() - at);
  }
  times.sort((a, b) => a - b);
  const at = (rank: number) => (times[Math.floor(rank * times.length)] ?? 0).toFixed(3);
  console.log(`${name.padEnd(8)} a turn: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`);
}
