import assert from "node:assert/strict";
import test, { after, before, describe } from "node:test";
import { z } from "zod";
import { Example, handled, KEY, logsIn, nextLog, promptOf, toolResultsOf } from "./support/example.ts";
import type { Reply } from "./support/mock-llm.ts";
import { deferred } from "./support/nodes.ts";
import type { VoiceClient } from "./support/voice-client.ts";

const ASK_FOR_SENTIMENT: Reply = {
  kind: "toolCalls",
  calls: [{ name: "get_customer_sentiment", arguments: "{}" }],
};

let example: Example;
before(async () => {
  example = await Example.start({
    SENTIMENT_MODEL: "mood-model",
    AGENT_MODEL: "talk-model",
    SENTIMENT_TIMEOUT_MS: "60000",
    ESCALATION_THRESHOLD: "100",
  });
});
after(() => example.close());

async function ready(example: Example): Promise<{ status: string; reason?: string | undefined }> {
  const answer = await (await fetch(`${example.server.url}/ready`)).json();
  return z.object({ status: z.string(), reason: z.string().optional() }).parse(answer);
}

/** The caller says this and nobody is asked to answer; gives the verdict as it is on the wire. */
function judge(client: VoiceClient, utterance: string): Promise<Record<string, unknown>> {
  client.send({ type: "agent.transcript.update", role: "user", content: utterance });
  return nextLog(client, "sentiment");
}

