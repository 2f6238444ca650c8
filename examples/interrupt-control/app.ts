import { loadConfig } from "../../lib/config.ts";
import { createAgentServer } from "../../lib/http/server.ts";
import { createLlm } from "../../lib/llm/client.ts";
import { createLogger } from "../../lib/process/logger.ts";
import { closeOnSignal } from "../../lib/process/shutdown.ts";
import { InsuranceAgent } from "./insurance-agent.ts";

const config = loadConfig();
const log = createLogger(config);
const llm = createLlm(config);

const app = await createAgentServer({
  config,
  log,
  setupSession: async (session) => {
    session.addNode(new InsuranceAgent(llm, config.AGENT_MODEL));
    await session.start();
  },
});
closeOnSignal(app, log);
await app.listen({ host: config.HOST, port: config.PORT });
