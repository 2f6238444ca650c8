import { loadConfig } from "../../lib/config.ts";
import { createLlm } from "../../lib/llm/client.ts";
import { createLogger } from "../../lib/logger.ts";
import { createAgentServer } from "../../lib/server.ts";
import { InsuranceAgent } from "./insurance-agent.ts";

const config = loadConfig();
const llm = createLlm(config);

const app = await createAgentServer({
  config,
  log: createLogger(config),
  setupSession: async (session) => {
    session.addNode(new InsuranceAgent(llm, config.AGENT_MODEL));
    await session.start();
  },
});
await app.listen({ host: config.HOST, port: config.PORT });
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void app.close());
