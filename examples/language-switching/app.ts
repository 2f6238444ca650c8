import { z } from "zod";
import { tool } from "../../lib/llm/tools.ts";
import { LlmAgentNode } from "../../lib/nodes/llm-agent-node.ts";
import { createVoiceServer } from "../../lib/voice-server.ts";
import { LanguageDetector } from "./language-detector.ts";
import { ProfanityFilter } from "./profanity-filter.ts";

const server = await createVoiceServer({
  setupSession: async (session, { llm, config }) => {
    const detector = new LanguageDetector();
    const getCallerLanguage = tool({
      name: "get_caller_language",
      description: "The language the caller speaks now, and those of their latest utterances, oldest first.",
      parameters: z.object({}),
      handler: () => ({ current: detector.current, latest: detector.history.slice(-5) }),
    });
    /** Answers in the caller's language, which it asks the detector in front of it for. */
    const agent = new LlmAgentNode({
      name: "support-agent",
      llm,
      maxContextMessages: config.MAX_CONTEXT_MESSAGES,
      greeting: "Hello! You can speak to me in your own language. How can I help?",
      instructions: () => `You are a support agent on the telephone. Answer in one to three short sentences.
The caller speaks ${detector.current}. Answer in ${detector.current}.`,
      tools: [getCallerLanguage],
    });
    const filter = new ProfanityFilter();
    for (const node of [detector, agent, filter]) session.addNode(node);
    session.addEdge(detector, agent);
    session.addEdge(agent, filter);
    await session.start();
  },
});
await server.listen();
