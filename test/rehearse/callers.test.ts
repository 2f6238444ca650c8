import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import test, { describe } from "node:test";
import { recordedTurns } from "../../rehearse/callers/recorded.ts";
import { Mind } from "../../rehearse/callers/rules.ts";
import { GIVES_UP, THANKS, UPSET } from "../../rehearse/callers/rules-words.ts";
import { type RulesCaller, scenarioSchema } from "../../rehearse/scenario/schema.ts";
import { type Frame, pretendServer } from "../support/pretend-server.ts";
import { fc } from "../support/property.ts";
import { rehearseOn, scenario } from "../support/rehearsal.ts";

const rulesOf = (rules: object): RulesCaller =>
  scenarioSchema.parse({ name: "r", rules: { goal: "I want a refund.", verbosity: 0, ...rules } }).rules ??
  assert.fail();

/** What a caller says to these replies, in order. */
const talk = (rules: object, seed: number, replies: readonly string[]) => {
  const mind = new Mind(rulesOf(rules), seed);
  return [mind.begin(), ...replies.map((reply) => mind.react(reply))];
};
const words = (rules: object, replies: readonly string[], seed = 1) =>
  talk(rules, seed, replies).map((saying) => saying.words);

describe("the caller by rules", () => {
  test("says the goal first", () => {
    assert.match(words({}, [])[0] ?? "", /I want a refund\.$/);
  });

  test("tells a fact when asked for it, once", () => {
    const facts = { "order number": "It is 4471.", "your name": "Jo Park." };
    const [, number, name, again] = words({ facts }, [
      "What is the order number?",
      "And your name?",
      "The order number, please?",
    ]);
    assert.deepEqual([number, name, again], ["It is 4471.", "Jo Park.", "It is 4471."]);
  });

  test("thanks and hangs up when the goal is reached", () => {
    const [, last] = talk({ done_when: ["refund is on its way"] }, 1, ["Your refund is on its way."]);
    assert.ok(THANKS.some((thanks) => thanks === last?.words) && last?.last);
  });

  test("gets upset, more each time, when the agent says the same again", () => {
    const said = words({ patience: 9 }, new Array(4).fill("Could you say more?"));
    assert.deepEqual(said.slice(2), [...UPSET]);
    const calm = words({ patience: 9, upset_by_repetition: false }, new Array(4).fill("Could you say more?"));
    assert.ok(!calm.some((each) => UPSET.some((upset) => upset === each)));
  });

  test("gives up when its patience is at an end", () => {
    const said = talk({ patience: 2 }, 1, ["a", "b", "c"]);
    assert.deepEqual([said.at(-1)?.words, said.at(-1)?.last], [GIVES_UP, true]);
    assert.equal(said.filter(({ last }) => last).length, 1);
  });

  test("the same seed says the same bytes, and what the agent says does not move the dice", () => {
    const replies = fc.array(fc.constantFrom("Order number?", "Could you say more?", "I see."), {
      maxLength: 8,
    });
    const rules = {
      repeats: 0.4,
      interrupts: 0.4,
      backchannels: 0.4,
      verbosity: 0.5,
      facts: { order: "4471" },
    };
    fc.assert(
      fc.property(fc.nat(1e6), replies, (seed, said) => {
        assert.deepEqual(talk(rules, seed, said), talk(rules, seed, said));
      }),
    );
    const seeds = new Set(
      Array.from({ length: 20 }, (_, seed) => JSON.stringify(talk(rules, seed, ["a", "b", "c"]))),
    );
    assert.ok(seeds.size > 10, `only ${seeds.size} different calls from 20 seeds`);
  });

  test("talks to a server over the wire, the same call for the same seed", async (t) => {
    const answer: Frame[] = [
      { type: "agent.llm.response.start", request_id: null },
      { type: "agent.llm.response.chunk", text: "What is the order number?" },
      { type: "agent.llm.response.end" },
    ];
    // A greeting may come too late for a caller on a busy machine, and is heard with the first answer then.
    const url = await pretendServer(t, { answer, greeting: [] });
    const rules = {
      goal: "I want a refund.",
      facts: { "order number": "4471" },
      patience: 2,
      backchannels: 0.5,
    };
    const loaded = await scenario(t, { rules, greeting: false });
    const said = async (seed: number) => {
      const result = await rehearseOn(url, loaded, seed);
      assert.deepEqual([result.outcome, result.reasons], ["passed", []]);
      return result.events.filter(({ event }) => event === "user").map(({ fields }) => fields.text);
    };
    const first = await said(7);
    assert.deepEqual(await said(7), first);
    assert.notDeepEqual(await said(8), first);
    assert.equal(first.at(-1), GIVES_UP);
  });

  test("a caller that gets nowhere in max_turns fails", async (t) => {
    const loaded = await scenario(t, { rules: { goal: "Hi.", patience: 9 }, max_turns: 2 });
    const answer: Frame[] = [
      { type: "agent.llm.response.start", request_id: null },
      { type: "agent.llm.response.chunk", text: "Well." },
      { type: "agent.llm.response.end" },
    ];
    const result = await rehearseOn(await pretendServer(t, { answer }), loaded);
    assert.match(result.reasons[0] ?? "", /got nowhere in 2 turns/);
  });
});

describe("the recorded caller", () => {
  const turn = (role: string, offset_ms: number, text: string | null, more: object = {}) => ({
    role,
    offset_ms,
    text,
    answer_ms: null,
    interrupted: false,
    ...more,
  });
  const call = {
    turns: [
      turn("assistant", 3, "Hello."),
      turn("user", 2_003, "Where is B7?"),
      turn("assistant", 2_010, "Your order", { answer_ms: 900, interrupted: true }),
      turn("user", 3_010, "Quick!"),
      turn("assistant", 3_020, "On its way.", { answer_ms: 400 }),
      turn("user", 4_420, "Thanks."),
    ],
  };
  const write = async (t: test.TestContext, value: unknown) => {
    const loaded = await scenario(t, { recorded: { call: "call.json", speed: 10 } });
    await writeFile(join(dirname(loaded.file), "call.json"), JSON.stringify(value));
    return loaded;
  };

  test("says the same with the pauses and interrupts that were in it", async (t) => {
    const { file } = await write(t, call);
    assert.deepEqual(recordedTurns(join(dirname(file), "call.json"), 10), [
      { user: "Where is B7?", expect: [], silence: 200, interrupt: { after_ms: 101 } },
      { user: "Quick!", expect: [], silence: 10 },
      { user: "Thanks.", expect: [], silence: 100 },
    ]);
    const [first] = recordedTurns(join(dirname(file), "call.json"), 0);
    assert.deepEqual(first, { user: "Where is B7?", expect: [], interrupt: { after_ms: 0 } });
  });

  test("is rehearsed over the wire", async (t) => {
    const result = await rehearseOn(await pretendServer(t), await write(t, call));
    assert.deepEqual([result.outcome, result.reasons, result.turns], ["passed", [], 3]);
  });

  test("a record without words, or of no call, says so", async (t) => {
    const silent = await write(t, { turns: [turn("user", 1, null)] });
    assert.throws(
      () => recordedTurns(join(dirname(silent.file), "call.json"), 1),
      /turn 1 has no text; record with RECORD_TEXT/,
    );
    const none = await write(t, { hello: 1 });
    assert.throws(
      () => recordedTurns(join(dirname(none.file), "call.json"), 1),
      /is not a call as GET \/calls\/ID returns it/,
    );
    assert.throws(() => recordedTurns("none.json", 1), /cannot be read as JSON/);
  });
});
