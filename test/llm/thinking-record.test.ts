import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { Example } from "../support/example.ts";

const callsSchema = z.object({
  calls: z.array(z.object({ session_id: z.string(), ended_at: z.string().nullable() })),
});
const callSchema = z.object({
  turns: z.array(
    z.object({
      role: z.string(),
      text: z.string().nullable(),
      first_chunk_ms: z.number().nullable(),
      thinking_ms: z.number().nullable(),
    }),
  ),
});

test("the record has the time of the thinking apart from that of the first word, and no word of it", async () => {
  const example = await Example.start();
  try {
    await example.call(async (client) => {
      example.llm.onChat(() => ({
        kind: "deltas",
        deltas: [
          { reasoning_content: "They want" },
          { reasoning_content: " an order." },
          { content: "Here it is." },
        ],
      }));
      assert.equal((await client.turn("Where is my order?")).text, "Here it is.");
    });
    const read = async (path: string): Promise<unknown> => (await fetch(example.server.url + path)).json();
    // The end of a call is written a moment after it.
    let [call] = callsSchema.parse(await read("/calls")).calls;
    while (!call?.ended_at) [call] = callsSchema.parse(await read("/calls")).calls;
    const { turns } = callSchema.parse(await read(`/calls/${call.session_id}`));
    const answer = turns.find(({ text }) => text === "Here it is.");
    assert.ok(answer && answer.first_chunk_ms !== null && answer.thinking_ms !== null);
    assert.ok(answer.thinking_ms <= answer.first_chunk_ms);
    assert.ok(!JSON.stringify(turns).includes("They want"));
  } finally {
    await example.close();
  }
});
