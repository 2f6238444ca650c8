import assert from "node:assert/strict";
import test from "node:test";
import { Example } from "./support/example.ts";
import { deferred } from "./support/nodes.ts";
import { VoiceClient } from "./support/voice-client.ts";

const SESSIONS = 100;
const TURNS = 3;
const SECRET = /secret-\d+-/g;

const secretsIn = (value: unknown) => [...new Set(JSON.stringify(value).match(SECRET) ?? [])];

test(`of ${SESSIONS} sessions at once none sees another's words, in its frames or in what the model is asked`, async () => {
  const example = await Example.start();
  const clients: VoiceClient[] = [];
  try {
    // All requests of a round are open at the same time before the first is answered, the last one first.
    let waiting: { answer: (text: string) => void; text: string }[] = [];
    example.llm.onChat(({ utterance }) => {
      const { promise, resolve } = deferred<string>();
      waiting.push({ answer: resolve, text: `You said: ${utterance}` });
      if (waiting.length === SESSIONS) {
        for (const { answer, text } of waiting.reverse()) answer(text);
        waiting = [];
      }
      return promise;
    });
    const connecting = Array.from({ length: SESSIONS }, (_, index) =>
      VoiceClient.connect(example.server.wsUrl, {
        conversationType: index % 2 === 0 ? "chat" : "telephonyInbound",
        init: { initial_variables: { pin: `secret-${index}-variable` } },
      }),
    );
    clients.push(...(await Promise.all(connecting)));

    for (let turn = 1; turn <= TURNS; turn += 1) {
      const answers = await Promise.all(
        clients.map((client, index) => client.turn(`secret-${index}-in-turn-${turn}`)),
      );
      assert.deepEqual(
        answers.map(({ text }) => text),
        clients.map((_, index) => `You said: secret-${index}-in-turn-${turn}`),
      );
    }

    for (const [index, client] of clients.entries()) {
      assert.deepEqual(secretsIn(client.frames), [`secret-${index}-`]);
    }
    const chats = example.llm.requests.filter(({ kind }) => kind === "chat");
    assert.equal(chats.length, SESSIONS * TURNS);
    for (const { body, utterance } of example.llm.requests) {
      assert.deepEqual(secretsIn(body), secretsIn(utterance), "a request knows one session only");
      assert.equal(secretsIn(body).length, 1);
    }
  } finally {
    await Promise.all(clients.map((client) => client.close()));
    await example.close();
  }
});
