import assert from "node:assert/strict";
import { createHmac, randomUUID } from "node:crypto";
import { EventEmitter, once } from "node:events";
import { WebSocket } from "ws";

/*
 * Callers on every line, each with the frames of its platform as its documentation has them, on real sockets. A test
 * talks to all of them alike.
 */

export const TWILIO_TOKEN = "a-token-of-twilio";
export const TELNYX_SECRET = "a-secret-of-telnyx";
export const RETELL_SECRET = "a-secret-of-retell";
export const CALL_TOKEN = "a-token-of-callers";
export const PUBLIC_URL = "https://voice.example.com";

/** A hang, not a delay: a machine that does ten things at once takes seconds. */
const GUARD_MS = 30_000;

export type Outcome = "answered" | "no_answer" | "busy";

/** What a platform can do. What it cannot is in docs/lines.md, and the table of conversations leaves it out. */
export type Abilities = {
  /** Whether the agent can say something that nobody asked for. */
  speaksFirst: boolean;
  keys: boolean;
  /** Whether it tells how a transfer ended. */
  transferOutcome: boolean;
  /** Whether the platform transfers on its own, so that the call is over here when it does. */
  ownTransfer: boolean;
  /** Whether a broken connection can be taken up again. */
  reconnects: boolean;
  /** Whether a caller who hangs up is noticed. */
  hangsUp: boolean;
};

/** A caller's telephone. */
export type Phone = {
  readonly callId: string;
  /** The agent's next utterance, to its end. */
  hears(): Promise<string>;
  says(text: string): void;
  /** Cuts the agent short, who had said so much. */
  interrupts(spoken: string): void;
  /** The agent's words so far, without waiting for the end. */
  hearsPart(): Promise<string>;
  presses(digit: string): void;
  /** Waits until the platform is told to transfer. @returns the number. */
  isTransferred(): Promise<string>;
  transferEnds(outcome: Outcome): Promise<void>;
  /** Sends something that is none of its frames. */
  sendsGarbage(garbage: string): void;
  /** Takes no more bytes, and stays. */
  stopsReading(): void;
  /** Breaks the connection and makes another. */
  reconnects(): Promise<void>;
  hangsUp(): Promise<void>;
  /** Resolves when the platform has been told that the call is over, or the connection is closed. */
  isOver(): Promise<void>;
};

export type Platform = { name: string; can: Abilities; dial(url: string): Promise<Phone> };

type Frame = Record<string, unknown>;

