import type { FastifyInstance } from "fastify";
import type { Logger } from "pino";
import { describeError } from "../errors.ts";
import { faultOwner } from "./faults.ts";
import { CLOSING_SIGNALS } from "./workers.ts";

/** How long closing may take once the last call is over, ms. Nodes have 5 s of it to finish up. */
const CLOSE_TIMEOUT_MS = 10_000;

/**
 * Ends the process in good order. The first SIGTERM or SIGINT drains the server, a second one cuts the calls that
 * still run; both exit with 0. An error that nobody caught ends the session it comes from (Node 24 and later); one
 * that cannot be traced to a session leaves the process in a state nobody knows, so it drains and exits with 1.
 */
export function closeOnSignal(app: FastifyInstance, log: Logger): void {
  const hurry = new AbortController();
  let closing = false;
  let exitCode = 0;

  const close = async (why: string) => {
    if (closing) {
      hurry.abort();
      return;
    }
    closing = true;
    log.info(`${why}: new calls are refused, running ones may finish`);
    try {
      await app.drain(hurry.signal);
      const late = setTimeout(() => {
        log.error(`Closing took more than ${CLOSE_TIMEOUT_MS} ms, leaving anyway`);
        process.exit(1);
      }, CLOSE_TIMEOUT_MS);
      await app.close();
      clearTimeout(late);
      log.info("Closed");
    } catch (error) {
      log.error({ err: describeError(error) }, "Closing failed");
      exitCode = 1;
    }
    process.exit(exitCode);
  };

  const onFault = (error: unknown) => {
    const owner = faultOwner();
    if (owner) {
      owner.fail(error);
      return;
    }
    exitCode = 1;
    log.fatal({ err: describeError(error) }, "An error outside any call");
    void close("Error");
  };

  for (const signal of CLOSING_SIGNALS) process.on(signal, () => void close(signal));
  process.on("uncaughtException", onFault);
  process.on("unhandledRejection", onFault);
}
