import assert from "node:assert/strict";
import test from "node:test";
import { type LiveServer, startLiveServer } from "./support/live-server.ts";
import type { Frame, VoiceClient } from "./support/voice-client.ts";

async function call(run: (client: VoiceClient, server: LiveServer) => Promise<void>): Promise<void> {
  const server = await startLiveServer({ escalateOnRequest: true });
  try {
    const client = await server.call({ conversationType: "webcall" });
    await run(client, server);
    await client.close();
  } finally {
    await server.close();
  }
}

/** Waits for the verdict on this utterance, which may have come already. */
async function verdict(client: VoiceClient, utterance: number): Promise<void> {
  const isIt = ({ type, name, payload }: Frame) =>
    type === "agent.log" &&
    name === "sentiment" &&
    JSON.stringify(payload).includes(`"utterance":${utterance},`);
  if (!client.frames.some(isIt)) await client.next("agent.log", isIt);
}

const escalation = (client: VoiceClient) =>
  client.frames.find(({ type, name }) => type === "agent.log" && name === "escalation.triggered")?.payload;

test("a verdict that overtakes the request for an answer escalates in that answer", async () => {
  await call(async (client) => {
    for (const words of ["negative", "negative"]) await client.turn(words);
    await verdict(client, 2);
    client.send({ type: "agent.transcript.update", role: "user", content: "frustrated" });
    await verdict(client, 3);
    client.send({ type: "system.llm.request" });
    assert.match((await client.response()).text, /connect you with a supervisor/);
    await client.next("agent.transfer_call");
    assert.equal(client.frames.filter(({ type }) => type === "agent.speak").length, 1, "the greeting alone");
    assert.deepEqual(escalation(client), {
      reason: "frustration_threshold_exceeded",
      frustration_count: 3,
      threshold: 3,
      same_turn: true,
      action: "cold_transfer",
      outcome: "requested",
    });
  });
});

test("a caller who asks for a person is handed over in the answer, without a question to the model", async () => {
  await call(async (client, server) => {
    await client.turn("hello");
    client.send({ type: "agent.transcript.update", role: "user", content: "Can I speak to a human?" });
    // Whatever the verdict says, and however fast it is, the wish is met in the answer.
    await verdict(client, 2);
    client.send({ type: "system.llm.request" });
    assert.match((await client.response()).text, /connect you with a supervisor/);
    assert.equal((await client.next("agent.transfer_call")).transfer_call_number, "+15550100");
    assert.deepEqual(escalation(client), {
      reason: "human_request",
      frustration_count: 0,
      threshold: 3,
      same_turn: true,
      action: "cold_transfer",
      outcome: "requested",
    });
    assert.equal(server.mock.requests.filter(({ kind }) => kind === "chat").length, 1);
  });
});

test("a wish for a person that comes with the messages of a request is met in its answer", async () => {
  await call(async (client) => {
    client.send({
      type: "system.llm.request",
      messages: [{ role: "user", content: "Get me a human please" }],
    });
    assert.match((await client.response()).text, /connect you with a supervisor/);
    await client.next("agent.transfer_call");
  });
});