/** Frames of one connection, to be taken one by one. */
class Wire {
  readonly socket: WebSocket;
  readonly closed: Promise<unknown>;
  readonly #frames: Frame[] = [];
  readonly #news = new EventEmitter();
  #isClosed = false;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("message", (data) => {
      this.#frames.push(JSON.parse(data.toString()));
      this.#news.emit("news");
    });
    this.closed = new Promise<void>((resolve) => socket.once("close", () => resolve())).then(() => {
      this.#isClosed = true;
      this.#news.emit("news");
    });
    socket.on("error", () => {});
  }

  static async open(url: string, options: { headers?: Record<string, string>; protocol?: string } = {}) {
    const { headers = {}, protocol } = options;
    const socket = protocol ? new WebSocket(url, protocol, { headers }) : new WebSocket(url, { headers });
    const wire = new Wire(socket);
    await once(socket, "open");
    return wire;
  }

  send(frame: object): void {
    this.socket.send(JSON.stringify(frame));
  }

  /** The next frame, null when there will be none. */
  async next(): Promise<Frame | null> {
    const guard = AbortSignal.timeout(GUARD_MS);
    for (;;) {
      const frame = this.#frames.shift();
      if (frame) return frame;
      if (this.#isClosed) return null;
      await once(this.#news, "news", { signal: guard });
    }
  }

  async find(is: (frame: Frame) => boolean): Promise<Frame> {
    for (;;) {
      const frame = await this.next();
      assert.ok(frame, "the connection was closed before the frame came");
      if (is(frame)) return frame;
    }
  }

  async close(): Promise<void> {
    // One that reads nothing would not read the other side's goodbye either.
    if (this.socket.isPaused) this.socket.terminate();
    else this.socket.close();
    await this.closed;
  }
}

const wsOf = (url: string) => url.replace(/^http/, "ws");
const str = (value: unknown) => (typeof value === "string" ? value : "");
const obj = (value: unknown): Frame => Object(value);

async function dialAtoms(url: string): Promise<Phone> {
  const callId = randomUUID();
  const wire = await Wire.open(`${wsOf(url)}/ws?token=${CALL_TOKEN}`);
  const send = (frame: object) => wire.send({ timestamp: new Date().toISOString(), ...frame });
  const caller = {
    user_number: "+15550001",
    agent_number: "+15550002",
    direction: "inbound",
    call_id: callId,
  };
  send({
    type: "system.init",
    version: "1",
    session_context: { initial_variables: {}, conversation_type: "telephonyInbound", caller },
  });
  await wire.find(({ type }) => type === "agent.ready");
  send({ type: "system.user.joined" });
  return {
    callId,
    async hears() {
      let said = "";
      for (;;) {
        const frame = await wire.next();
        if (!frame) return said;
        if (frame.type === "agent.speak") return str(frame.text);
        if (frame.type === "agent.llm.response.chunk") said += str(frame.text);
        if (frame.type === "agent.llm.response.end") return said;
      }
    },
    hearsPart: async () => str((await wire.find(({ type }) => type === "agent.llm.response.chunk")).text),
    says(text) {
      send({ type: "agent.transcript.update", role: "user", content: text });
      send({ type: "system.llm.request" });
    },
    interrupts(spoken) {
      send({ type: "system.control.interrupt" });
      send({ type: "agent.transcript.update", role: "assistant", content: spoken });
    },
    presses: () => assert.fail("this line has no keys"),
    isTransferred: async () =>
      str((await wire.find(({ type }) => type === "agent.transfer_call")).transfer_call_number),
    transferEnds: () => wire.close(),
    sendsGarbage: (garbage) => wire.socket.send(garbage),
    stopsReading: () => wire.socket.pause(),
    reconnects: () => assert.fail("this line does not reconnect"),
    hangsUp: () => wire.close(),
    async isOver() {
      await wire.find(({ type }) => type === "agent.end_call");
      await wire.close();
    },
  };
}

/** @param base the path of its routes. @param sign the headers of a request to this URL with these fields. */
async function dialRelay(
  url: string,
  base: string,
  sign: (url: string, fields: Record<string, string>) => Record<string, string>,
): Promise<Phone> {
  const callId = `CA${randomUUID().replaceAll("-", "")}`;
  const post = async (path: string, fields: Record<string, string>) => {
    const all = { CallSid: callId, CallStatus: "in-progress", ...fields };
    const response = await fetch(`${url}${base}/${path}`, {
      method: "POST",
      headers: sign(`${PUBLIC_URL}${base}/${path}`, all),
      body: new URLSearchParams(all),
    });
    assert.equal(response.status, 200, `${path}: ${response.status}`);
    return response.text();
  };
  const connect = async (twiml: string) => {
    const to = /<ConversationRelay url="([^"]+)"/.exec(twiml)?.[1] ?? assert.fail(`no relay in ${twiml}`);
    assert.equal(to, `${PUBLIC_URL.replace("https", "wss")}${base}`);
    const made = await Wire.open(`${wsOf(url)}${base}`, { headers: sign(to, {}) });
    made.send({
      type: "setup",
      sessionId: "VX1",
      callSid: callId,
      from: "+15550001",
      to: "+15550002",
      direction: "inbound",
    });
    return made;
  };
  let wire = await connect(await post("voice", {}));
  return {
    callId,
    async hears() {
      let said = "";
      for (;;) {
        const frame = await wire.next();
        if (!frame || frame.type === "end") return said;
        said += str(frame.token);
        if (frame.last === true) return said;
      }
    },
    hearsPart: async () => str((await wire.find(({ token }) => token !== "")).token),
    says: (voicePrompt) => wire.send({ type: "prompt", voicePrompt, lang: "en-US", last: true }),
    interrupts: (spoken) =>
      wire.send({ type: "interrupt", utteranceUntilInterrupt: spoken, durationUntilInterruptMs: "460" }),
    presses: (digit) => wire.send({ type: "dtmf", digit }),
    async isTransferred() {
      await wire.find(({ type }) => type === "end");
      await wire.close();
      const twiml = await post("action", { SessionStatus: "ended" });
      assert.match(twiml, /<Dial [^>]*timeout="30"/);
      return /<Number[^>]*>([^<]+)</.exec(twiml)?.[1] ?? assert.fail(twiml);
    },
    async transferEnds(outcome) {
      if (outcome === "answered") {
        await post("status", { CallSid: "CAother", ParentCallSid: callId });
        assert.match(await post("dial", { DialCallStatus: "completed" }), /<Hangup\/>/);
        return;
      }
      const twiml = await post("dial", { DialCallStatus: outcome.replace("_", "-") });
      wire = await connect(twiml);
    },
    sendsGarbage: (garbage) => wire.socket.send(garbage),
    stopsReading: () => wire.socket.pause(),
    async reconnects() {
      wire.socket.terminate();
      await wire.closed;
      wire = await connect(await post("action", { ErrorCode: "64105", SessionStatus: "failed" }));
    },
    async hangsUp() {
      await wire.close();
      await post("action", { CallStatus: "completed", SessionStatus: "completed" });
    },
    async isOver() {
      await wire.find(({ type }) => type === "end");
      await wire.close();
      assert.match(await post("action", { SessionStatus: "ended" }), /<Hangup\/>/);
    },
  };
}

