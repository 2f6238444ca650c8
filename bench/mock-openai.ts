import { createServer, type Socket } from "node:net";
import { clockMs, type Mark, type MockSettings, mockCommandSchema } from "./messages.ts";

/*
 * An OpenAI-compatible server that costs as little as it can: it speaks just enough HTTP/1.1, and every answer is made
 * of buffers that are ready before the request comes. The test suite has another mock, which can be scripted;
 * this one only has to be faster than what it measures.
 */

const CONTENT_LENGTH = /content-length: *(\d+)/i;
/** Where an utterance carries the id of its turn. */
const TURN_ID = /#(call-\d+-\d+)/;
/** What a furious utterance holds. */
const FURIOUS = "furious";

const sse = (data: string) => {
  const text = `data: ${data}\n\n`;
  return Buffer.from(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`);
};
const delta = (fields: object, finish: string | null) =>
  sse(
    JSON.stringify({
      id: "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT",
      object: "chat.completion.chunk",
      created: 1741569952,
      model: "gpt-6-luna",
      service_tier: "default",
      system_fingerprint: "fp_44added55e",
      choices: [{ index: 0, delta: fields, logprobs: null, finish_reason: finish }],
      usage: null,
    }),
  );
const HEAD = Buffer.from(
  "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n",
);
const TOKEN = delta({ content: " token" }, null);
const usage = { prompt_tokens: 100, completion_tokens: 60, total_tokens: 160 };
const TAIL = Buffer.concat([
  delta({}, "stop"),
  sse(JSON.stringify({ id: "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT", choices: [], usage })),
  sse("[DONE]"),
  Buffer.from("0\r\n\r\n"),
]);
const FIRST = Buffer.concat([delta({ role: "assistant", content: "" }, null), TOKEN]);

function verdict(word: string): Buffer {
  const message = { role: "assistant", content: word };
  const body = JSON.stringify({
    id: "chatcmpl-verdict",
    object: "chat.completion",
    created: 1741569952,
    model: "gpt-6-luna",
    choices: [{ index: 0, message, logprobs: null, finish_reason: "stop" }],
    usage,
  });
  return Buffer.from(
    `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
const CALM = verdict("neutral");
const ANGRY = verdict("frustrated");

let settings: MockSettings = { tokens: 60, paceMs: 30, firstTokenMs: 0, verdictMs: 0 };
let left: Mark[] = [];

const server = createServer((socket) => {
  let waiting: Buffer | null = null;
  /** The answer that is being sent on this connection. */
  let answering: string | null = null;
  socket.setNoDelay(true);
  socket.on("data", (data: Buffer) => {
    const all: Buffer = waiting ? Buffer.concat([waiting, data]) : data;
    const end = all.indexOf("\r\n\r\n");
    const length = end < 0 ? null : CONTENT_LENGTH.exec(all.toString("latin1", 0, end + 2));
    const whole = end >= 0 && all.length >= end + 4 + Number(length?.[1] ?? 0);
    waiting = whole ? null : all;
    if (!whole) return;
    // Of a long conversation only the end is looked at: there the last utterance stands.
    const body = all.toString("latin1", end + 4);
    const tail = body.slice(Math.max(body.lastIndexOf("#call-"), 0));
    if (/"stream": ?true/.test(body)) {
      answering = TURN_ID.exec(tail)?.[1] ?? "unknown";
      answer(socket, () => {
        answering = null;
      });
    } else {
      later(settings.verdictMs, () => socket.write(tail.includes(FURIOUS) ? ANGRY : CALM));
    }
  });
  socket.on("error", () => socket.destroy());
  socket.on("close", () => {
    if (answering !== null) left.push({ id: answering, at: clockMs() });
  });
});

function answer(socket: Socket, done: () => void): void {
  const { tokens, paceMs, firstTokenMs } = settings;
  let sent = 1;
  const finish = () => {
    done();
    socket.write(TAIL);
  };
  const next = () => {
    if (socket.destroyed) return;
    if (sent === tokens) return finish();
    sent += 1;
    socket.write(TOKEN);
    setTimeout(next, paceMs);
  };
  later(firstTokenMs, () => {
    if (socket.destroyed) return;
    socket.write(Buffer.concat([HEAD, FIRST]));
    if (paceMs > 0) setTimeout(next, paceMs);
    else {
      socket.write(Buffer.concat(new Array<Buffer>(tokens - 1).fill(TOKEN)));
      finish();
    }
  });
}

function later(ms: number, act: () => void): void {
  if (ms > 0) setTimeout(act, ms);
  else act();
}

process.on("message", (message) => {
  const command = mockCommandSchema.parse(message);
  if (command.do === "set") settings = command.settings;
  process.send?.({ left });
  left = [];
});
process.on("disconnect", () => process.exit());

server.listen(0, "127.0.0.1", () => process.send?.(server.address()));
