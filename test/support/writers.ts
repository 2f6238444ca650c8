import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Logger, pino } from "pino";
import { Backlog } from "../../lib/calls/backlog.ts";
import { insertTurn, type PlainChange } from "../../lib/calls/store/change.ts";
import type { Database } from "../../lib/calls/store/database.ts";
import { finishCall } from "../../lib/calls/store/write.ts";
import { CallWriter, type WriterOptions } from "../../lib/calls/writer.ts";
import { userTurn } from "./call-records.ts";

export type TestWriterOptions = Partial<WriterOptions> & {
  folder?: string;
  owner?: string;
  maxBytes?: number;
  log?: Logger;
};

/** A writer in front of this database, with a backlog in a folder of its own unless one is given. */
export async function writerFor(database: Database, options: TestWriterOptions = {}) {
  const { owner = "me", maxBytes = 1_000_000, log = pino({ level: "silent" }), ...rest } = options;
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), "backlog-")));
  const backlog = new Backlog({ folder, owner, maxBytes, key: "db", log });
  const abandon = async () => {};
  const writer = new CallWriter(database, log, { backlog, finish: finishCall, abandon, ...rest });
  return { writer, backlog, folder };
}

/** A turn that no database takes. */
export function notStorable(sessionId: string, number: number): PlainChange {
  const change = insertTurn(sessionId, userTurn(number, 0, null));
  // biome-ignore lint/suspicious/noExplicitAny: no type lets a column without a value through.
  return { ...change, row: { ...(change as any).row, role: null } } as PlainChange;
}
