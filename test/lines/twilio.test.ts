import assert from "node:assert/strict";
import test, { after, before, describe } from "node:test";
import { WebSocket } from "ws";
import { parseConfig } from "../../lib/config.ts";
import { ConfigError } from "../../lib/errors.ts";
import { isSignedByTwilio } from "../../lib/lines/twilio-signature.ts";
import { element, twimlResponse } from "../../lib/lines/twiml.ts";
import { type LineServer, startLineServer } from "../support/line-server.ts";
import { PUBLIC_URL, TWILIO_TOKEN, twilioSignature } from "../support/phones.ts";

describe("a signature", () => {
  const fields = {
    CallSid: "CA1234567890ABCDE",
    Caller: "+14158675309",
    Digits: "1234",
    From: "+14158675309",
    To: "+18005551212",
  };
  const isRight = (signature: string, url: string, form: Record<string, string | string[]> = fields) =>
    isSignedByTwilio("12345", signature, url, form);
  const url = "https://mycompany.com/myapp.php?foo=1&bar=2";

  // From the validation tests that Twilio publishes with its library for Node.
  for (const [what, signature, address] of [
    ["of a form", "RSOYDt4T1cUTdK1PDd93/VVr8B8=", url],
    [
      "of a URL whose port the sender left out",
      "RSOYDt4T1cUTdK1PDd93/VVr8B8=",
      url.replace(".com", ".com:1234"),
    ],
    [
      "with a port of its own",
      "Zmvh+3yNM1Phv2jhDCwEM3q5ebU=",
      "http://mycompany.com:1234/myapp.php?foo=1&bar=2",
    ],
    ["with the port of https", "kvajT1Ptam85bY51eRf/AJRuM3w=", url],
    ["with the port of http", "0ZXoZLH/DfblKGATFgpif+LLRf4=", url.replace("https", "http")],
    ["with a user and a password", "CukzLTc1tT5dXEDIHm/tKBanW10=", url.replace("//", "//user:pass@")],
    ["with a user", "2YRLlVAflCqxaNicjMpJcSTgzSs=", url.replace("//", "//user@")],
    ["with both and a port", "ZQFR1PTIZXF2MXB8ZnKCvnnA+rI=", url.replace("//", "//user:pass@")],
    ["with special characters", "dsq4Ehbj6cs+KdTkpF5sSSplOWw=", `${url}&Body=It's+amazing`],
  ] as const) {
    test(`${what} is right, and no other is`, () => {
      assert.ok(isRight(signature, address));
      assert.ok(!isRight(signature, address, { ...fields, Digits: "1235" }));
      assert.ok(!isRight(signature, address.replace("myapp", "yourapp")));
      assert.ok(!isRight(`${signature.slice(0, -2)}a=`, address));
      assert.ok(!isRight("", address));
    });
  }

  test("of a field with several values has each once, in their order", () => {
    for (const numbers of [
      ["+1325xxxxxxx", "+1415xxxxxxx"],
      ["+1415xxxxxxx", "+1325xxxxxxx"],
    ]) {
      assert.ok(isRight("83O6e2vORAoJHUNzJjDWN1jz+BA=", url, { "MessagingBinding.Address": numbers }));
    }
    const digits = { Sid: "CA123", SidAccount: "AC123", Digits: ["5678", "1234", "1234"] };
    assert.ok(isRight("IK+Dwps556ElfBT0I3Rgjkr1wJU=", url, digits));
  });

  test("of an upgrade may be over wss or https, with its port or without, and over its query as fields", () => {
    const at = "wss://voice.example.com/twilio";
    const sign = (text: string, form = {}) => twilioSignature("12345", text, form);
    for (const signed of [at, at.replace("wss", "https"), at.replace(".com", ".com:443")]) {
      assert.ok(isRight(sign(signed), at, {}), signed);
    }
    assert.ok(isRight(sign(at, { a: "1" }), `${at}?a=1`, {}));
    assert.ok(!isRight(sign(at.replace("example", "evil")), at, {}));
  });
});

test("TwiML holds any text, and only what XML can hold", () => {
  const xml = twimlResponse(element("Say", { voice: 'a"b' }, "<b>&'\u0000\ud800 ok 🙂"));
  assert.equal(
    xml,
    '<?xml version="1.0" encoding="UTF-8"?><Response><Say voice="a&quot;b">&lt;b&gt;&amp;&apos; ok 🙂</Say></Response>',
  );
});

