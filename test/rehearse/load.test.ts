import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import test from "node:test";
import { ScenarioError } from "../../rehearse/errors.ts";
import { scenarioFileSchema } from "../../rehearse/scenario/json-schema.ts";
import { loadScenarios } from "../../rehearse/scenario/load.ts";
import { scenarioFile } from "../support/rehearsal.ts";

const problemOf = (file: string): string => {
  try {
    loadScenarios([file]);
  } catch (error) {
    if (error instanceof ScenarioError) return error.message.replaceAll(file, "FILE");
    throw error;
  }
  return "no problem";
};

for (const [name, text, expected] of [
  ["an unknown field", "name: a\nturns:\n  - usr: hello\n", "FILE:3: turns.0.usr: there is no such field"],
  [
    "an unknown event",
    "name: a\nturns:\n  - user: hello\n    expect:\n      - event: respnse\n",
    "FILE:5: turns.0.expect.0.event: there is no event respnse",
  ],
  [
    "an event of Pipecat's that this wire has not",
    "name: a\nturns:\n  - user: hello\n    expect:\n      - event: user_started_speaking\n",
    "FILE:5: turns.0.expect.0.event: user_started_speaking does not exist on this wire",
  ],
  [
    "a field that another event has",
    "name: a\nturns:\n  - user: hello\n    expect:\n      - event: transfer\n        rule: x\n",
    "FILE:6: turns.0.expect.0.rule: there is no such field",
  ],
  [
    "no caller",
    "name: a\n",
    "FILE:1: scenario: wants one of turns, persona, rules and recorded: who the caller is",
  ],
  ["a missing name", "turns:\n  - user: a\nname:\n", /^FILE:3: name: /],
  ["a wrong type", "name: a\nturns:\n  - user: 7\n", /^FILE:3: turns\.0\.user: .*string/],
  [
    "both user and dtmf",
    'name: a\nturns:\n  - user: hi\n    dtmf: "1"\n',
    "FILE:4: turns.0.dtmf: a turn either speaks (user) or presses keys (dtmf)",
  ],
  [
    "a send_after that waits for nothing",
    "name: a\nturns:\n  - user: hi\n    send_after: {}\n",
    /^FILE:4: turns\.0\.send_after: wants an event/,
  ],
  [
    "an event that needs the live stream",
    "name: a\nturns:\n  - user: hi\n    expect:\n      - event: supervisor\n",
    "FILE:5: turns.0.expect.0: supervisor is not seen on the wire: write needs: [live]",
  ],
  [
    "a report that is not asked for",
    "name: a\nturns:\n  - user: hi\nexpect:\n  - event: report\n    sentiment.label: negative\n",
    "FILE:5: expect.0: report is not seen on the wire: write needs: [report]",
  ],
  ["text that is no YAML", "name: a\nturns: [\n", /^FILE:\d: /],
  [
    "a broken pattern",
    'name: a\nturns:\n  - expect:\n      - event: response\n        text_matches: "("\n',
    "FILE:5: turns.0.expect.0.text_matches: is not a regular expression",
  ],
  [
    "a mistake in one of several scenarios",
    "name: f\nscenarios:\n  - name: one\n    turns: [{ user: a }]\n  - name: two\n    turns:\n      - user: a\n        within: 3\n",
    "FILE:8: turns.0.within: there is no such field",
  ],
  [
    "a mistake in what the file says for all",
    "name: f\nchannel: telegraph\nscenarios:\n  - name: one\n    turns: [{ user: a }]\n",
    /^FILE:2: channel: /,
  ],
  [
    "a fault of two kinds",
    "name: f\nllm:\n  faults:\n    - status: 500\n      cut_after: 2\nturns: [{ user: a }]\n",
    /^FILE:4: llm\.faults\.0: wants one of first_token_ms/,
  ],
] as const) {
  test(`${name} is one line with file, line and field`, async (t) => {
    const problem = problemOf(await scenarioFile(t, text));
    if (typeof expected === "string") assert.equal(problem, expected);
    else assert.match(problem, expected);
    assert.ok(!problem.includes("\n"), problem);
  });
}

test("several mistakes are several lines", async (t) => {
  const problem = problemOf(await scenarioFile(t, "name: a\nturns:\n  - usr: hello\n  - user: 3\n"));
  assert.deepEqual(
    problem.split("\n").map((line) => line.slice(0, 7)),
    ["FILE:3:", "FILE:4:"],
  );
});

test("a file that is not there is named", () => {
  assert.throws(() => loadScenarios(["no/such"]), /no\/such: there is no such file or folder/);
});

test("scenarios of one file are named after it, take its defaults and may replace them", async (t) => {
  const file = await scenarioFile(
    t,
    "name: f\nchannel: chat\nturns: [{ user: shared }]\nscenarios:\n  - name: one\n  - name: two\n    channel: webcall\n  - name: three\n    rules: { goal: a refund }\n",
  );
  const loaded = loadScenarios([file]);
  assert.deepEqual(
    loaded.map(({ id, scenario }) => [id, scenario.channel, scenario.turns?.[0]?.user]),
    [
      ["f/one", "chat", "shared"],
      ["f/two", "webcall", "shared"],
      ["f/three", "chat", undefined],
    ],
  );
});

test("two scenarios of one name are a mistake", async (t) => {
  const file = await scenarioFile(
    t,
    "name: f\nturns: [{ user: a }]\nscenarios:\n  - name: one\n  - name: one\n",
  );
  assert.throws(() => loadScenarios([file]), /f\/one is also in/);
});

test("a folder gives its scenario files in order, and no fragments; !include takes one in", async (t) => {
  const file = await scenarioFile(
    t,
    "name: b\njudge: !include parts/judge.yaml\nturns: [{ user: a }]\n",
    "b.yaml",
  );
  const folder = dirname(file);
  await mkdir(join(folder, "parts"));
  await writeFile(join(folder, "parts", "judge.yaml"), "eval: { service: ollama, model: gemma3 }\n");
  await writeFile(join(folder, "a.yml"), "name: a\nturns: [{ user: a }]\n");
  const loaded = loadScenarios([folder]);
  assert.deepEqual(
    loaded.map(({ id }) => id),
    ["a", "b"],
  );
  assert.deepEqual(loaded[1]?.scenario.judge.eval, {
    service: "ollama",
    model: "gemma3",
    endpoint: undefined,
    extra: {},
  });
});

test("Pipecat's scripted file loads as it is", async (t) => {
  const file = await scenarioFile(
    t,
    `name: interruption
judge:
  modality: text
  eval:
    service: ollama
    model: gemma3
    extra: { reasoning_effort: none }
user:
  modality: text
context:
  - { role: developer, content: "The caller is called Alex." }
scenarios:
  - name: text
    turns:
      - user: "Tell me a long story."
        expect:
          - event: llm_started
            within_ms: 2000
      - user: "Never mind. What is the capital of Japan?"
        send_after: { event: llm_started, delay_ms: 200 }
        expect:
          - event: function_call
            calls: [{ name: look_up, args: { city: Tokyo } }, other]
          - event: response
            eval: "says Tokyo"
      - dtmf: "12#"
`,
  );
  const [loaded] = loadScenarios([file]);
  assert.equal(loaded?.id, "interruption/text");
  assert.equal(loaded?.scenario.turns?.length, 3);
});

test("the JSON schema for editors describes a file of one scenario and of several", () => {
  const schema = JSON.stringify(scenarioFileSchema());
  for (const word of ["scenarios", "turns", "send_after", "text_contains", "frustration_count", "persona"]) {
    assert.ok(schema.includes(`"${word}"`), word);
  }
});
