import assert from "node:assert/strict";
import test, { describe } from "node:test";
import { chunk, type Frame, GOOD, type Manners, pretendServer } from "../support/pretend-server.ts";
import { rehearseOn, scenario } from "../support/rehearsal.ts";

/*
 * Every kind of expectation holds on a server that does everything, and is seen to fail on one that does one thing wrong.
 */

const without = (...types: string[]): Partial<Manners> => ({
  answer: GOOD.answer.filter((frame) => frame === null || !types.includes(frame.type)),
});
const withoutLog = (...names: string[]): Partial<Manners> => ({
  answer: GOOD.answer.filter((frame) => !names.includes(String(frame?.name))),
});
const withLog = (name: string, change: object): Partial<Manners> => ({
  answer: GOOD.answer.map((frame) =>
    frame?.name === name ? { ...frame, payload: { ...Object(frame.payload), ...change } } : frame,
  ),
});
const withFrame = (type: string, change: object): Partial<Manners> => ({
  answer: GOOD.answer.map((frame) => (frame?.type === type ? { ...frame, ...change } : frame)),
});
const also = (...frames: Frame[]): Partial<Manners> => ({
  answer: GOOD.answer.flatMap((frame) =>
    frame?.type === "agent.llm.response.end" ? [...frames, frame] : [frame],
  ),
});
const late: Partial<Manners> = { answer: [...new Array<null>(140).fill(null), ...GOOD.answer] };
const transfer = (change: object) => {
  const sent = GOOD.answer.find((frame) => frame?.type === "agent.transfer_call");
  return withFrame("agent.transfer_call", {
    transfer_options: { ...Object(sent?.transfer_options), ...change },
  });
};

type Case = { expect: object; wrong: Partial<Manners>; why: RegExp; turn?: object; needs?: string[] };

