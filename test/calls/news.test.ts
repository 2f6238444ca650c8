import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import type { AddressInfo } from "node:net";
import test, { describe, type TestContext } from "node:test";
import { pino } from "pino";
import { z } from "zod";
import { chatMessage } from "../../lib/calls/news/chat-message.ts";
import { NewsQueue, newsBackOff } from "../../lib/calls/news/news-queue.ts";
import { isPrivateAddress } from "../../lib/calls/news/private-address.ts";
import { Receiver } from "../../lib/calls/news/receiver.ts";
import { parseConfig } from "../../lib/config.ts";
import { ConfigError } from "../../lib/errors.ts";
import { createPolicy } from "../../lib/mood/policy.ts";
import { createVoiceServer, type SetupCall } from "../../lib/voice-server.ts";
import { SentimentAnalyzer } from "../../sentiment-analyzer.ts";
import { SupportAgent } from "../../support-agent.ts";
import { fc } from "../support/property.ts";
import { VoiceClient } from "../support/voice-client.ts";
import { startWebhookReceiver } from "../support/webhook-receiver.ts";

const SECRET = "a secret of some length";
const log = pino({ level: "silent" });
const ALL = "call.started,verdict,alert,escalation,transfer.ended,call.ended";
const WORDS = [
  "I've been waiting for my order for 3 weeks and nobody will help me!",
  "This is ridiculous! I want a refund now!",
  "I can't believe how terrible this service is!",
];

/** The example's call, with the embedded model. */
const setupSession: SetupCall = async (session, { config, llm, transfer }) => {
  const sentiment = new SentimentAnalyzer({
    llm,
    model: config.SENTIMENT_MODEL,
    timeoutMs: config.SENTIMENT_TIMEOUT_MS,
    policy: createPolicy(config),
  });
  const { ESCALATION_WAIT_MS: escalationWaitMs, MAX_CONTEXT_MESSAGES: maxContextMessages } = config;
  session.addNode(sentiment);
  session.addNode(
    new SupportAgent({ llm, sentiment, transfer, coach: null, escalationWaitMs, maxContextMessages }),
  );
  await session.start();
};

async function startServer(t: TestContext, env: Record<string, string>) {
  const config = parseConfig({
    HOST: "127.0.0.1",
    LOG_LEVEL: "silent",
    DATABASE_URL: "file::memory:",
    WEBHOOK_ALLOW_PRIVATE: "true",
    WEBHOOK_SECRET: SECRET,
    TRANSFER_NUMBER: "+15550123",
    ESCALATION_POLICY: "count",
    PUBLIC_URL: "https://voice.example.com/",
    ...env,
  });
  const { app } = await createVoiceServer({ config, setupSession });
  let isOpen = true;
  const close = async () => {
    if (isOpen) await app.close();
    isOpen = false;
  };
  t.after(close);
  await app.listen({ host: "127.0.0.1", port: 0 });
  const host = `127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  return { close, url: `http://${host}`, wsUrl: `ws://${host}/ws` };
}

/** A caller who loses patience and is handed over. */
async function complain(wsUrl: string, callId = "CA-1"): Promise<void> {
  const caller = { call_id: callId, user_number: "+15550199" };
  const client = await VoiceClient.connect(wsUrl, { init: { caller } });
  client.join();
  for (const words of WORDS) await client.turn(words);
  await client.next("agent.transfer_call");
  await client.close();
}

/** That a body has these fields within the one of that name, whatever else it has. */
function holds(body: Record<string, unknown> | undefined, expected: Record<string, object>): void {
  for (const [name, fields] of Object.entries(expected)) {
    const inner = z.record(z.string(), z.unknown()).parse(body?.[name]);
    assert.deepEqual({ ...inner, ...fields }, inner);
  }
}

