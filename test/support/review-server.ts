import type { AddressInfo } from "node:net";
import { pino } from "pino";
import { z } from "zod";
import type { CallRecord } from "../../lib/calls/record.ts";
import { reviewWire } from "../../lib/calls/review/wire.ts";
import { type Database, openDatabase } from "../../lib/calls/store/database.ts";
import { parseConfig } from "../../lib/config.ts";
import { createVoiceServer } from "../../lib/voice-server.ts";
import { storeCalls } from "./call-records.ts";
import { ScriptedAgent, says } from "./nodes.ts";
import type { TestStore } from "./stores.ts";

const TOKENS = {
  "": "the-shared-token-of-a-team",
  wall: "the-token-of-a-viewer",
  anna: "the-token-of-anna",
  bob: "the-token-of-bob-himself",
  desk: "the-token-of-an-agent",
} as const;
export type Reviewer = keyof typeof TOKENS;
const LIST = `viewer wall ${TOKENS.wall}, supervisor anna ${TOKENS.anna}, supervisor bob ${TOKENS.bob}, agent desk ${TOKENS.desk}`;

const refusal = z.looseObject({ message: z.string() });

/** A server on this store, in which these calls have been recorded. */
export async function startReviewServer(
  store: TestStore,
  calls: readonly CallRecord[],
  env: Record<string, string> = {},
) {
  const config = parseConfig({
    LOG_LEVEL: "silent",
    DATABASE_URL: store.url,
    RETENTION_DAYS: "0",
    AUTH_TOKEN: TOKENS[""],
    TOKENS: LIST,
    ...env,
  });
  const { app } = await createVoiceServer({
    config,
    async setupSession(session) {
      session.addNode(new ScriptedAgent(says("fine")));
      await session.start();
    },
  });
  await app.listen({ host: "127.0.0.1", port: 0 });
  const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
  const database: Database = await openDatabase(store.url, pino({ level: "silent" }));
  await storeCalls(database.db, calls);

  const send = (who: Reviewer | null, method: string, path: string, body?: unknown) =>
    fetch(`${url}${path}`, {
      method,
      headers: {
        ...(who === null ? {} : { authorization: `Bearer ${TOKENS[who]}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const ask = async (who: Reviewer | null, method: string, path: string, body?: unknown) => {
    const response = await send(who, method, path, body);
    const text = await response.text();
    const answer: unknown = text === "" ? null : JSON.parse(text);
    return { status: response.status, body: answer };
  };
  return {
    db: database.db,
    ask,
    /** An answer that is not JSON. */
    text: async (who: Reviewer, path: string) => (await send(who, "GET", path)).text(),
    /** What is known of a call, as `who` sees it. */
    review: async (who: Reviewer, id: string) =>
      reviewWire.parse((await ask(who, "GET", `/calls/${id}/review`)).body),
    /** Does something that must be done. */
    change: async (who: Reviewer, method: string, path: string, body: object) => {
      const answer = await ask(who, method, path, body);
      if (answer.status !== 200)
        throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
      return reviewWire.parse(answer.body);
    },
    /** Does something that must be refused; gives the status and the reason. */
    refused: async (who: Reviewer, method: string, path: string, body?: unknown) => {
      const answer = await ask(who, method, path, body);
      return [answer.status, refusal.parse(answer.body).message] as const;
    },
    close: async () => {
      await database.db.destroy();
      await app.close();
    },
  };
}

export type ReviewServer = Awaited<ReturnType<typeof startReviewServer>>;