const cases: Record<string, Case> = {
  "response: its text": {
    expect: { event: "response", text_contains: "order is  on its way" },
    wrong: withFrame("agent.llm.response.chunk", { text: "No idea." }),
    why: /expected response .*came: "No idea\./,
  },
  "response: one of several parts": {
    expect: { event: "response", text_contains: ["Your order", "its way"] },
    wrong: withFrame("agent.llm.response.chunk", { text: "Your order " }),
    why: /came: "Your order Your order/,
  },
  "response: words it must not have": {
    expect: { event: "llm_response", text_excludes: "refund" },
    wrong: also(chunk(" A refund?")),
    why: /text_excludes.*A refund/,
  },
  "response: a pattern": {
    expect: { event: "response", text_matches: "order .* way\\.$" },
    wrong: also(chunk(" And?")),
    why: /text_matches/,
  },
  "response: none at all": {
    expect: { event: "response" },
    wrong: without("agent.llm.response.chunk"),
    why: /no response came/,
  },
  "response: in time": {
    expect: { event: "response", within_ms: 3_000 },
    wrong: late,
    why: /expected response within 3000 ms/,
  },
  "response: absent": {
    expect: { event: "response", absent: true },
    wrong: {},
    why: /response must not come/,
  },
  llm_started: {
    expect: { event: "llm_started" },
    wrong: without("agent.llm.response.start"),
    why: /no llm_started came/,
  },
  bot_started_speaking: {
    expect: { event: "bot_started_speaking" },
    wrong: without("agent.llm.response.chunk"),
    why: /no bot_started_speaking/,
  },
  bot_stopped_speaking: {
    expect: { event: "bot_stopped_speaking" },
    wrong: without("agent.llm.response.end"),
    why: /no bot_stopped_speaking/,
  },
  "function_call: name and a part of the arguments": {
    expect: { event: "function_call", calls: [{ name: "order_status", args: { order: "B7" } }] },
    wrong: withLog("tool_call_start", { context: { arguments: { order: "C8" } } }),
    why: /expected function_call .*came: .*C8/,
  },
  "function_call: any": {
    expect: { event: "function_call" },
    wrong: withoutLog("tool_call_start"),
    why: /no function_call came/,
  },
  "function_call: the short form": {
    expect: { event: "function_call", name: "order_status" },
    wrong: withLog("tool_call_start", { function_name: "refund" }),
    why: /came: .*refund/,
  },
  "function_call: absent": {
    expect: { event: "function_call", name: "refund", absent: true },
    wrong: withLog("tool_call_start", { function_name: "refund" }),
    why: /must not come/,
  },
  function_call_stopped: {
    expect: { event: "function_call_stopped", name: "order_status" },
    wrong: withoutLog("tool_call_end"),
    why: /no function_call_stopped/,
  },
  verdict: {
    expect: { event: "verdict", sentiment: "frustrated", score: -5, source: "model", utterance: 1 },
    wrong: withLog("sentiment", { sentiment: "neutral" }),
    why: /expected verdict .*came: .*neutral/,
  },
  "verdict: its count": {
    expect: { event: "verdict", frustration_count: 1 },
    wrong: withLog("sentiment", { frustration_count: 2 }),
    why: /frustration_count: 2/,
  },
  escalation: {
    expect: { event: "escalation", reason: "human_request", action: "warm_transfer", outcome: "requested" },
    wrong: withLog("escalation.triggered", { action: "none" }),
    why: /expected escalation .*action: none/,
  },
  "escalation: in the same turn": {
    expect: { event: "escalation", same_turn: true },
    wrong: withLog("escalation.triggered", { same_turn: false }),
    why: /same_turn: false/,
  },
  "escalation: absent": {
    expect: { event: "escalation", reason: "frustration_threshold_exceeded", absent: true },
    wrong: withLog("escalation.triggered", { reason: "frustration_threshold_exceeded" }),
    why: /must not come/,
  },
  "transfer: type": {
    expect: { event: "transfer", type: "warm_transfer" },
    wrong: transfer({ type: "cold_transfer" }),
    why: /cold_transfer/,
  },
  "transfer: number": {
    expect: { event: "transfer", number: "+15550123" },
    wrong: withFrame("agent.transfer_call", { transfer_call_number: "+1999" }),
    why: /\+1999/,
  },
  "transfer: briefing": {
    expect: { event: "transfer", briefing_contains: "order B7" },
    wrong: transfer({ private_handoff_option: { type: "prompt", prompt: "A caller." } }),
    why: /briefing: A caller\./,
  },
  alert: {
    expect: { event: "alert", rule: "human_request", severity: "alert" },
    wrong: withLog("coaching", { rule: "profanity" }),
    why: /rule: profanity/,
  },
  interrupted: {
    expect: { event: "interrupted", after_chunks: 1 },
    turn: { interrupt: { after_chunks: 1 } },
    wrong: { heedsInterrupt: false },
    why: /expected interrupted .*after_chunks: 3/,
  },
  end_call: { expect: { event: "end_call" }, wrong: without("agent.end_call"), why: /no end_call came/ },
  muted: { expect: { event: "muted" }, wrong: without("agent.control.mute_user"), why: /no muted came/ },
  unmuted: { expect: { event: "unmuted" }, wrong: without("agent.control.unmute_user"), why: /no unmuted/ },
  error: {
    expect: { event: "error", severity: "warning", text_contains: "slow" },
    wrong: withFrame("agent.error", { severity: "fatal" }),
    why: /severity: fatal/,
  },
  closed: {
    expect: { event: "closed", absent: true },
    wrong: { closesAfterAnswer: true },
    why: /closed must not come, and came: .*1011/,
  },
  user_transcription: {
    expect: { event: "user_transcription", text_contains: "B7" },
    needs: ["live"],
    wrong: { live: [{ type: "turn", number: 1, role: "user", text: "Where is B8?" }] },
    why: /came: "Where is B8\?"/,
  },
  supervisor: {
    expect: { event: "supervisor", action: "mute" },
    turn: { supervisor: { action: "mute" } },
    needs: ["live"],
    wrong: { obeysSupervisor: false },
    why: /no supervisor came/,
  },
};

// Most of a case is waiting for what does not come.
const SIDE_BY_SIDE = { concurrency: 8 };

