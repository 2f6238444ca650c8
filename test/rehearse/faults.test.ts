import assert from "node:assert/strict";
import test, { describe } from "node:test";
import { startModelServer } from "../../rehearse/model/model-server.ts";
import { allowedTools } from "../../rehearse/model/obedience.ts";
import { upstreamOf } from "../../rehearse/model/upstream.ts";
import { scenarioSchema } from "../../rehearse/scenario/schema.ts";
import { pretendServer } from "../support/pretend-server.ts";
import { rehearseOn, scenario } from "../support/rehearsal.ts";

const script = (llm: object) => scenarioSchema.parse({ name: "s", llm, turns: [{ user: "x" }] }).llm;

async function ask(baseUrl: string, body: object): Promise<Response> {
  return await fetch(`${baseUrl}/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ model: "m", ...body }),
  });
}

const question = (text: string) => ({ stream: true, messages: [{ role: "user", content: text }] });
const mood = (text: string) => ({
  messages: [
    { role: "system", content: "Answer with one word: positive, neutral, negative, frustrated." },
    { role: "user", content: text },
  ],
});

for (const [name, llm, check] of [
  [
    "a status in place of the first answer only",
    { faults: [{ status: 503, times: 1 }] },
    async (url: string) => {
      assert.equal((await ask(url, question("hello"))).status, 503);
      assert.equal((await ask(url, question("hello"))).status, 200);
    },
  ],
  [
    "a late first token",
    { faults: [{ first_token_ms: 150 }] },
    async (url: string) => {
      const before = performance.now();
      await (await ask(url, question("hello"))).text();
      assert.ok(performance.now() - before >= 145);
    },
  ],
  [
    "a cut after so many chunks",
    { faults: [{ cut_after: 2 }], replies: [{ text: "one two three four" }] },
    async (url: string) => {
      const response = await ask(url, question("hello"));
      await assert.rejects(response.text());
    },
  ],
  [
    "a stall",
    { faults: [{ stall_after: 1 }], replies: [{ text: "one two three" }] },
    async (url: string) => {
      const reader = (await ask(url, question("hello"))).body?.getReader();
      const first = new TextDecoder().decode((await reader?.read())?.value);
      assert.match(first, /"one"/);
      const second = await Promise.race([
        reader?.read().then(() => "more"),
        new Promise((resolve) => setTimeout(() => resolve("nothing"), 200)),
      ]);
      assert.equal(second, "nothing");
      await reader?.cancel();
    },
  ],
  [
    "a fault of the second utterance's verdict alone",
    { faults: [{ on: "verdict", turn: 2, status: 500 }] },
    async (url: string) => {
      const statuses = [];
      for (const each of [mood("a"), mood("b"), mood("c")]) statuses.push((await ask(url, each)).status);
      assert.deepEqual(statuses, [200, 500, 200]);
      assert.equal((await ask(url, question("x"))).status, 200);
    },
  ],
  [
    "answers, calls and verdicts as the scenario has them",
    {
      replies: [{ to: "order", text: "It is late.", calls: [{ name: "order_status", args: { id: 7 } }] }],
      verdicts: [{ to: "gone", is: "positive" }],
    },
    async (url: string) => {
      const called = await (await ask(url, question("my ORDER?"))).text();
      assert.match(called, /"name":"order_status","arguments":"\{\\"id\\":7\}"/);
      const after = {
        stream: true,
        messages: [
          { role: "user", content: "my order?" },
          { role: "assistant", content: null, tool_calls: [{ id: "c", function: { name: "order_status" } }] },
          { role: "tool", content: "late", tool_call_id: "c" },
        ],
      };
      assert.match(await (await ask(url, after)).text(), /It.* is.* late\./s);
      const verdict: unknown = await (await ask(url, mood("it is gone"))).json();
      assert.match(JSON.stringify(verdict), /"content":"positive"/);
    },
  ],
  [
    "the server's own model under the faults",
    { answers: "server", faults: [{ status: 500, times: 1 }] },
    async (url: string) => {
      assert.equal((await ask(url, question("where is my order?"))).status, 500);
      assert.match(await (await ask(url, question("where is my order?"))).text(), /order.*number/s);
    },
  ],
] as const) {
  test(`the rehearsal's model gives ${name}`, async (t) => {
    const model = await startModelServer(script(llm) ?? assert.fail(), upstreamOf({}));
    t.after(() => model.close());
    await check(model.baseUrl);
  });
}

