import assert from "node:assert/strict";
import test, { describe, type TestContext } from "node:test";
import { logsIn, promptOf } from "../support/example.ts";
import { type LiveServerOptions, startLiveServer } from "../support/live-server.ts";
import { createStepGate } from "../support/mock-llm.ts";

const LINE = "Let me connect you with a supervisor.";
const CANCEL = "I want to cancel my contract";

async function start(t: TestContext, options: LiveServerOptions) {
  const server = await startLiveServer(options);
  t.after(() => server.close());
  server.mock.onChat(() => "I see.");
  return server;
}

describe("what follows a rule of the coach", () => {
  test("a whisper is in the prompt of the answer to the very words, and on the record as the coach's", async (t) => {
    const whisper = "Offer three months at half the price.";
    const server = await start(t, { rules: { churn_or_legal: { whisper } } });
    const client = await server.call();
    assert.equal((await client.turn(CANCEL)).text, "I see.");
    assert.match(promptOf(await server.mock.nextRequest("chat")), /Offer three months at half the price\./);
    const { calls } = await server.list();
    const acts = calls.map(({ supervisor }) =>
      supervisor.map(({ action, by, used }) => ({ action, by, used })),
    );
    assert.deepEqual(acts, [[{ action: "whisper", by: "coach", used: true }]]);
    await client.turn("Thank you");
    assert.doesNotMatch(promptOf(await server.mock.nextRequest("chat")), /half the price/);
    await client.close();
  });

  test("an escalation is the answer to the words that set the rule off, and no model is asked", async (t) => {
    const server = await start(t, { rules: { churn_or_legal: { escalate: true } } });
    const client = await server.call();
    assert.equal((await client.turn(CANCEL)).text, LINE);
    await client.next("agent.transfer_call");
    const escalations = logsIn(client.frames, "escalation.triggered");
    assert.deepEqual(
      escalations.map(({ reason, same_turn, outcome }) => [reason, same_turn, outcome]),
      [["churn_or_legal", true, "requested"]],
    );
    assert.equal(server.mock.requests.filter(({ kind }) => kind === "chat").length, 0);
    await client.close();
  });

  test("an escalation that time sets off comes at once, over a model that hangs", async (t) => {
    const server = await start(t, { rules: { unanswered: { afterMs: 1_000, escalate: true } } });
    server.mock.onChat(() => ({ kind: "hang" }));
    const client = await server.call();
    client.say("Where is my order?");
    const line = await client.next("agent.speak");
    assert.equal(line.text, LINE);
    await client.next("agent.transfer_call");
    await (await server.mock.nextRequest("chat")).closedByClient;
    await client.close();
  });

  test("an escalation that an answer sets off follows it", async (t) => {
    const server = await start(t, {
      rules: { monologue: { words: 20, escalate: true } },
    });
    const client = await server.call();
    server.mock.onChat(() => "word ".repeat(21));
    await client.turn("Hello");
    // It was too long at its end, when nobody was speaking.
    assert.equal((await client.next("agent.speak")).text, LINE);
    await client.next("agent.transfer_call");
    await client.close();
  });

  test("an escalation by a verdict follows the words that are being said", async (t) => {
    const rules = { negative_sustained: { forMs: 1, minUtterances: 2, escalate: true }, no_empathy: false };
    const server = await start(t, { rules });
    const steps = createStepGate();
    server.mock.onChat(() => ({ kind: "text", text: "one two three", gate: steps.gate }));
    const client = await server.call();
    client.say("negative");
    steps.release();
    await client.next("agent.llm.response.chunk");
    client.send({ type: "agent.transcript.update", role: "user", content: "negative again" });
    await client.next("agent.log", ({ name }) => name === "coaching");
    steps.release(Number.POSITIVE_INFINITY);
    await client.next("agent.transfer_call");
    const words = client.frames.flatMap(({ type, text }) =>
      type === "agent.llm.response.chunk" ? [text] : [],
    );
    assert.equal(words.join(""), `one two three ${LINE}`);
    await client.close();
  });

  test("without a number the wish is noted, and the answer is given", async (t) => {
    const server = await start(t, { rules: { churn_or_legal: { escalate: true } }, transferNumber: null });
    const client = await server.call();
    assert.equal((await client.turn(CANCEL)).text, "I see.");
    const escalations = logsIn(client.frames, "escalation.triggered");
    assert.deepEqual(
      escalations.map(({ reason, outcome }) => [reason, outcome]),
      [["churn_or_legal", "no_number"]],
    );
    await client.close();
  });

  test("nothing follows while a human speaks through the muted agent", async (t) => {
    const server = await start(t, { rules: { churn_or_legal: { escalate: true } } });
    const client = await server.call();
    const id = (await server.list()).calls[0]?.session_id;
    await server.post(`/live/${id}/mute`);
    assert.equal((await client.turn(CANCEL)).text, "");
    await server.post(`/live/${id}/unmute`);
    assert.equal((await client.turn("Hello?")).text, "I see.");
    await client.close();
  });
});