describe("of a turn", SIDE_BY_SIDE, () => {
  for (const [name, { expect, wrong, why, turn, needs }] of Object.entries(cases)) {
    test(name, async (t) => {
      const loaded = await scenario(t, {
        needs: needs ?? [],
        turns: [{ user: "Where is B7?", ...turn, expect: [expect] }],
      });
      const isAbsentOfAll = name === "response: absent";
      const good = await rehearseOn(
        await pretendServer(t, isAbsentOfAll ? without("agent.llm.response.chunk") : {}),
        loaded,
      );
      assert.deepEqual([good.outcome, good.reasons], ["passed", []]);
      const bad = await rehearseOn(await pretendServer(t, wrong), loaded);
      assert.equal(bad.outcome, "failed");
      assert.match(bad.reasons[0] ?? "", why);
    });
  }
});

describe("of the whole call", SIDE_BY_SIDE, () => {
  const turns = [{ user: "Where is B7?" }];
  test("report: values by their paths", async (t) => {
    const wanted = { event: "report", "sentiment.label": "negative", "sentiment.score": { max: -3 } };
    const loaded = await scenario(t, { needs: ["report"], turns, expect: [wanted] });
    assert.equal((await rehearseOn(await pretendServer(t), loaded)).outcome, "passed");
    for (const [report, why] of [
      [
        { sentiment: { label: "positive", score: -5 } },
        /sentiment.label: expected "negative"; it is "positive"/,
      ],
      [{ sentiment: { label: "negative", score: 2 } }, /sentiment.score: .*it is 2/],
      [{}, /there is no such value/],
    ] as const) {
      const bad = await rehearseOn(await pretendServer(t, { report }), loaded);
      assert.equal(bad.outcome, "failed");
      assert.match(bad.reasons[0] ?? "", why);
    }
  });

  test("ended: why the call is over", async (t) => {
    const ended = (reason: string) => ({
      needs: ["live"],
      turns,
      expect: [{ event: "ended", reason }],
    });
    const url = await pretendServer(t);
    assert.equal((await rehearseOn(url, await scenario(t, ended("client_closed")))).outcome, "passed");
    const bad = await rehearseOn(url, await scenario(t, ended("transferred")));
    assert.match(bad.reasons[0] ?? "", /expected ended .*client_closed/);
  });

  test("escalates_at: where the escalation should come, or that none should", async (t) => {
    const url = await pretendServer(t);
    assert.equal((await rehearseOn(url, await scenario(t, { turns, escalates_at: 1 }))).outcome, "passed");
    const early = await rehearseOn(url, await scenario(t, { turns, escalates_at: 2 }));
    assert.match(early.reasons[0] ?? "", /at the caller's turn 2; it came at 1/);
    const falsely = await rehearseOn(url, await scenario(t, { turns, escalates_at: "never" }));
    assert.match(falsely.reasons[0] ?? "", /expected no escalation; it came at 1/);
  });

  test("an answer without an end", async (t) => {
    const loaded = await scenario(t, { turns });
    const bad = await rehearseOn(await pretendServer(t, without("agent.llm.response.end")), loaded);
    assert.match(bad.reasons[0] ?? "", /answer had no end in 4000 ms/);
  });

  test("a call that lasts too long", async (t) => {
    const loaded = await scenario(t, { turns: [{ silence: 60_000 }], max_duration_s: 0.2 });
    const bad = await rehearseOn(await pretendServer(t), loaded);
    assert.match(bad.reasons[0] ?? "", /longer than 0\.2 s/);
  });

  test("stop_on_failure: false goes on to the turns that follow", async (t) => {
    const wrong = { user: "x", expect: [{ event: "response", text_contains: "never said" }] };
    const url = await pretendServer(t);
    const stopped = await rehearseOn(url, await scenario(t, { turns: [wrong, wrong] }));
    assert.deepEqual([stopped.turns, stopped.reasons.length], [1, 1]);
    const all = await rehearseOn(url, await scenario(t, { turns: [wrong, wrong], stop_on_failure: false }));
    assert.deepEqual([all.turns, all.reasons.length], [2, 2]);
  });
});