describe("Twilio's routes", () => {
  let server: LineServer;
  before(async () => {
    server = await startLineServer({
      TRANSFER_TYPE: "warm",
      RELAY_ATTRIBUTES: '{"language":"en-GB","hints":"refund & return","parameters":{"shop":"books"}}',
    });
  });
  after(() => server.close());

  const post = (path: string, fields: Record<string, string>, headers: Record<string, string> = {}) =>
    fetch(`${server.url}/twilio/${path}`, {
      method: "POST",
      body: new URLSearchParams(fields),
      headers: {
        "x-twilio-signature": twilioSignature(TWILIO_TOKEN, `${PUBLIC_URL}/twilio/${path}`, fields),
        ...headers,
      },
    });

  test("refuse what is not signed, signed for another host, or told to be of one", async () => {
    const fields = { CallSid: "CA1" };
    const evil = twilioSignature(TWILIO_TOKEN, "https://evil.example/twilio/voice", fields);
    for (const path of ["voice", "action", "dial", "status", "whisper", "accept"]) {
      assert.equal((await post(path, fields, { "x-twilio-signature": "" })).status, 403);
    }
    const forwarded = { "x-forwarded-host": "evil.example", "x-forwarded-proto": "https" };
    const response = await post("voice", fields, { "x-twilio-signature": evil, ...forwarded });
    assert.equal(response.status, 403);
    assert.equal((await post("voice", fields)).status, 200);
  });

  test("refuse an upgrade with 403, before the handshake", async () => {
    const socket = new WebSocket(`${server.url.replace("http", "ws")}/twilio`, {
      headers: { "x-twilio-signature": "bm90IHJpZ2h0IGF0IGFsbCE=" },
    });
    const error = await new Promise<Error>((resolve) => socket.once("error", resolve));
    assert.match(error.message, /403/);
  });

  test("answer a call with the configured attributes", async () => {
    const twiml = await (await post("voice", { CallSid: "CA1" })).text();
    assert.match(twiml, /<Connect action="https:\/\/voice.example.com\/twilio\/action"><ConversationRelay /);
    assert.match(twiml, / language="en-GB"/);
    assert.match(twiml, / hints="refund &amp; return"/);
    assert.match(twiml, / dtmfDetection="true"/);
    assert.match(twiml, /<Parameter name="shop" value="books"\/>/);
  });

  const atSupervisor = async (callSid: string) => {
    const url = "wss://voice.example.com/twilio";
    const socket = new WebSocket(`${server.url.replace("http", "ws")}/twilio`, {
      headers: { "x-twilio-signature": twilioSignature(TWILIO_TOKEN, url, {}) },
    });
    const ended = new Promise<{ handoffData: string }>((resolve) =>
      socket.on("message", (data) => {
        const frame = JSON.parse(data.toString());
        if (frame.type === "end") resolve(frame);
      }),
    );
    await new Promise((resolve) => socket.once("open", resolve));
    server.mock.onChat(() => ({
      kind: "toolCalls",
      calls: [{ name: "transfer_to_supervisor", arguments: "{}" }],
    }));
    socket.send(JSON.stringify({ type: "setup", callSid, from: "+1", to: "+2" }));
    socket.send(
      JSON.stringify({ type: "prompt", voicePrompt: "my card is 4111 1111 1111 1111", last: true }),
    );
    const { handoffData } = await ended;
    socket.close();
    return handoffData;
  };

  test("whisper the briefing, and count the call as answered when a key is pressed", async () => {
    const handoff = await atSupervisor("CAwarm");
    assert.doesNotMatch(handoff, /4111 ?1111/);
    const dial = await (await post("action", { CallSid: "CAwarm", HandoffData: handoff })).text();
    assert.match(dial, /url="https:\/\/voice.example.com\/twilio\/whisper"/);
    const leg = { CallSid: "CAleg", ParentCallSid: "CAwarm", CallStatus: "in-progress" };
    await post("status", leg);
    assert.match(
      await (await post("whisper", leg)).text(),
      /<Gather [^>]*numDigits="1".*The caller began with/,
    );
    const { transfers } = await server.record("CAwarm", (call) => call.transfers.length > 0);
    assert.equal(transfers[0]?.outcome, "requested", "it has been picked up, and not been taken yet");
    await post("accept", { ...leg, Digits: "5" });
    assert.equal((await server.record("CAwarm")).transfers[0]?.outcome, "answered");
  });

  test("bring the caller back when nobody presses a key", async () => {
    const handoff = await atSupervisor("CAdeclined");
    await post("action", { CallSid: "CAdeclined", HandoffData: handoff });
    const fields = { CallSid: "CAdeclined", CallStatus: "in-progress", DialCallStatus: "completed" };
    assert.match(await (await post("dial", fields)).text(), /<ConversationRelay/);
  });

  test("note a caller who leaves while it rings", async () => {
    const handoff = await atSupervisor("CAleft");
    await post("action", { CallSid: "CAleft", HandoffData: handoff });
    const fields = { CallSid: "CAleft", CallStatus: "completed", DialCallStatus: "no-answer" };
    assert.match(await (await post("dial", fields)).text(), /<Hangup\/>/);
    const { transfers, end_reason } = await server.record("CAleft");
    assert.deepEqual([transfers[0]?.outcome, end_reason], ["caller_left", "client_closed"]);
  });

  test("dial also for a call that this process knows nothing of", async () => {
    const handoff = JSON.stringify({
      type: "transfer",
      number: "+15550100",
      kind: "cold_transfer",
      briefing: "",
    });
    const twiml = await (await post("action", { CallSid: "CAunknown", HandoffData: handoff })).text();
    assert.match(twiml, /<Number [^>]*>\+15550100</);
    assert.match(await (await post("action", { CallSid: "CAx", HandoffData: "{" })).text(), /<Hangup\/>/);
  });
});

test("settings that cannot work are refused at the start", () => {
  for (const env of [
    { TWILIO_AUTH_TOKEN: "a-long-token" },
    { RELAY_ATTRIBUTES: '{"voise":"x"}' },
    { RELAY_ATTRIBUTES: "{" },
    { RETELL_SECRET: "short" },
    { RETELL_SECRET: "long-enough-for-it", WORKERS: "2" },
  ]) {
    assert.throws(() => parseConfig(env), ConfigError);
  }
});
