import assert from "node:assert/strict";
import test, { type TestContext } from "node:test";
import { labelledCases } from "../../rehearse/judge/agreement.ts";
import { main } from "../../rehearse/main.ts";
import { startMockLlm } from "../support/mock-llm.ts";
import { pretendServer } from "../support/pretend-server.ts";
import { scenarioFile } from "../support/rehearsal.ts";

type Answer = "yes" | "no" | "cannot_tell";

/** A judge over real HTTP that answers by what it is asked. */
async function judgeThat(t: TestContext, answer: (asked: string) => Answer): Promise<string> {
  const llm = await startMockLlm();
  t.after(() => llm.close());
  llm.onChat(({ utterance }) => ({
    kind: "toolCalls",
    calls: [{ name: "answer", arguments: JSON.stringify({ answer: answer(utterance), reason: "because" }) }],
  }));
  return llm.baseUrl;
}

async function rehearse(...args: string[]): Promise<{ code: number; text: string }> {
  const printed: string[] = [];
  const say = (text: string) => printed.push(text);
  const code = await main(args, {}, say, say);
  return { code, text: printed.join("\n") };
}

const EVAL =
  "name: a\nturns:\n  - user: Where is B7?\n    expect:\n      - event: response\n        eval: names the order\n";
const about = (asked: string) => asked.includes("The statement: names the order");

test("without a judge such a check is skipped and counted", async (t) => {
  const { code, text } = await rehearse(await scenarioFile(t, EVAL), "--target", await pretendServer(t));
  assert.equal(code, 0);
  assert.match(text, /1 passed; 1 checks skipped: nobody to judge them \(--judge MODEL\)/);
});

for (const [answer, code, says] of [
  ["yes", 0, /1 call: 1 passed \(/],
  ["no", 1, /turn 1: the judge says no to "names the order": because/],
  ["cannot_tell", 0, /1 passed; 1 checks skipped/],
] as const) {
  test(`a judge that says ${answer} is heard, and its agreement with people is printed`, async (t) => {
    const url = await judgeThat(t, (asked) => (about(asked) ? answer : "yes"));
    const target = await pretendServer(t);
    const result = await rehearse(
      await scenarioFile(t, EVAL),
      "--target",
      target,
      "--judge",
      "m",
      "--judge-url",
      url,
    );
    assert.equal(result.code, code, result.text);
    assert.match(result.text, says);
    const right = (await labelledCases()).filter(({ label }) => label === "yes").length;
    assert.ok(
      result.text.includes(`The judge m agrees with people in ${right} of 40 labelled cases`),
      result.text,
    );
  });
}

test("a judge that does not answer fails the rehearsal, not the agent", async (t) => {
  const llm = await startMockLlm();
  t.after(() => llm.close());
  llm.onChat(() => "I would rather not.");
  const target = await pretendServer(t);
  const file = await scenarioFile(t, EVAL);
  const { code, text } = await rehearse(file, "--target", target, "--judge", "m", "--judge-url", llm.baseUrl);
  assert.equal(code, 2, text);
  assert.match(text, /the judge m answered neither yes, no nor cannot_tell/);
});

test("the forty cases are there, with all three answers", async () => {
  const cases = await labelledCases();
  assert.equal(cases.length, 40);
  assert.deepEqual([...new Set(cases.map(({ label }) => label))].sort(), ["cannot_tell", "no", "yes"]);
});

const PERSONA = `name: p
persona: "Jo, in a hurry."
goal: "Where B7 is."
success: "the agent said where the order is"
metrics:
  - { name: courtesy, criterion: "the reply is courteous", min_score: 1 }
  - { measure: turns, max_value: 3 }
  - { measure: function_calls, calls: [order_status] }
`;

test("a persona is played by a model, hangs up by its tool, and is judged on success and metrics", async (t) => {
  const llm = await startMockLlm();
  t.after(() => llm.close());
  let spoken = 0;
  llm.onChat(() => {
    spoken += 1;
    if (spoken === 1) return "Where is B7?";
    return { kind: "toolCalls", calls: [{ name: "end_call", arguments: '{"farewell":"Thanks, bye."}' }] };
  });
  const file = await scenarioFile(t, PERSONA);
  const target = await pretendServer(t);
  const [player] = [["--caller-model", "player", "--caller-url", llm.baseUrl]];
  const unjudged = await rehearse(file, "--target", target, ...(player ?? []));
  assert.equal(unjudged.code, 0, unjudged.text);
  assert.match(unjudged.text, /checks skipped/);

  const rude = await judgeThat(t, (asked) => (asked.includes("courteous") ? "no" : "yes"));
  spoken = 0;
  const judged = await rehearse(
    file,
    "--target",
    target,
    ...(player ?? []),
    "--judge",
    "m",
    "--judge-url",
    rude,
  );
  assert.equal(judged.code, 1);
  assert.match(judged.text, /courtesy: 0\.00 of the replies, below what was asked for/);
});

test("a persona without a model is skipped, and said to be", async (t) => {
  const { code, text } = await rehearse(await scenarioFile(t, PERSONA), "--target", await pretendServer(t));
  assert.equal(code, 0);
  assert.match(text, /skipped: no model plays this caller/);
});