/** What the test lets go. */
function gate() {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

const typesOf = (posts: readonly { body: Record<string, unknown> }[]) => posts.map(({ body }) => body.type);
const hasEnded = (posts: readonly { body: Record<string, unknown> }[]) =>
  typesOf(posts).includes("call.ended");

describe("the news of a call", () => {
  test("comes in order, numbered and signed, and the report of its end comes last", async (t) => {
    const receiver = await startWebhookReceiver(t);
    const { wsUrl } = await startServer(t, { WEBHOOK_URL: receiver.url, WEBHOOK_EVENTS: ALL });
    await complain(wsUrl);
    await receiver.until(hasEnded);
    const types = typesOf(receiver.posts);
    assert.equal(types[0], "call.started");
    assert.equal(types.at(-1), "call.ended");
    assert.deepEqual(
      types.filter((type) => type !== "alert"),
      ["call.started", "verdict", "verdict", "verdict", "escalation", "transfer.ended", "call.ended"],
    );
    const told = receiver.posts.slice(0, -1);
    assert.deepEqual(
      told.map(({ body }) => body.number),
      told.map((_, index) => index + 1),
    );
    for (const { headers, raw, body } of receiver.posts) {
      const timestamp = headers["x-webhook-timestamp"];
      const expected = createHmac("sha256", SECRET).update(`${timestamp}.${raw}`).digest("hex");
      assert.equal(headers["x-webhook-signature"], `sha256=${expected}`);
      assert.equal(body.call_id, "CA-1");
    }
    const keys = new Set(receiver.posts.map(({ headers }) => headers["idempotency-key"]));
    assert.equal(keys.size, receiver.posts.length);
    const find = (type: string) => receiver.posts.find(({ body }) => body.type === type)?.body;
    holds(find("call.started"), {
      call: { caller_number: "+15550199", agent: "support-agent", conversation_type: "telephonyInbound" },
    });
    holds(find("verdict"), {
      verdict: { utterance: 1, text: WORDS[0], sentiment: "frustrated", frustration_count: 1 },
    });
    holds(find("escalation"), {
      escalation: { reason: "frustration_threshold_exceeded", action: "cold_transfer", last_words: WORDS[2] },
    });
    holds(find("call.ended"), { report: { end_reason: "transferred" } });
  });

  test("is what WEBHOOK_EVENTS names, and by default the end alone", async (t) => {
    const byDefault = await startWebhookReceiver(t);
    const chosen = await startWebhookReceiver(t);
    const first = await startServer(t, { WEBHOOK_URL: byDefault.url });
    const second = await startServer(t, {
      WEBHOOK_URL: chosen.url,
      WEBHOOK_EVENTS: "escalation, call.ended",
    });
    await Promise.all([complain(first.wsUrl), complain(second.wsUrl)]);
    await Promise.all([byDefault.until(hasEnded), chosen.until(hasEnded)]);
    assert.deepEqual(typesOf(byDefault.posts), ["call.ended"]);
    assert.deepEqual(typesOf(chosen.posts), ["escalation", "call.ended"]);
  });

  test("tells of the end without a report where no call is recorded", async (t) => {
    const receiver = await startWebhookReceiver(t);
    const settings = { WEBHOOK_URL: receiver.url, WEBHOOK_EVENTS: "call.ended", RECORD_CALLS: "false" };
    const { wsUrl } = await startServer(t, settings);
    await complain(wsUrl);
    await receiver.until(hasEnded);
    holds(receiver.posts[0]?.body, { call: { end_reason: "transferred" } });
  });

  for (const [policy, words] of [
    ["redacted", "My number is [phone], this is terrible, I want a refund now!"],
    ["none", null],
  ] as const) {
    test(`keeps to RECORD_TEXT=${policy}`, async (t) => {
      const receiver = await startWebhookReceiver(t);
      const chat = await startWebhookReceiver(t);
      const { wsUrl } = await startServer(t, {
        WEBHOOK_URL: receiver.url,
        WEBHOOK_EVENTS: "all",
        ALERT_WEBHOOK_URL: chat.url,
        RECORD_TEXT: policy,
      });
      const client = await VoiceClient.connect(wsUrl, { init: { caller: { user_number: "+15550199" } } });
      client.join();
      await client.turn("My number is 555 0123 444, this is terrible, I want a refund now!");
      await client.turn("I want to speak to a manager, call me on 555 0123 444");
      await receiver.until((posts) => typesOf(posts).includes("alert"));
      await chat.until((posts) => posts.length > 0);
      await client.close();
      await receiver.until(hasEnded);
      const all = [...receiver.posts, ...chat.posts].map(({ raw }) => raw).join("\n");
      // The numbers whole: three digits are found in ids and times by chance.
      assert.doesNotMatch(all, /5550199|555 0123|5550123/);
      if (policy === "none") assert.doesNotMatch(all, /terrible|manager/);
      const verdict = receiver.posts.find(({ body }) => body.type === "verdict")?.body;
      holds(verdict, { verdict: { text: words } });
    });
  }

  test("is tried again, in order, with the same key, and other calls do not wait for it", async (t) => {
    const refused = new Set(["one:1", "one:2"]);
    const receiver = await startWebhookReceiver(t, ({ headers }) =>
      refused.delete(String(headers["idempotency-key"]))
        ? { status: 302, headers: { location: "/other" } }
        : {},
    );
    const queue = new NewsQueue({
      receiver: new Receiver({ url: receiver.url, secret: null, allowPrivate: true }),
      name: "WEBHOOK_URL",
      log,
      retryMs: () => 1,
    });
    for (const n of [1, 2, 3]) queue.push({ sessionId: "one", key: `one:${n}`, body: JSON.stringify({ n }) });
    queue.push({ sessionId: "two", key: "two:1", body: "{}" });
    await receiver.until((posts) => posts.length === 6);
    const keys = receiver.posts.map(({ headers }) => headers["idempotency-key"]);
    assert.deepEqual(
      keys.filter((key) => key !== "two:1"),
      ["one:1", "one:1", "one:2", "one:2", "one:3"],
    );
    await queue.close();
    assert.equal(queue.lost, 0);
  });

  test("waits as long as the receiver asks for", async (t) => {
    const receiver = await startWebhookReceiver(t, (_post, nth) =>
      nth === 1 ? { status: 429, headers: { "retry-after": "0.2" } } : {},
    );
    const target = new Receiver({ url: receiver.url, secret: null, allowPrivate: true });
    const { signal } = new AbortController();
    assert.deepEqual(await target.post("{}", "key", signal), {
      reason: "the receiver answered 429",
      retryAfterMs: 200,
    });
    assert.equal(await target.post("{}", "key", signal), null);
    await target.close();
    assert.deepEqual([1, 2, 9, 10, 40].map(newsBackOff), [1_000, 2_000, 256_000, 300_000, 300_000]);
  });

  test("holds no call up while its receiver hangs, and waits within a bound", async (t) => {
    const hang = gate();
    t.after(() => hang.open());
    const receiver = await startWebhookReceiver(t, () => ({ after: hang.opened }));
    const server = await startServer(t, {
      WEBHOOK_URL: receiver.url,
      WEBHOOK_EVENTS: ALL,
      ALERT_WEBHOOK_URL: receiver.url,
    });
    // Its receiver has answered nothing, and each of them is through.
    for (const n of [1, 2, 3]) await complain(server.wsUrl, `CA-${n}`);
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    const waiting = Number(/^voice_agent_webhook_news_waiting (\d+)$/m.exec(metrics)?.[1]);
    assert.ok(waiting > 10, `${waiting} wait`);
    await server.close();
  });

  test("loses the oldest, and counts it, when too much waits", async (t) => {
    const hang = gate();
    const receiver = await startWebhookReceiver(t, () => ({ after: hang.opened }));
    const target = new Receiver({ url: receiver.url, secret: null, allowPrivate: true });
    const queue = new NewsQueue({ receiver: target, name: "WEBHOOK_URL", log, maxWaiting: 10 });
    for (let n = 1; n <= 25; n += 1) {
      const sessionId = `call-${n % 5}`;
      queue.push({ sessionId, key: `${sessionId}:${n}`, body: "{}" });
    }
    assert.equal(queue.waiting, 10);
    assert.equal(queue.lost, 15);
    hang.open();
    await receiver.until((posts) => posts.some(({ headers }) => headers["idempotency-key"] === "call-0:25"));
    await queue.close();
    assert.equal(queue.waiting, 0);
  });

  test("goes out before the server ends, if the receiver takes it", async (t) => {
    const receiver = await startWebhookReceiver(t);
    const target = new Receiver({ url: receiver.url, secret: null, allowPrivate: true });
    const queue = new NewsQueue({ receiver: target, name: "WEBHOOK_URL", log });
    for (let n = 1; n <= 40; n += 1) queue.push({ sessionId: `call-${n}`, key: `${n}`, body: "{}" });
    await queue.close();
    assert.equal(receiver.posts.length, 40);
    assert.equal(queue.lost, 0);
  });
});

describe("a channel of people", () => {
  test("reads who is in need, the last words and where to look", async (t) => {
    const chat = await startWebhookReceiver(t);
    const { wsUrl } = await startServer(t, { ALERT_WEBHOOK_URL: chat.url });
    await complain(wsUrl);
    await chat.until((posts) => posts.some(({ raw }) => raw.includes("Escalation")));
    const texts = chat.posts.map(({ body }) => String(body.text));
    const escalation = texts.find((text) => text.startsWith("Escalation"));
    assert.match(
      escalation ?? "",
      /^Escalation: The caller is being transferred \(the caller is upset\)\.\nsupport-agent · CA-1\nThe caller: “I can't believe how terrible this service is!”\nhttps:\/\/voice\.example\.com\/console#\/live\/[\w-]+$/,
    );
    // The escalation is told of once, and not as an alert as well.
    assert.ok(texts.every((text) => !text.includes("out of patience")));
  });

  test("shows what a caller says as it is: it makes no link and mentions nobody", () => {
    const lastWords = "<!channel> @here [click](http://evil.example) `code` *bold*\n# title";
    const { text } = JSON.parse(
      chatMessage("Alert: x", { agent: null, callId: null, lastWords, link: "http://localhost/console" }),
    );
    assert.equal(
      text,
      "Alert: x\nThe caller: “‹!channel› ＠here ⟦click⟧(http://evil.example) code bold # title”\nhttp://localhost/console",
    );
  });
});

describe("a private address", () => {
  test("is every one that is not of the public internet, however it is written", () => {
    for (const address of [
      "127.0.0.1",
      "10.1.2.3",
      "172.31.255.255",
      "192.168.0.1",
      "169.254.169.254",
      "100.100.100.100",
      "0.0.0.0",
      "255.255.255.255",
      "::1",
      "::",
      "::ffff:127.0.0.1",
      "::ffff:8.8.8.8",
      "64:ff9b::7f00:1",
      "2002:7f00:1::",
      "fd00::1",
      "fe80::1%eth0",
      "not an address",
    ]) {
      assert.ok(isPrivateAddress(address), address);
    }
    for (const address of ["8.8.8.8", "172.32.0.1", "1.1.1.1", "2606:4700:4700::1111"]) {
      assert.ok(!isPrivateAddress(address), address);
    }
    const octet = fc.integer({ min: 0, max: 255 });
    fc.assert(
      fc.property(fc.constantFrom("127", "10"), octet, octet, octet, (first, ...rest) =>
        isPrivateAddress([first, ...rest].join(".")),
      ),
    );
  });

  for (const host of [
    "127.0.0.1",
    "localhost",
    "[::1]",
    "10.0.0.7",
    "2130706433",
    "0x7f.1",
    "a.localhost.",
  ]) {
    test(`is refused at the start: ${host}`, () => {
      for (const name of ["WEBHOOK_URL", "ALERT_WEBHOOK_URL"]) {
        const env = { [name]: `http://${host}:9/hook`, WEBHOOK_SECRET: SECRET };
        assert.throws(
          () => parseConfig(env),
          (error: unknown) =>
            error instanceof ConfigError &&
            error.message.includes(`${name}: `) &&
            error.message.includes("WEBHOOK_ALLOW_PRIVATE=true"),
        );
        parseConfig({ ...env, WEBHOOK_ALLOW_PRIVATE: "true" });
      }
    });
  }

  for (const host of ["localhost", "127.0.0.1"]) {
    test(`is refused when ${host} is connected to, and nothing is sent`, async (t) => {
      const receiver = await startWebhookReceiver(t);
      const url = receiver.url.replace("127.0.0.1", host);
      const target = new Receiver({ url, secret: SECRET, allowPrivate: false });
      const refusal = await target.post("{}", "key", new AbortController().signal);
      assert.match(refusal?.reason ?? "", /is a private address: set WEBHOOK_ALLOW_PRIVATE=true/);
      assert.equal(receiver.posts.length, 0);
      await target.close();
    });
  }
});
