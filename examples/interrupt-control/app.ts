import { createVoiceServer } from "../../lib/voice-server.ts";
import { InsuranceAgent } from "./insurance-agent.ts";

const server = await createVoiceServer({
  setupSession: async (session, { llm }) => {
    session.addNode(new InsuranceAgent(llm));
    await session.start();
  },
});
await server.listen();
