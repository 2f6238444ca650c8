import { z } from "zod";
import { loadConfig } from "../../lib/config.ts";
import { createAgentServer } from "../../lib/http/server.ts";
import { type ChatRequest, ChatStream } from "../../lib/llm/chat.ts";
import { createLlm } from "../../lib/llm/client.ts";
import { ToolSet, tool } from "../../lib/llm/tools.ts";
import { streamAnswer } from "../../lib/nodes/answer.ts";
import { OutputAgentNode } from "../../lib/nodes/output-agent-node.ts";
import type { Turn } from "../../lib/nodes/turn.ts";
import { createLogger } from "../../lib/process/logger.ts";
import { closeOnSignal } from "../../lib/process/shutdown.ts";
import type { AnyEvent } from "../../lib/wire/events.ts";
import { LanguageDetector } from "./language-detector.ts";
import { ProfanityFilter } from "./profanity-filter.ts";

const config = loadConfig();
const log = createLogger(config);
const llm = createLlm(config);

/** Answers in the caller's language, which it asks the detector in front of it for. */
class SupportAgent extends OutputAgentNode {
  readonly #detector: LanguageDetector;
  readonly #tools: ToolSet;
  #greeted = false;

  constructor(detector: LanguageDetector) {
    super({ name: "support-agent", maxContextMessages: config.MAX_CONTEXT_MESSAGES });
    this.#detector = detector;
    this.#tools = new ToolSet([
      tool({
        name: "get_caller_language",
        description:
          "The language the caller speaks now, and those of their latest utterances, oldest first.",
        parameters: z.object({}),
        handler: () => ({ current: detector.current, latest: detector.history.slice(-5) }),
      }),
    ]);
  }

  protected override onEvent(event: AnyEvent): void {
    if (event.type !== "system.user.joined" || this.#greeted) return;
    this.#greeted = true;
    this.speak("Hello! You can speak to me in your own language. How can I help?");
  }

  protected override async *generateResponse(signal: AbortSignal, turn: Turn): AsyncGenerator<string> {
    const prompt = `You are a support agent on the telephone. Answer in one to three short sentences.
The caller speaks ${this.#detector.current}. Answer in ${this.#detector.current}.`;
    const request: ChatRequest = {
      model: config.AGENT_MODEL,
      temperature: 0.7,
      tools: this.#tools.schemas,
      toolChoice: "auto",
      messages: [{ role: "system", content: prompt }, ...this.conversation.messages()],
    };
    const open = (next: ChatRequest) => new ChatStream(llm, next, signal);
    yield* streamAnswer({
      request,
      first: open(request),
      open,
      turn,
      tools: this.#tools,
      publish: (event) => this.sendEvent(event),
      isDone: () => this.handOff !== null,
    });
  }
}

const app = await createAgentServer({
  config,
  log,
  setupSession: async (session) => {
    const detector = new LanguageDetector();
    const agent = new SupportAgent(detector);
    const filter = new ProfanityFilter();
    for (const node of [detector, agent, filter]) session.addNode(node);
    session.addEdge(detector, agent);
    session.addEdge(agent, filter);
    await session.start();
  },
});
closeOnSignal(app, log);
await app.listen({ host: config.HOST, port: config.PORT });
