import fastifyWebsocket from "@fastify/websocket";
import Fastify from "fastify";
import OpenAI from "openai";
import type { ChatCompletionMessageParam } from "openai/resources/chat/completions";

/*
 * The least that Fastify and the `openai` package can do: no nodes, no checks, no limits. A second request per
 * utterance stands in for the verdict. What this server costs more than this one is the price of its runtime.
 */

const client = new OpenAI({ logLevel: "off" });
const model = "gpt-6-luna";
const app = Fastify();
await app.register(fastifyWebsocket, { options: { perMessageDeflate: false } });
app.get("/ready", async () => ({ status: "ready" }));

app.get("/ws", { websocket: true }, (socket) => {
  const messages: ChatCompletionMessageParam[] = [];
  let running: AbortController | null = null;
  const send = (event: object) =>
    socket.send(Buffer.from(JSON.stringify({ ...event, timestamp: new Date().toISOString() })));

  const answer = async (signal: AbortSignal) => {
    send({ type: "agent.llm.response.start" });
    try {
      const stream = await client.chat.completions.create(
        {
          model,
          messages: [{ role: "system", content: "You are a support agent." }, ...messages.slice(-200)],
          stream: true,
          stream_options: { include_usage: true },
        },
        { signal },
      );
      for await (const chunk of stream) {
        const text = chunk.choices[0]?.delta.content;
        if (text) send({ type: "agent.llm.response.chunk", text });
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    send({ type: "agent.llm.response.end" });
  };

  const judge = (content: string) =>
    client.chat.completions.create({
      model,
      max_tokens: 5,
      messages: [
        { role: "system", content: "Judge the mood of a customer, in one word." },
        { role: "user", content },
      ],
    });

  socket.on("message", (data) => {
    const event = JSON.parse(data.toString());
    switch (event.type) {
      case "system.init":
        send({ type: "agent.ready" });
        break;
      case "system.user.joined":
        send({ type: "agent.speak", text: "Hello! How can I help?" });
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

await app.listen({ host: "127.0.0.1", port: Number(process.env.PORT) });
process.once("SIGTERM", () => process.exit());