describe("a verdict", () => {
  test("is asked for at temperature 0, in one word, of the utterance, with the call so far in the prompt", async () => {
    await example.call(async (client) => {
      await judge(client, "Where is my order?");
      const { body } = await example.request("sentiment", "Where is my order?");
      assert.equal(body.model, "mood-model");
      assert.equal(body.temperature, 0);
      assert.ok(!body.stream);
      assert.deepEqual(
        body.messages.map(({ role }) => role),
        ["system", "user"],
      );
    });
  });

  test("is asked for with the last four turns of both sides and what has happened in them", async () => {
    await example.call(async (client) => {
      example.llm.onChat(() => "What is the order number?");
      for (const words of ["Where is my parcel?", "I have no number", "Where is my parcel?"]) {
        await client.turn(words);
      }
      const again = example.llm.requests.findLast(({ kind }) => kind === "sentiment");
      assert.equal(again?.utterance, "Where is my parcel?");
      assert.ok(again);
      const prompt = promptOf(again);
      assert.match(
        prompt,
        /The call so far:\ncustomer: "Where is my parcel\?"\nagent: "What is the order number\?"\ncustomer: "I have no number"\nagent: "What is the order number\?"\n/,
      );
      assert.match(
        prompt,
        /has said nearly the same once before; the agent has just said the same thing again/,
      );
      assert.doesNotMatch(prompt, /What can I assist/);
    });
  });

  test("is sure by the probabilities of its first token where the server tells them", async () => {
    await example.call(async (client) => {
      example.llm.onSentiment(() => ({
        kind: "text",
        text: "negative",
        logprobs: { negative: 0.5, neutral: 0.3, frustrated: 0.2 },
      }));
      assert.equal((await judge(client, "Hm.")).upset, 0.7);
      const { body } = await example.request("sentiment", "Hm.");
      assert.deepEqual([body.logprobs, body.top_logprobs], [true, 5]);
    });
  });

  test("is asked for again without probabilities on a server that refuses them, and from then on", async () => {
    const own = await Example.start({ SENTIMENT_TIMEOUT_MS: "60000" });
    try {
      await own.call(async (client) => {
        const bodies: unknown[] = [];
        own.llm.onSentiment(({ body }) => {
          bodies.push(body.logprobs);
          if (body.logprobs === undefined) return "negative";
          const error = { message: "this model does not support logprobs" };
          return { kind: "error", status: 400, body: { error } };
        });
        for (const words of ["One.", "Two."]) {
          const { sentiment, upset, source } = await judge(client, words);
          assert.deepEqual([sentiment, upset, source], ["negative", 0.7, "model"]);
        }
        assert.deepEqual(bodies, [true, undefined, undefined]);
      });
    } finally {
      await own.close();
    }
  });

  test("is in the log word for word, and on the call's timeline with its score", async () => {
    await example.call(async (client) => {
      example.llm.onSentiment(() => "frustrated");
      const { analysis_ms, ...verdict } = await judge(client, "Nobody helps me!");
      assert.equal(typeof analysis_ms, "number");
      assert.deepEqual(verdict, {
        sentiment: "frustrated",
        upset: 0.9,
        cause: '"nobody"',
        frustration_count: 1,
        score: -5,
        source: "model",
        fallback_because: null,
        utterance: 1,
      });
      await example.server.nextLine(
        ({ msg }) => msg === "[SentimentAnalyzer] Detected frustrated sentiment (frustration count: 1)",
      );
    });
  });

  test("moves the frustration count up by one, down by one, and never below 0", async () => {
    await example.call(async (client) => {
      example.llm.onSentiment((_request, utterance) => utterance);
      const words = ["positive", "negative", "frustrated", "neutral", "positive", "positive", "positive"];
      const counts: unknown[] = [];
      for (const word of words) counts.push((await judge(client, word)).frustration_count);
      assert.deepEqual(counts, [0, 1, 2, 2, 1, 0, 0]);
    });
  });

  for (const [answer, sentiment] of [
    [" Frustrated.\n", "frustrated"],
    ["POSITIVE", "positive"],
    ["**neutral**", "neutral"],
  ] as const) {
    test(`${JSON.stringify(answer)} counts as ${sentiment}`, async () => {
      await example.call(async (client) => {
        example.llm.onSentiment(() => answer);
        const verdict = await judge(client, "Well?");
        assert.deepEqual([verdict.sentiment, verdict.source], [sentiment, "model"]);
      });
    });
  }

  for (const answer of ["very frustrated", "angry", "The customer is negative", "", "I'm sorry, I can't"]) {
    test(`${JSON.stringify(answer)} is none: the rules judge, and say that it was not understood`, async () => {
      await example.call(async (client) => {
        example.llm.onSentiment(() => answer);
        const { sentiment, source, fallback_because } = await judge(client, "This is ridiculous!");
        assert.deepEqual([sentiment, source, fallback_because], ["frustrated", "fallback", "unclear"]);
      });
    });
  }

  test("on an earlier utterance is applied first, even when it comes last", async () => {
    await example.call(async (client) => {
      const first = deferred<string>();
      example.llm.onSentiment((_request, utterance) => (utterance === "one" ? first.promise : "positive"));
      for (const content of ["one", "two"]) {
        client.send({ type: "agent.transcript.update", role: "user", content });
      }
      await (await example.request("sentiment", "two")).done;
      await handled(client);
      assert.deepEqual(logsIn(client.frames, "sentiment"), []);
      first.resolve("negative");
      const [one, two] = [await nextLog(client, "sentiment"), await nextLog(client, "sentiment")];
      assert.deepEqual([one.utterance, one.sentiment, one.frustration_count], [1, "negative", 1]);
      assert.deepEqual([two.utterance, two.sentiment, two.frustration_count], [2, "positive", 0]);
    });
  });

  test("is in the system prompt of the next request", async () => {
    await example.call(async (client) => {
      example.llm.onSentiment(() => "negative");
      await judge(client, "Not again.");
      client.send({ type: "system.llm.request" });
      await client.response();
      assert.match(promptOf(await example.request("chat", "Not again.")), /mood of the caller: negative/);
    });
  });
});

