import assert from "node:assert/strict";
import test, { describe } from "node:test";
import { parseCoachConfig } from "../../lib/coach/config.ts";
import { RuleWatch } from "../../lib/coach/rule-watch.ts";
import { compileRules, type Rule } from "../../lib/coach/rules.ts";
import { type CoachInput, type CoachNews, INITIAL_STATE, nextState } from "../../lib/coach/state.ts";
import { SENTIMENT_SCORE, SENTIMENTS, type Sentiment } from "../../lib/wire/log-events.ts";
import { fc } from "../support/property.ts";

const RULES = compileRules(parseCoachConfig({}));

/** A call on paper: time stands still unless the test moves it, and a due rule is asked on the way. */
class Script {
  readonly fired: { rule: string; at: number; evidence: unknown }[] = [];
  at = 0;
  readonly #watch: RuleWatch;
  #utterance = 0;

  constructor(rules: readonly Rule[] = RULES) {
    this.#watch = new RuleWatch(rules);
  }

  take(news: CoachNews): void {
    for (const { rule, evidence } of this.#watch.take({ ...news, at: this.at })) {
      this.fired.push({ rule, at: this.at, evidence });
    }
  }

  pass(ms: number): void {
    const end = this.at + ms;
    for (let due = this.#watch.nextDue(this.at); due !== null && due <= end; due = this.#watch.nextDue(due)) {
      this.at = due;
      this.take({ kind: "tick" });
    }
    this.at = end;
  }

