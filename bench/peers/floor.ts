import { createServer } from "node:http";
import { Agent, request } from "undici";
import { WebSocketServer } from "ws";

/*
 * What the work costs at the very least in Node: `ws` on one side, undici on the other, a stream parsed by hand, and a
 * frame put together by hand. No errors are handled, so nobody should run it.
 */

const url = `${process.env.OPENAI_BASE_URL}/chat/completions`;
const headers = { authorization: `Bearer ${process.env.OPENAI_API_KEY}`, "content-type": "application/json" };
const dispatcher = new Agent({ pipelining: 1 });
const model = "gpt-6-luna";
const END = "\n\n";

const http = createServer((_request, response) => response.end("ready"));
const sockets = new WebSocketServer({ server: http, perMessageDeflate: false, skipUTF8Validation: true });

sockets.on("connection", (socket) => {
  const messages: object[] = [];
  let running: AbortController | null = null;
  const send = (type: string, rest = "") =>
    socket.send(`{"type":"${type}"${rest},"timestamp":"${new Date().toISOString()}"}`, { binary: true });

  const answer = async (signal: AbortSignal) => {
    const end = () => send("agent.llm.response.end");
    send("agent.llm.response.start");
    const body = JSON.stringify({
      model,
      messages: [{ role: "system", content: "You are a support agent." }, ...messages.slice(-200)],
      stream: true,
      stream_options: { include_usage: true },
    });
    const response = await request(url, { method: "POST", headers, body, signal, dispatcher }).catch(
      () => null,
    );
    if (!response) return end();
    let rest = "";
    response.body.setEncoding("utf8");
    response.body.on("data", (piece: string) => {
      rest += piece;
      let from = 0;
      for (let to = rest.indexOf(END); to >= 0; to = rest.indexOf(END, from)) {
        const data = rest.slice(from + "data: ".length, to);
        from = to + END.length;
        if (data === "[DONE]") continue;
        const text = JSON.parse(data).choices[0]?.delta.content;
        if (text) send("agent.llm.response.chunk", `,"text":${JSON.stringify(text)}`);
      }
      rest = rest.slice(from);
    });
    response.body.on("error", end);
    response.body.on("end", end);
  };

  const judge = async (content: string) => {
    const system = "Judge the mood of a customer, in one word.";
    const body = JSON.stringify({
      model,
      max_tokens: 5,
      messages: [
        { role: "system", content: system },
        { role: "user", content },
      ],
    });
    const response = await request(url, { method: "POST", headers, body, dispatcher });
    await response.body.json();
  };

  socket.on("message", (data) => {
    const event = JSON.parse(data.toString());
    switch (event.type) {
      case "system.init":
        send("agent.ready");
        break;
      case "system.user.joined":
        send("agent.speak", ',"text":"Hello! How can I help?"');
        break;
      case "agent.transcript.update":
        messages.push({ role: event.role, content: event.content });
        if (event.role === "user") void judge(event.content);
        break;
      case "system.llm.request":
        running = new AbortController();
        void answer(running.signal);
        break;
      case "system.control.interrupt":
        running?.abort();
        break;
    }
  });
  socket.on("close", () => running?.abort());
});

http.listen(Number(process.env.PORT), "127.0.0.1");
process.once("SIGTERM", () => process.exit());