describe("each utterance is judged once", () => {
  const messages = (...said: string[]) =>
    said.map((content, index) => ({ role: index % 2 === 0 ? "user" : "assistant", content }));

  /** What the sentiment model was asked about in a call that ends with a marker. */
  async function judged(client: VoiceClient): Promise<string[]> {
    const from = example.llm.requests.length;
    client.send({ type: "agent.transcript.update", role: "user", content: "the end" });
    await nextLog(client, "sentiment");
    await handled(client);
    return example.llm.requests
      .slice(startedAt, from)
      .filter(({ kind }) => kind === "sentiment")
      .map(({ utterance }) => utterance);
  }
  let startedAt = 0;

  async function request(client: VoiceClient, ...said: string[]): Promise<void> {
    client.send({ type: "system.llm.request", messages: messages(...said) });
    await client.response();
  }

  const cases: [string, (client: VoiceClient) => Promise<void>][] = [
    [
      "from its transcript",
      async (client) => {
        await client.turn("A");
        await client.turn("B");
      },
    ],
    [
      "from the request's last user message when no transcripts come",
      async (client) => {
        await request(client, "A");
        await request(client, "A", "yes", "B");
        // The same list again is the same utterance.
        await request(client, "A", "yes", "B");
      },
    ],
    [
      "not twice when its transcript comes before the request",
      async (client) => {
        client.send({ type: "agent.transcript.update", role: "user", content: "A" });
        await request(client, "A");
        client.send({ type: "agent.transcript.update", role: "user", content: "B" });
        await request(client, "A", "yes", "B");
      },
    ],
    [
      "not twice when its transcript comes after the request",
      async (client) => {
        await request(client, "A");
        client.send({ type: "agent.transcript.update", role: "user", content: "A" });
        await request(client, "A", "yes", "B");
        client.send({ type: "agent.transcript.update", role: "user", content: "B" });
      },
    ],
  ];
  for (const [how, say] of cases) {
    test(how, async () => {
      await example.call(async (client) => {
        startedAt = example.llm.requests.length;
        await say(client);
        while (logsIn(client.frames, "sentiment").length < 2) await nextLog(client, "sentiment");
        assert.deepEqual(await judged(client), ["A", "B"]);
      });
    });
  }

  test("from a message in parts, too", async () => {
    await example.call(async (client) => {
      example.llm.onSentiment(() => "negative");
      const content = [
        { type: "text", text: "In " },
        { type: "text", text: "parts." },
      ];
      client.send({ type: "system.llm.request", messages: [{ role: "user", content }] });
      assert.equal((await nextLog(client, "sentiment")).sentiment, "negative");
      await example.request("sentiment", "In parts.");
    });
  });
});

describe("a sentiment model that fails", () => {
  const failures: [string, Reply][] = [
    ["with a 500", { kind: "error", status: 500 }],
    [
      "with a 401 that repeats the key",
      { kind: "error", status: 401, body: { error: { message: `bad ${KEY}` } } },
    ],
    ["with something that is not JSON", { kind: "brokenStream" }],
    ["with JSON of another shape", { kind: "brokenStream", garbage: '{"detail":"?"}' }],
    ["by cutting the connection", { kind: "cut", chunks: 0 }],
  ];
  for (const [how, reply] of failures) {
    test(`${how} is replaced by the embedded rules, and the answer does not wait for it`, async () => {
      await example.call(async (client) => {
        example.llm.onSentiment(() => reply);
        assert.equal(
          (await client.turn("This is ridiculous! I want a refund now!")).text,
          "Hello from the mock.",
        );
        const verdict = logsIn(client.frames, "sentiment")[0] ?? (await nextLog(client, "sentiment"));
        assert.deepEqual([verdict.sentiment, verdict.source], ["frustrated", "fallback"]);
        assert.ok(!example.server.output.includes(KEY), "the key is in the log");
        assert.ok(!JSON.stringify(client.frames).includes(KEY), "the key is on the wire");
        // Five failures in a row would open the circuit.
        example.llm.onSentiment(() => "neutral");
        assert.equal((await judge(client, "Well?")).source, "model");
      });
    });
  }
});