  /** The caller says something and the verdict is in. */
  hear(sentiment: Sentiment, text = "…"): void {
    this.take({ kind: "heard", text });
    this.#utterance += 1;
    const score = SENTIMENT_SCORE[sentiment];
    this.take({ kind: "verdict", utterance: this.#utterance, sentiment, score });
  }

  /** The agent answers after so many ms. */
  answer(text: string, firstChunkMs = 500): void {
    this.take({ kind: "requested" });
    this.pass(firstChunkMs);
    this.take({ kind: "answering", firstChunkMs });
    this.take({ kind: "said", text });
  }

  get rules(): string[] {
    return this.fired.map(({ rule }) => rule);
  }

  evidence(rule: string): unknown {
    return this.fired.find((alert) => alert.rule === rule)?.evidence;
  }
}

/** The watch with one rule alone, as the file changes it. */
function only(id: string, settings: object = {}): Script {
  const rules = compileRules(parseCoachConfig({ [id]: settings }));
  return new Script(rules.filter((rule) => rule.id === id));
}

describe("negative_sustained", () => {
  test("fires when the caller has been negative for a minute and two utterances", () => {
    const call = only("negative_sustained");
    call.hear("negative");
    call.pass(10_000);
    call.hear("frustrated");
    call.pass(49_999);
    assert.deepEqual(call.rules, []);
    call.pass(1);
    assert.deepEqual(call.fired, [
      { rule: "negative_sustained", at: 60_000, evidence: { ms: 60_000, utterances: [1, 2] } },
    ]);
  });

  test("does not fire for one utterance, nor when a calm one came between", () => {
    const call = only("negative_sustained");
    call.hear("negative");
    call.pass(70_000);
    call.hear("neutral");
    call.hear("negative");
    call.hear("negative");
    call.pass(59_999);
    assert.deepEqual(call.rules, []);
  });
});

describe("sentiment_drop", () => {
  test("fires when the mean of three lies 5 below the best and below zero", () => {
    const call = only("sentiment_drop");
    for (const sentiment of ["positive", "neutral", "negative", "negative"] as const) call.hear(sentiment);
    assert.deepEqual(call.evidence("sentiment_drop"), { mean: -1.67, best: 5, utterances: [2, 3, 4] });
  });

  test("does not fire from delighted to matter-of-fact", () => {
    const call = only("sentiment_drop");
    for (const sentiment of ["positive", "neutral", "neutral", "neutral"] as const) call.hear(sentiment);
    assert.deepEqual(call.rules, []);
  });
});

describe("phrases", () => {
  const fires = (rule: string, text: string) => {
    const call = only(rule);
    call.hear("neutral", text);
    return call.rules.length === 1;
  };
  for (const text of [
    "I want to speak to a human",
    "Just let me talk to a real person, please",
    "could you put me through to someone",
    "GET ME A MANAGER!",
    "Can I speak with your supervisor?",
    "talk to an agent",
    "human please",
    "Agent!",
    "A real person, please.",
    "This is ridiculous! Agent!",
    "can I not speak to a person?",
    "I don't want a bot, get me a human",
  ]) {
    test(`a person is asked for: ${text}`, () => assert.ok(fires("human_request", text)));
  }
  for (const text of [
    "are you a real person?",
    "the agent told me to wait",
    "my personal details have changed",
    "I spoke to my wife about it",
    "the manager was kind",
    "agent smith",
    "my agent",
    "He said. Agent of change",
    "I don't want to talk to a person",
    "I do not need to speak with someone",
    "I’d rather not talk to a manager",
  ]) {
    test(`no person is asked for: ${text}`, () => assert.ok(!fires("human_request", text)));
  }
  for (const text of [
    "I’ll call my lawyer",
    "cancel my subscription",
    "I will sue you",
    "I'm taking my business elsewhere",
  ]) {
    test(`leaving or the law: ${text}`, () => assert.ok(fires("churn_or_legal", text)));
  }
  for (const text of ["can I cancel one item", "Susan called", "an issue with my bill"]) {
    test(`neither: ${text}`, () => assert.ok(!fires("churn_or_legal", text)));
  }

  test("of the file replace those built in, and their signs mean nothing special", () => {
    const call = only("human_request", { phrases: ["c++ (desk"] });
    call.hear("neutral", "I want to speak to a human");
    assert.deepEqual(call.rules, []);
    call.hear("neutral", "give me the C++ (desk now");
    assert.deepEqual(call.evidence("human_request"), { phrase: "C++ (desk", utterance: 2 });
  });
});

describe("interruptions", () => {
  test("three in a minute fire once, three more after a quiet minute fire again", () => {
    const call = only("interruptions");
    const burst = (times: number) => {
      for (let n = 0; n < times; n += 1) {
        call.take({ kind: "interrupted" });
        call.pass(1_000);
      }
    };
    burst(5);
    assert.equal(call.fired.length, 1);
    call.pass(120_000);
    burst(3);
    assert.equal(call.fired.length, 2);
    assert.deepEqual(call.evidence("interruptions"), { times: 3, ms: 60_000 });
  });

  test("three in two minutes are none", () => {
    const call = only("interruptions");
    for (let n = 0; n < 6; n += 1) {
      call.take({ kind: "interrupted" });
      call.pass(31_000);
    }
    assert.deepEqual(call.rules, []);
  });
});

describe("slow_reply", () => {
  test("two slow answers of the last three fire, one does not", () => {
    const call = only("slow_reply");
    for (const ms of [2_600, 400, 2_500, 3_000]) call.answer("Well.", ms);
    assert.deepEqual(call.rules, []);
    call.answer("Well.", 2_501);
    assert.deepEqual(call.evidence("slow_reply"), { ms: [2_500, 3_000, 2_501], limit: 2_500 });
  });
});

describe("unanswered", () => {
  test("fires after eight seconds without a word, once, and not for an answer that comes in time", () => {
    const call = only("unanswered");
    call.hear("neutral");
    call.answer("Here.", 7_999);
    call.hear("neutral");
    call.pass(60_000);
    assert.deepEqual(call.fired, [{ rule: "unanswered", at: 15_999, evidence: { ms: 8_000, utterance: 2 } }]);
  });

  test("does not fire once the call is handed off", () => {
    const call = only("unanswered");
    call.hear("neutral");
    call.take({ kind: "handedOff" });
    call.hear("neutral");
    call.pass(60_000);
    assert.deepEqual(call.rules, []);
  });
});

describe("dead_air", () => {
  test("begins when the agent's words have been spoken, not when they were sent", () => {
    const call = only("dead_air");
    call.answer("one two three four five", 0);
    call.pass(11_999);
    assert.deepEqual(call.rules, []);
    call.pass(1);
    assert.deepEqual(call.rules, ["dead_air"]);
  });

  test("is broken by the caller, and each silence counts once", () => {
    const call = only("dead_air", { cooldownMs: 0 });
    call.answer("Hm.", 0);
    call.pass(5_000);
    call.take({ kind: "speaking", speaking: true });
    call.pass(60_000);
    assert.deepEqual(call.rules, []);
    call.hear("neutral");
    call.answer("Hm.", 0);
    call.pass(60_000);
    assert.deepEqual(call.rules, ["dead_air"]);
    call.take({ kind: "speaking", speaking: true });
    call.take({ kind: "speaking", speaking: false });
    call.pass(10_000);
    assert.deepEqual(call.rules, ["dead_air", "dead_air"]);
  });

  test("begins later when the client reports the words as spoken later", () => {
    const call = only("dead_air");
    call.answer("Hm.", 0);
    call.pass(5_000);
    call.take({ kind: "spoken" });
    call.pass(9_999);
    assert.deepEqual(call.rules, []);
    call.pass(1);
    assert.deepEqual(call.rules, ["dead_air"]);
  });
});

test("monologue fires above sixty words, and again only after a short answer", () => {
  const call = only("monologue", { cooldownMs: 0 });
  const words = (count: number) => call.answer("word ".repeat(count));
  words(60);
  assert.deepEqual(call.rules, []);
  words(61);
  words(80);
  words(3);
  words(70);
  assert.deepEqual(
    call.fired.map(({ evidence }) => evidence),
    [
      { words: 61, limit: 60, utterance: 0 },
      { words: 70, limit: 60, utterance: 0 },
    ],
  );
});

describe("no_empathy", () => {
  test("fires for the second upset utterance when the answer shows no understanding", () => {
    const call = only("no_empathy");
    call.hear("negative");
    call.answer("What is your number?");
    call.hear("frustrated");
    call.answer("I need your number.");
    assert.deepEqual(call.evidence("no_empathy"), { utterances: [1, 2], answer: "I need your number." });
  });

  test("waits for a verdict that comes after the answer", () => {
    const call = only("no_empathy");
    call.hear("negative");
    call.take({ kind: "heard", text: "…" });
    call.answer("I need your number.");
    assert.deepEqual(call.rules, []);
    call.take({ kind: "verdict", utterance: 2, sentiment: "negative", score: -2.5 });
    assert.deepEqual(call.rules, ["no_empathy"]);
  });

  for (const text of [
    "I'm so sorry about that.",
    "I can hear this is hard.",
    "I understand. Which order?",
    "You are right, that should not have happened. I can give you back the delivery fee.",
    "That shouldn't have happened. Which order is it?",
  ]) {
    test(`is content with: ${text}`, () => {
      const call = only("no_empathy");
      call.hear("negative");
      call.hear("negative");
      call.answer(text);
      assert.deepEqual(call.rules, []);
    });
  }
});

test("recovered fires for a positive utterance after two negative ones, and needs two new ones to fire again", () => {
  const call = only("recovered");
  for (const sentiment of ["negative", "positive", "negative", "neutral", "frustrated", "neutral"] as const) {
    call.hear(sentiment);
  }
  assert.deepEqual(call.rules, []);
  call.hear("positive");
  call.hear("positive");
  assert.deepEqual(call.evidence("recovered"), { utterance: 7, negatives: 2 });
  assert.equal(call.fired.length, 1);
});

test("frustration_threshold is the agent's own escalation", () => {
  const call = only("frustration_threshold");
  const facts = { count: 3, threshold: 3, action: "cold_transfer", outcome: "requested" };
  call.take({ kind: "escalated", escalation: { reason: "human_request", ...facts } });
  assert.deepEqual(call.rules, []);
  call.take({ kind: "escalated", escalation: { reason: "frustration_threshold_exceeded", ...facts } });
  assert.deepEqual(call.evidence("frustration_threshold"), facts);
});

test("a cooldown swallows a crossing", () => {
  const call = only("human_request", { cooldownMs: 10_000 });
  for (const text of ["a human please", "no", "a human please", "no"]) {
    call.hear("neutral", text);
    call.pass(4_000);
  }
  assert.equal(call.fired.length, 1);
  call.hear("neutral", "a human please");
  assert.equal(call.fired.length, 2);
});

test("a rule that is switched off never fires", () => {
  const rules = compileRules(parseCoachConfig({ human_request: false }));
  const call = new Script(rules);
  call.hear("neutral", "a human please");
  assert.deepEqual(call.rules, []);
  assert.equal(rules.length, RULES.length - 1);
});

describe("for any course of a call", () => {
  const news: fc.Arbitrary<CoachNews> = fc.oneof(
    fc.record({
      kind: fc.constant("heard" as const),
      text: fc.constantFrom("hm", "a human please", "lawyer"),
    }),
    fc.record({ kind: fc.constant("speaking" as const), speaking: fc.boolean() }),
    fc.constantFrom<CoachNews>(
      { kind: "interrupted" },
      { kind: "requested" },
      { kind: "spoken" },
      { kind: "tick" },
    ),
    fc.record({ kind: fc.constant("answering" as const), firstChunkMs: fc.constantFrom(null, 300, 3_000) }),
    fc.record({
      kind: fc.constant("said" as const),
      text: fc.constantFrom("Sorry.", "No.", "w ".repeat(70)),
    }),
    fc.record({
      kind: fc.constant("verdict" as const),
      utterance: fc.nat(9),
      sentiment: fc.constantFrom(...SENTIMENTS),
      score: fc.constantFrom(-5, -2.5, 0, 5),
    }),
  );
  const step = fc.record({ news, after: fc.integer({ min: 0, max: 20_000 }) });
  const course = fc.array(step, { maxLength: 80 }).map((steps) => {
    let at = 0;
    return steps.map((each): CoachInput => {
      at += each.after;
      return { ...each.news, at };
    });
  });

  test("no rule fires twice without its condition having been false in between, nor within its cooldown", () => {
    fc.assert(
      fc.property(course, (inputs) => {
        for (const rule of RULES) {
          const watch = new RuleWatch([rule]);
          let state = INITIAL_STATE;
          let wasTrue = false;
          let lastFired = Number.NEGATIVE_INFINITY;
          for (const input of inputs) {
            state = nextState(state, input);
            const alerts = watch.take(input);
            assert.ok(alerts.length <= 1);
            if (alerts.length === 1) {
              assert.ok(!wasTrue, `${rule.id} was true already`);
              assert.ok(input.at - lastFired >= rule.cooldownMs, `${rule.id} fired within its cooldown`);
              assert.notEqual(rule.holds(state, input.at), null);
              lastFired = input.at;
            }
            if (rule.on.has(input.kind)) wasTrue = rule.holds(state, input.at) !== null;
          }
        }
      }),
    );
  });

  test("events that do not concern a rule change nothing about when it fires", () => {
    // What each of these rules listens to, and nothing it depends on is among the other's.
    const pairs = [
      { rule: "interruptions", own: ["interrupted"] },
      { rule: "sentiment_drop", own: ["verdict"] },
      { rule: "recovered", own: ["verdict"] },
      { rule: "slow_reply", own: ["answering"] },
    ];
    fc.assert(
      fc.property(course, (inputs) => {
        for (const { rule, own } of pairs) {
          const fired = (among: readonly CoachInput[]) => {
            const watch = new RuleWatch(RULES.filter(({ id }) => id === rule));
            return among.flatMap((input) =>
              watch.take(input).map(({ evidence }) => ({ at: input.at, evidence })),
            );
          };
          const related = inputs.filter(({ kind }) => own.includes(kind) || kind === "tick");
          assert.deepEqual(fired(inputs), fired(related));
        }
      }),
    );
  });

  test("a rule that waits for its time holds when that has come, to the last bit of it", () => {
    // As a clock gives it: ms with fractions.
    const since = fc.integer({ min: 1, max: 2 ** 40 }).map((nanoseconds) => nanoseconds / 1e6);
    fc.assert(
      fc.property(since, (at) => {
        for (const rule of RULES) {
          if (!["unanswered", "dead_air", "negative_sustained"].includes(rule.id)) continue;
          const negativeRun = { since: at, count: 9 };
          const due = rule.dueAt({ ...INITIAL_STATE, waitingSince: at, quietFrom: at, negativeRun });
          assert.ok(due !== null, rule.id);
          const held = rule.holds({ ...INITIAL_STATE, waitingSince: at, quietFrom: at, negativeRun }, due);
          assert.notEqual(held, null, rule.id);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test("the rules do not disturb one another", () => {
    fc.assert(
      fc.property(course, (inputs) => {
        const together = new RuleWatch(RULES);
        const alone = RULES.map((rule) => new RuleWatch([rule]));
        for (const input of inputs) {
          assert.deepEqual(
            together.take(input),
            alone.flatMap((watch) => watch.take(input)),
          );
        }
      }),
    );
  });
});
