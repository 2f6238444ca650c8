import assert from "node:assert/strict";
import test, { after, before } from "node:test";
import { z } from "zod";
import { callListWire, callWire, qualityWire, reportWire } from "../../lib/calls/wire.ts";
import { type MockLlm, startMockLlm } from "../support/mock-llm.ts";
import { until } from "../support/recorded-calls.ts";
import { type ServerProcess, startServerProcess } from "../support/server-process.ts";
import { describeStores, type TestStore } from "../support/stores.ts";
import { VoiceClient } from "../support/voice-client.ts";

/*
 * Ten calls of different moods through the real server. Every figure that is expected here was worked out by hand
 * from the caller's remarks: positive 5, neutral 0, negative −2.5, frustrated −5. The greeting is turn 1, so the
 * caller has turns 2, 4, 6, … An answer has four words, the greeting twelve, a remark four.
 */

type Expected = {
  says: string[];
  score: number | null;
  label: string;
  shift: number | null;
  trend: string | null;
  lowest: { score: number; first_turn: number; last_turn: number } | null;
  run: number;
  negative: number | null;
  frustrated: number | null;
  recovered: number | null;
  peak: number;
  escalated?: boolean;
  end?: string;
};

const [P, N, B, F] = ["positive", "neutral", "negative", "frustrated"];
const calls: Record<string, Expected> = {
  delighted: {
    says: [P, P, P],
    score: 5,
    label: "positive",
    shift: 0,
    trend: "FLAT",
    lowest: { score: 5, first_turn: 2, last_turn: 6 },
    run: 0,
    negative: 0,
    frustrated: 0,
    recovered: null,
    peak: 0,
  },
  calm: {
    says: [N, N],
    score: 0,
    label: "neutral",
    shift: 0,
    trend: "FLAT",
    lowest: null,
    run: 0,
    negative: 0,
    frustrated: 0,
    recovered: null,
    peak: 0,
  },
  disappointed: {
    says: [B, B],
    score: -2.5,
    label: "negative",
    shift: 0,
    trend: "FLAT",
    lowest: null,
    run: 2,
    negative: 1,
    frustrated: 0,
    recovered: null,
    peak: 2,
  },
  furious: {
    says: [F, F, F],
    score: -5,
    label: "negative",
    shift: 0,
    trend: "FLAT",
    lowest: { score: -5, first_turn: 2, last_turn: 6 },
    run: 3,
    negative: 1,
    frustrated: 1,
    recovered: null,
    peak: 3,
    escalated: true,
    end: "transferred",
  },
  "won over": {
    says: [F, N, P],
    score: 0, // (−5 + 0 + 5) / 3
    label: "neutral",
    shift: 10,
    trend: "UP",
    lowest: { score: 0, first_turn: 2, last_turn: 6 },
    run: 1,
    negative: 0.3333,
    frustrated: 0.3333,
    recovered: 4,
    peak: 1,
  },
  soured: {
    says: [P, N, B],
    score: 0.83, // (5 + 0 − 2.5) / 3
    label: "neutral",
    shift: -7.5,
    trend: "DOWN",
    lowest: { score: 0.83, first_turn: 2, last_turn: 6 },
    run: 1,
    negative: 0.3333,
    frustrated: 0,
    recovered: null,
    peak: 1,
  },
  silent: {
    says: [],
    score: null,
    label: "none",
    shift: null,
    trend: null,
    lowest: null,
    run: 0,
    negative: null,
    frustrated: null,
    recovered: null,
    peak: 0,
  },
  steady: {
    says: [N, N, N, N, N],
    score: 0,
    label: "neutral",
    shift: 0,
    trend: "FLAT",
    lowest: { score: 0, first_turn: 2, last_turn: 6 },
    run: 0,
    negative: 0,
    frustrated: 0,
    recovered: null,
    peak: 0,
  },
  "annoyed, then not": {
    says: [B, F, P],
    score: -0.83, // (−2.5 − 5 + 5) / 3
    label: "neutral",
    shift: 7.5,
    trend: "UP",
    lowest: { score: -0.83, first_turn: 2, last_turn: 6 },
    run: 2,
    negative: 0.6667,
    frustrated: 0.3333,
    recovered: null, // only one turn after the low
    peak: 2,
  },
  goodbye: {
    says: [N, P],
    score: 2.5,
    label: "positive",
    shift: 5,
    trend: "UP",
    lowest: null,
    run: 0,
    negative: 0,
    frustrated: 0,
    recovered: null,
    peak: 0,
    end: "end_call",
  },
};