/** Twilio's rule in its own words: the URL, then each field's name and value in the order of the names. */
export function twilioSignature(
  token: string,
  url: string,
  fields: Readonly<Record<string, string>>,
): string {
  const text = Object.keys(fields)
    .sort()
    .reduce((so, name) => `${so}${name}${fields[name]}`, url);
  return createHmac("sha1", token).update(text, "utf8").digest("base64");
}

async function dialRetell(url: string): Promise<Phone> {
  const callId = `call_${randomUUID().replaceAll("-", "")}`;
  const transcript: { role: "user" | "agent"; content: string }[] = [];
  let id = 0;
  const connect = async () => {
    const made = await Wire.open(`${wsOf(url)}/retell/${RETELL_SECRET}/${callId}`);
    await made.find(({ response_type }) => response_type === "config");
    const call = { call_id: callId, from_number: "+15550001", to_number: "+15550002", direction: "inbound" };
    made.send({ interaction_type: "call_details", call });
    return made;
  };
  let wire = await connect();
  let seen: Frame | null = null;
  let part = "";
  const take = async (): Promise<string> => {
    let said = part;
    part = "";
    for (;;) {
      const frame = await wire.next();
      if (!frame) return said;
      if (frame.response_type !== "response" && frame.response_type !== "agent_interrupt") continue;
      if (frame.response_type === "response" && frame.response_id !== id) continue;
      said += str(frame.content);
      if ("transfer_number" in frame || "end_call" in frame) seen = frame;
      if (frame.content_complete === true) return said;
    }
  };
  const seek = async (key: string) => {
    while (!seen || !(key in seen)) {
      if ((await take()) === "" && wire.socket.readyState === WebSocket.CLOSED) assert.fail(`no ${key}`);
    }
    return seen[key];
  };
  return {
    callId,
    async hears() {
      const said = await take();
      transcript.push({ role: "agent", content: said });
      return said;
    },
    async hearsPart() {
      part = str((await wire.find(({ content }) => str(content) !== "")).content);
      return part;
    },
    says(content) {
      id += 1;
      transcript.push({ role: "user", content });
      wire.send({ interaction_type: "response_required", response_id: id, transcript });
    },
    interrupts(spoken) {
      part = "";
      if (transcript.at(-1)?.role === "agent") transcript.pop();
      transcript.push({ role: "agent", content: spoken });
    },
    presses: () => assert.fail("this line has no keys"),
    isTransferred: async () => str(await seek("transfer_number")),
    transferEnds: () => wire.close(),
    sendsGarbage: (garbage) => wire.socket.send(garbage),
    stopsReading: () => wire.socket.pause(),
    async reconnects() {
      wire.socket.terminate();
      await wire.closed;
      wire = await connect();
    },
    hangsUp: () => wire.close(),
    async isOver() {
      await seek("end_call");
      await wire.close();
    },
  };
}

/** Frames to jambonz, for whoever validates them. */
export const jambonzFrames: Frame[] = [];