test("a sentiment model that is not understood is a warning, said once, counted, and on /ready", async () => {
  const vague = await Example.start();
  try {
    await vague.call(async (client) => {
      for (let utterance = 1; utterance <= 20; utterance += 1) {
        // The ninth and the tenth: two of ten are above a tenth.
        vague.llm.onSentiment(() => (utterance === 9 || utterance === 10 ? "hm" : "neutral"));
        await judge(client, `Number ${utterance}`);
      }
      const warnings = vague.server.output.split("\n").filter((line) => line.includes("gave no verdict"));
      assert.deepEqual(
        warnings.map((line) => /in (\d+) %/.exec(line)?.[1]),
        ["20"],
      );
      const metrics = await (await fetch(`${vague.server.url}/metrics`)).text();
      assert.match(metrics, /voice_agent_verdict_fallbacks_total\{kind="unclear"\} 2\n/);
      // Two of twenty are a tenth, and not above it.
      assert.deepEqual((await ready(vague)).status, "ready");
      vague.llm.onSentiment(() => "hm");
      await judge(client, "Number 21");
      assert.match((await ready(vague)).reason ?? "", /gave no verdict in 14 %/);
    });
  } finally {
    await vague.close();
  }
});

test("a sentiment model that hangs is closed upstream at SENTIMENT_TIMEOUT_MS, and the rules judge", {
  timeout: 30_000,
}, async () => {
  const impatient = await Example.start({ SENTIMENT_TIMEOUT_MS: "1500", LLM_TIMEOUT_MS: "600000" });
  try {
    await impatient.call(async (client) => {
      impatient.llm.onSentiment(() => ({ kind: "hang" }));
      const verdict = await judge(client, "This is ridiculous!");
      assert.deepEqual([verdict.sentiment, verdict.source], ["frustrated", "fallback"]);
      await (await impatient.request("sentiment", "This is ridiculous!")).closedByClient;
    });
  } finally {
    await impatient.close();
  }
});

test("a calm turn does not wait for a verdict that never comes", async () => {
  await example.call(async (client) => {
    example.llm.onSentiment(() => ({ kind: "hang" }));
    assert.equal((await client.turn("Where is my order?")).text, "Hello from the mock.");
    assert.deepEqual(logsIn(client.frames, "sentiment"), []);
  });
});

describe("the summary", () => {
  test("is valid before the first verdict", async () => {
    await example.call(async (client) => {
      const verdict = deferred<string>();
      example.llm.onSentiment(() => verdict.promise);
      let asked = 0;
      example.llm.onChat(() => (++asked === 1 ? ASK_FOR_SENTIMENT : "You sound calm."));
      assert.equal((await client.turn("How do I sound?")).text, "You sound calm.");
      await example.request("chat", "How do I sound?");
      const [result] = toolResultsOf(await example.request("chat", "How do I sound?"));
      assert.deepEqual(JSON.parse(result ?? ""), {
        overall: "neutral",
        current: "neutral",
        frustrationCount: 0,
        shouldEscalate: false,
        recent: [],
      });
      verdict.resolve("neutral");
    });
  });

  test("names the most frequent sentiment, the latest on a tie, and the last five", async () => {
    await example.call(async (client) => {
      example.llm.onSentiment((_request, utterance) => utterance);
      for (const word of ["frustrated", "positive", "negative", "positive", "negative", "neutral"]) {
        await judge(client, word);
      }
      let asked = 0;
      example.llm.onChat(() => (++asked === 1 ? ASK_FOR_SENTIMENT : "Well."));
      client.send({ type: "system.llm.request" });
      await client.response();
      const results = example.llm.requests.flatMap(toolResultsOf);
      assert.deepEqual(JSON.parse(results.at(-1) ?? ""), {
        overall: "negative",
        current: "neutral",
        frustrationCount: 1,
        shouldEscalate: false,
        recent: ["positive", "negative", "positive", "negative", "neutral"],
      });
    });
  });

  test("is logged when the session ends", async () => {
    let verdicts = 0;
    await example.call(async (client) => {
      example.llm.onSentiment(() => (++verdicts === 3 ? "positive" : "negative"));
      for (const words of ["One.", "Two.", "Three."]) await judge(client, words);
      await client.close();
      await example.server.nextLine(
        ({ msg }) =>
          msg ===
          "[SentimentAnalyzer] Session summary: overall negative over 3 utterances (frustration count: 1)",
      );
    });
  });
});