describeStores("ten calls of different moods", (create) => {
  let store: TestStore;
  let llm: MockLlm;
  let server: ServerProcess;

  before(async () => {
    store = await create();
    llm = await startMockLlm();
    llm.onSentiment((_request, utterance) => utterance.split(" ")[0] ?? "");
    llm.onChat(({ utterance, body }) => {
      const isDone = body.messages.some(({ role }) => role === "tool");
      const wantsToGo = utterance.includes("goodbye") && !isDone;
      return wantsToGo
        ? { kind: "toolCalls", calls: [{ name: "end_call", arguments: "{}" }], text: "Bye bye, dear caller." }
        : "Here is the answer.";
    });
    server = await startServerProcess({
      env: {
        DATABASE_URL: store.url,
        OPENAI_BASE_URL: llm.baseUrl,
        TRANSFER_NUMBER: "+15550100",
        ESCALATION_THRESHOLD: "3",
        // The moods worked out by hand are the model's, however busy the machine is.
        SENTIMENT_TIMEOUT_MS: "60000",
        RECORD_VARIABLES: "plan, missing",
      },
    });
    await Promise.all(Object.entries(calls).map(([name, { says }]) => play(name, says)));
  });
  after(async () => {
    await server?.stop();
    await llm?.close();
    await store?.remove();
  });

  async function play(name: string, says: readonly string[]): Promise<void> {
    const client = await VoiceClient.connect(server.wsUrl, {
      init: {
        caller: { call_id: name, direction: "inbound" },
        initial_variables: { plan: "gold", secret: "not on the list" },
      },
    });
    client.join();
    await client.next("agent.speak");
    for (const [index, mood] of says.entries()) {
      await client.turn(
        `${mood} remark ${name === "goodbye" && index === 1 ? "goodbye" : "number"} ${index + 1}`,
      );
      await until(
        async () => client.frames.filter((frame) => frame.name === "sentiment").length === index + 1,
      );
    }
    if (calls[name]?.end === "transferred") await client.next("agent.transfer_call");
    if (calls[name]?.end === "end_call") await client.next("agent.end_call");
    await client.close();
  }

  async function get<S extends z.ZodType>(path: string, schema: S): Promise<z.output<S>> {
    const response = await fetch(server.url + path);
    assert.equal(response.status, 200, path);
    return schema.parse(await response.json());
  }

  /** The list once all calls have ended in it. */
  async function ended() {
    let list = await get("/calls", callListWire);
    await until(async () => {
      list = await get("/calls", callListWire);
      return list.calls.filter(({ ended_at }) => ended_at !== null).length === 10;
    });
    return list.calls;
  }

  for (const [name, expected] of Object.entries(calls)) {
    test(`${name}: the report is what was worked out by hand`, async () => {
      const listed = (await ended()).find(({ call_id }) => call_id === name);
      assert.ok(listed);
      const turns = expected.says.length;
      const { escalated = false, end = "client_closed" } = expected;
      assert.equal(listed.score, expected.score);
      assert.equal(listed.label, expected.label);
      assert.equal(listed.negative_share, expected.negative);
      assert.equal(listed.escalated, escalated);
      assert.equal(listed.end_reason, end);
      assert.equal(listed.user_turns, turns);
      assert.equal(listed.assistant_turns, turns + 1);

      const { sentiment, escalation, quality } = await get(`/calls/${listed.session_id}/report`, reportWire);
      assert.deepEqual(
        {
          score: sentiment.score,
          label: sentiment.label,
          shift: sentiment.shift,
          trend: sentiment.trend,
          lowest: sentiment.lowest,
          run: sentiment.longest_negative_run,
          negative: sentiment.negative_share,
          frustrated: sentiment.frustrated_share,
          recovered: sentiment.recovered?.turn ?? null,
          peak: sentiment.peak_frustration,
        },
        {
          score: expected.score,
          label: expected.label,
          shift: expected.shift,
          trend: expected.trend,
          lowest: expected.lowest,
          run: expected.run,
          negative: expected.negative,
          frustrated: expected.frustrated,
          recovered: expected.recovered,
          peak: expected.peak,
        },
      );
      assert.equal(sentiment.model_verdicts, turns);
      assert.equal(sentiment.fallback_verdicts, 0);
      assert.equal(quality.words.user, turns * 4);
      if (!escalated) assert.equal(quality.words.assistant, 12 + turns * 4);
      assert.equal(quality.unanswered, 0);
      assert.equal(quality.interruptions, 0);
      assert.equal(quality.repeated_requests, 0);
      assert.equal(quality.tool_calls, end === "end_call" ? 1 : 0);
      assert.equal(escalation.triggered, escalated);
      if (escalated) {
        assert.equal(escalation.utterance, 3);
        assert.equal(escalation.threshold, 3);
        assert.equal(escalation.same_turn, true);
        assert.equal(escalation.action, "cold_transfer");
        assert.equal(escalation.outcome, "requested");
      }
    });
  }

  test("a call in full has its turns, in order, with what belongs to each", async () => {
    const listed = (await ended()).find(({ call_id }) => call_id === "won over");
    const call = await get(`/calls/${listed?.session_id}`, callWire);
    assert.deepEqual(call.variables, { plan: "gold" });
    assert.equal(call.direction, "inbound");
    assert.equal(call.conversation_type, "telephonyInbound");
    assert.deepEqual(
      call.turns.map(({ number, role, text, utterance, verdict, score, source }) => [
        number,
        role,
        text,
        utterance,
        verdict,
        score,
        source,
      ]),
      [
        [
          1,
          "assistant",
          "Hello! I'm here to help. What can I assist you with today?",
          null,
          null,
          null,
          null,
        ],
        [2, "user", "frustrated remark number 1", 1, "frustrated", -5, "model"],
        [3, "assistant", "Here is the answer.", null, null, null, null],
        [4, "user", "neutral remark number 2", 2, "neutral", 0, "model"],
        [5, "assistant", "Here is the answer.", null, null, null, null],
        [6, "user", "positive remark number 3", 3, "positive", 5, "model"],
        [7, "assistant", "Here is the answer.", null, null, null, null],
      ],
    );
    for (const turn of call.turns) {
      const isReply = turn.role === "assistant" && turn.number > 1;
      assert.equal(turn.first_chunk_ms !== null, isReply);
      assert.equal(turn.reply_ms !== null, isReply);
      assert.equal(turn.analysis_ms !== null, turn.role === "user");
    }
  });

  test("the ten calls together are what was worked out by hand", async () => {
    await ended();
    const from = new Date(Date.now() - 3_600_000).toISOString();
    const { totals } = await get(`/quality?bucket=hour&from=${from}`, qualityWire);
    assert.equal(totals.calls, 10);
    assert.equal(totals.escalated, 1);
    assert.equal(totals.escalation_rate, 0.1);
    // (5 + 0 − 2.5 − 5 + 0 + 0.83 + 0 − 0.83 + 2.5) / 9: the silent call has no score.
    assert.equal(totals.score, 0);
    // 2 + 3 + 1 + 1 + 2 of 26 turns.
    assert.equal(totals.negative_share, 0.3462);
    assert.deepEqual(
      (await get("/calls?escalated=true", callListWire)).calls.map(({ call_id }) => call_id),
      ["furious"],
    );
    assert.deepEqual(
      (await get("/calls?label=positive&min_score=3", callListWire)).calls.map(({ call_id }) => call_id),
      ["delighted"],
    );
  });

  test("a NUL in an address finds nothing, and breaks nothing", async () => {
    const cursor = Buffer.from(`${Date.now()}.\0`).toString("base64url");
    const statuses = ["/calls/%00", "/calls/%00/report", `/calls?cursor=${cursor}`].map(async (path) => {
      return (await fetch(server.url + path)).status;
    });
    assert.deepEqual(await Promise.all(statuses), [404, 404, 400]);
  });

  test("Contact Lens gets the same scores in its own shape", async () => {
    const listed = (await ended()).find(({ call_id }) => call_id === "soured");
    const lens = await get(
      `/calls/${listed?.session_id}/report?format=contact-lens`,
      z.object({
        ConversationCharacteristics: z.object({
          Sentiment: z.object({
            OverallSentiment: z.object({ CUSTOMER: z.number() }),
            SentimentByPeriod: z.object({
              QUARTER: z.object({
                CUSTOMER: z.array(
                  z.object({ BeginOffsetMillis: z.number(), EndOffsetMillis: z.number(), Score: z.number() }),
                ),
              }),
            }),
          }),
        }),
      }),
    );
    const { OverallSentiment, SentimentByPeriod } = lens.ConversationCharacteristics.Sentiment;
    assert.equal(OverallSentiment.CUSTOMER, 0.83);
    assert.deepEqual(
      SentimentByPeriod.QUARTER.CUSTOMER.map(({ Score }) => Score),
      [5, 0, -2.5],
    );
  });
});