async function dialJambonz(url: string): Promise<Phone> {
  const callId = randomUUID();
  let spoken = "";
  let isDeaf = false;
  const queue: string[] = [];
  const verbs: Frame[] = [];
  const news = new EventEmitter();
  let msg = 0;
  const connect = async (type: string) => {
    const made = await Wire.open(`${wsOf(url)}/jambonz?token=${CALL_TOKEN}`, { protocol: "ws.jambonz.org" });
    assert.equal(made.socket.protocol, "ws.jambonz.org");
    made.send({
      type,
      msgid: "m0",
      call_sid: callId,
      data: {
        from: "+15550001",
        to: "+15550002",
        direction: "inbound",
        call_id: "sip",
        sip: { headers: {} },
      },
    });
    void listen(made);
    return made;
  };
  const listen = async (from: Wire) => {
    let waiting: unknown = null;
    for (let frame = await from.next(); frame; frame = await from.next()) {
      jambonzFrames.push(frame);
      const data = obj(frame.data);
      if (frame.type === "command" && frame.command === "tts:tokens") {
        assert.equal(waiting, null, "one piece at a time");
        waiting = data.id;
        spoken += str(data.tokens);
        setImmediate(() => {
          waiting = null;
          if (isDeaf) return;
          if (from.socket.readyState === WebSocket.OPEN) {
            from.send({ type: "tts:tokens-result", data: { id: data.id, status: "ok" } });
          }
        });
      } else if (frame.command === "tts:flush") {
        queue.push(spoken);
        spoken = "";
      } else if (frame.command === "redirect" && Array.isArray(frame.data)) {
        verbs.push(...frame.data);
      }
      news.emit("news");
    }
    news.emit("news");
  };
  const until = async <T>(find: () => T | undefined): Promise<T> => {
    const guard = AbortSignal.timeout(GUARD_MS);
    for (;;) {
      const found = find();
      if (found !== undefined) return found;
      await once(news, "news", { signal: guard });
    }
  };
  let wire = await connect("session:new");
  const hook = (name: string, data: object) => {
    msg += 1;
    wire.send({ type: "verb:hook", msgid: `h${msg}`, hook: name, data: { call_sid: callId, ...data } });
  };
  const verb = (name: string) => until(() => verbs.find((one) => one.verb === name));
  return {
    callId,
    hears: () => until(() => queue.shift()),
    hearsPart: () => until(() => (spoken === "" ? undefined : spoken)),
    says: (transcript) =>
      hook("/heard", {
        reason: "speechDetected",
        speech: { is_final: true, language_code: "en-US", alternatives: [{ transcript, confidence: 0.9 }] },
      }),
    interrupts(text) {
      spoken = "";
      wire.send({ type: "tts:streaming-event", data: { event_type: "user_interruption" } });
      wire.send({ type: "tts:streaming-event", data: { event_type: "tts_spoken", text, bargein: true } });
    },
    presses: (digits) => hook("/heard", { reason: "dtmfDetected", digits }),
    async isTransferred() {
      const { target } = await verb("transfer");
      return Array.isArray(target) ? str(obj(target[0]).number) : "";
    },
    async transferEnds(outcome) {
      hook(
        "/transferred",
        outcome === "answered"
          ? { transfer_result: "bridged", transfer_reason: "completed" }
          : { transfer_result: "returned", transfer_reason: outcome.replace("_", "-") },
      );
      if (outcome === "answered") await wire.close();
    },
    sendsGarbage: (garbage) => wire.socket.send(garbage),
    stopsReading: () => {
      isDeaf = true;
    },
    async reconnects() {
      wire.socket.terminate();
      await wire.closed;
      wire = await connect("session:reconnect");
    },
    hangsUp: () => wire.close(),
    async isOver() {
      await verb("hangup");
      await wire.close();
    },
  };
}

