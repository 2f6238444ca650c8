import { loadConfig } from "../../lib/config.ts";
import { createAgentServer } from "../../lib/http/server.ts";
import { Metrics } from "../../lib/metrics/metrics.ts";
import { createLogger } from "../../lib/process/logger.ts";
import { closeOnSignal } from "../../lib/process/shutdown.ts";
import type { AnyEvent } from "../../lib/wire/events.ts";
import { ScriptedAgent, says } from "./nodes.ts";

/*
 * A server whose agent fails, the moment it is told to, where nobody can catch it.
 */

class FaultyAgent extends ScriptedAgent {
  protected override onEvent(event: AnyEvent): void {
    if (event.type !== "agent.transcript.update") return;
    if (event.content === "timer") setTimeout(() => fail("timer"), 1);
    if (event.content === "promise") void Promise.resolve().then(() => fail("promise"));
  }
}

function fail(where: string): never {
  throw new Error(`nobody expected the ${where}`);
}

const config = loadConfig();
const log = createLogger(config);
const app = await createAgentServer({
  routes: {
    "/ws": async (session) => {
      session.addNode(new FaultyAgent(says("fine")));
      await session.start();
    },
  },
  health: () => null,
  metrics: new Metrics(),
  config,
  log,
});
closeOnSignal(app, log);
await app.listen({ host: config.HOST, port: config.PORT });
// An error outside any call.
process.on("SIGUSR2", () => setTimeout(() => fail("process"), 1));