test("the mock uses the tools that its prompt does not forbid", () => {
  const tools = new Set(["transfer_to_supervisor", "end_call"]);
  assert.deepEqual([...allowedTools("Use transfer_to_supervisor when the caller asks.", tools)], [...tools]);
  for (const prompt of [
    "Be kind. Never hand the caller over.",
    "Do not transfer callers to anybody.",
    "You must not connect a caller\nwith a person.",
  ]) {
    assert.deepEqual([...allowedTools(prompt, tools)], ["end_call"], prompt);
  }
  assert.deepEqual([...allowedTools("Never invent facts. Transfer callers gladly.", tools)], [...tools]);
});

describe("a caller's network", () => {
  test("drops: the server hears of no goodbye", async (t) => {
    const loaded = await scenario(t, {
      turns: [
        {
          user: "Where is B7?",
          network: { drop: { after_chunks: 1 } },
          expect: [
            { event: "bot_stopped_speaking", absent: true },
            { event: "closed", code: 1006 },
          ],
        },
      ],
    });
    const result = await rehearseOn(await pretendServer(t), loaded);
    assert.deepEqual([result.outcome, result.reasons], ["passed", []]);
  });

  test("freezes for a while and then hears the rest", async (t) => {
    const loaded = await scenario(t, {
      turns: [
        {
          user: "Where is B7?",
          network: { freeze: { after_chunks: 1, for_ms: 300 } },
          expect: [{ event: "response", text_contains: "its way" }],
        },
      ],
    });
    const result = await rehearseOn(await pretendServer(t), loaded);
    assert.equal(result.outcome, "passed");
    const [answered] = result.events.filter(({ event }) => event === "response").slice(-1);
    const [begun] = result.events.filter(({ event }) => event === "llm_started");
    assert.ok((answered?.atMs ?? 0) - (begun?.atMs ?? 0) >= 290);
  });
});

describe("what a caller does to an answer", () => {
  test("a backchannel is counted, and whether it cost the answer", async (t) => {
    const turns = [{ user: "Where is B7?", backchannel: { after_chunks: 1 } }];
    const loaded = await scenario(t, { turns });
    const good = await rehearseOn(await pretendServer(t), loaded);
    assert.deepEqual([good.outcome, good.backchannels, good.backchannelCuts], ["passed", 1, 0]);
    const cut = await rehearseOn(await pretendServer(t, { cutsAtBackchannel: true }), loaded);
    assert.deepEqual([cut.backchannels, cut.backchannelCuts], [1, 1]);
  });

  test("an interrupt that came too late to be sent is said to be missing", async (t) => {
    const loaded = await scenario(t, { turns: [{ user: "Where is B7?", interrupt: { after_chunks: 9 } }] });
    const result = await rehearseOn(await pretendServer(t), loaded);
    assert.match(result.reasons[0] ?? "", /no interrupt: the answer had 3 of 9 chunks/);
  });

  test("from an interrupt to silence is measured", async (t) => {
    const loaded = await scenario(t, { turns: [{ user: "Where is B7?", interrupt: { after_chunks: 1 } }] });
    const [ms] = (await rehearseOn(await pretendServer(t), loaded)).silenceMs;
    assert.ok(ms !== undefined && ms >= 0);
  });

  test("keys are pressed, and a turn without words listens", async (t) => {
    const loaded = await scenario(t, {
      turns: [
        { expect: [{ event: "response", text_contains: "Hello" }] },
        { dtmf: "12#", expect: [{ event: "response" }] },
        { silence: 100, expect: [{ event: "response", absent: true }] },
        {
          user: "again",
          send_after: { delay_ms: 50 },
          expect: [{ event: "response" }],
        },
      ],
    });
    const result = await rehearseOn(await pretendServer(t), loaded);
    assert.deepEqual([result.outcome, result.reasons, result.turns], ["passed", [], 2]);
  });

  test("speaking into an answer (send_after) cuts it short first", async (t) => {
    const loaded = await scenario(t, {
      turns: [
        { user: "Where is B7?", expect: [{ event: "bot_started_speaking" }] },
        {
          user: "Never mind.",
          send_after: { event: "bot_started_speaking" },
          expect: [
            { event: "interrupted", after_chunks: 1 },
            { event: "response", text_contains: "its way" },
          ],
        },
      ],
    });
    const result = await rehearseOn(await pretendServer(t, { waitsForInterrupt: true }), loaded);
    assert.deepEqual([result.outcome, result.reasons], ["passed", []]);
  });
});