async function dialOpenAi(url: string): Promise<Phone> {
  const callId = randomUUID();
  const messages: { role: "user" | "assistant"; content: string }[] = [];
  const tools = ["transferCall", "endCall"].map((name) => ({
    type: "function",
    function: { name, parameters: { type: "object", properties: { destination: { type: "string" } } } },
  }));
  let abort = new AbortController();
  let reply: AsyncGenerator<Frame> | null = null;
  const calls: Frame[] = [];
  const post = () =>
    fetch(`${url}/v1/chat/completions`, {
      method: "POST",
      signal: abort.signal,
      headers: { "content-type": "application/json", authorization: `Bearer ${CALL_TOKEN}` },
      body: JSON.stringify({ model: "any", stream: true, messages, tools, call: { id: callId } }),
    });
  async function* read(posted: Promise<Response>): AsyncGenerator<Frame> {
    const response = await posted;
    assert.equal(response.status, 200);
    let text = "";
    const decoder = new TextDecoder();
    for await (const bytes of response.body ?? []) {
      text += decoder.decode(bytes, { stream: true });
      const events = text.split("\n\n");
      text = events.pop() ?? "";
      for (const event of events) {
        const json = event.slice("data: ".length);
        if (json === "[DONE]") return;
        yield obj(obj(obj(JSON.parse(json)).choices)[0]);
      }
    }
  }
  const next = async () => {
    const { value, done } = (await reply?.next()) ?? { value: undefined, done: true };
    const delta = done ? null : obj(value?.delta);
    if (Array.isArray(delta?.tool_calls)) calls.push(obj(obj(delta.tool_calls[0]).function));
    return delta;
  };
  let part = "";
  const hears = async () => {
    let said = part;
    part = "";
    for (let delta = await next(); delta; delta = await next()) said += str(delta.content);
    if (said !== "") messages.push({ role: "assistant", content: said });
    return said;
  };
  const called = async (name: string) => {
    await hears();
    return calls.find((one) => one.name === name) ?? assert.fail(`${name} was not called`);
  };
  return {
    callId,
    hears,
    async hearsPart() {
      for (let delta = await next(); delta; delta = await next()) {
        part += str(delta.content);
        if (part !== "") return part;
      }
      return part;
    },
    says(content) {
      messages.push({ role: "user", content });
      abort = new AbortController();
      const posted = post();
      // One that is given up is nobody's failure.
      posted.catch(() => {});
      reply = read(posted);
    },
    interrupts(spoken) {
      abort.abort();
      part = "";
      if (messages.at(-1)?.role === "assistant") messages.pop();
      if (spoken !== "") messages.push({ role: "assistant", content: spoken });
    },
    presses: () => assert.fail("this line has no keys"),
    async isTransferred() {
      return str(JSON.parse(str((await called("transferCall")).arguments)).destination);
    },
    transferEnds: async () => {},
    sendsGarbage(garbage) {
      void fetch(`${url}/v1/chat/completions`, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          authorization: `Bearer ${CALL_TOKEN}`,
          "x-call-id": callId,
        },
        body: garbage,
      });
    },
    stopsReading: () => {},
    reconnects: async () => {},
    hangsUp: async () => abort.abort(),
    isOver: async () => void (await called("endCall")),
  };
}

const none = {
  speaksFirst: true,
  keys: false,
  transferOutcome: false,
  ownTransfer: true,
  reconnects: false,
  hangsUp: true,
};

export const PLATFORMS: readonly Platform[] = [
  { name: "atoms", can: none, dial: dialAtoms },
  {
    name: "twilio",
    can: {
      speaksFirst: true,
      keys: true,
      transferOutcome: true,
      ownTransfer: false,
      reconnects: true,
      hangsUp: true,
    },
    dial: (url) =>
      dialRelay(url, "/twilio", (to, fields) => ({
        "x-twilio-signature": twilioSignature(TWILIO_TOKEN, to, fields),
      })),
  },
  {
    name: "telnyx",
    can: {
      speaksFirst: true,
      keys: true,
      transferOutcome: true,
      ownTransfer: false,
      reconnects: true,
      hangsUp: true,
    },
    dial: (url) => dialRelay(url, `/telnyx/${TELNYX_SECRET}`, () => ({})),
  },
  { name: "retell", can: { ...none, reconnects: true }, dial: dialRetell },
  {
    name: "jambonz",
    can: {
      speaksFirst: true,
      keys: true,
      transferOutcome: true,
      ownTransfer: false,
      reconnects: true,
      hangsUp: true,
    },
    dial: dialJambonz,
  },
  {
    name: "openai",
    can: { ...none, speaksFirst: false, ownTransfer: false, reconnects: true, hangsUp: false },
    dial: dialOpenAi,
  },
];
