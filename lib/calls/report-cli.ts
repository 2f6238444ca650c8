import { existsSync } from "node:fs";
import { parseArgs } from "node:util";
import { pino } from "pino";
import { loadConfig } from "../config.ts";
import { AgentServerError } from "../errors.ts";
import { csvOf } from "./export.ts";
import { readQuality } from "./quality.ts";
import { reportCall } from "./report.ts";
import { renderCalls, renderReport } from "./report-text.ts";
import { loadForm } from "./review/form.ts";
import { toScenario } from "./scenario.ts";
import { openDatabase } from "./store/database.ts";
import { listCalls, pagesOfCalls, readCall, readCalls, readLastCall } from "./store/read.ts";
import type { Db } from "./store/schema.ts";
import { toWire } from "./wire.ts";

const USAGE = `Reports of recorded calls, from the store that DATABASE_URL names.

  npm run report -- --last           the newest call
  npm run report -- <call id>        one call
  npm run report -- --since 7d       all calls of the last 7 days (also h and m)

  --json   the report as JSON, with --since one a line
  --csv    one line a call
  --scenario   the call as a scenario for npm run rehearse, with what looks private masked`;

/** Calls shown in a table; more would scroll away. The figures above it count all. */
const MAX_ROWS = 200;
const UNIT_MS = { m: 60_000, h: 3_600_000, d: 24 * 3_600_000 } as const;

type Format = "table" | "json" | "csv" | "scenario";
type Wanted = { kind: "last" } | { kind: "one"; id: string } | { kind: "since"; from: number };

/** What was asked for cannot be given; the message is for the person at the terminal. */
class CliError extends Error {}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof CliError || error instanceof AgentServerError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

async function main(args: string[]): Promise<void> {
  const { wanted, format } = readArguments(args);
  const { DATABASE_URL, SCORING_FORM } = loadConfig();
  const file = DATABASE_URL.startsWith("file:") ? DATABASE_URL.replace(/^file:(\/\/)?/, "") : null;
  if (file !== null && !existsSync(file))
    throw new CliError(`There are no calls yet: ${file} does not exist`);
  const { db } = await openDatabase(DATABASE_URL, pino({ level: "silent" }));
  try {
    if (wanted.kind === "since") await printSince(db, SCORING_FORM, wanted.from, format);
    else await printOne(db, SCORING_FORM, wanted, format);
  } finally {
    await db.destroy();
  }
}

function readArguments(args: string[]): { wanted: Wanted; format: Format } {
  const { values, positionals } = parse(args);
  const formats = (["json", "csv", "scenario"] as const).filter((each) => values[each]);
  if (formats.length > 1) throw new CliError("Choose one of --json, --csv and --scenario");
  const format: Format = formats[0] ?? "table";
  const [id, ...more] = positionals;
  const asked = [id !== undefined, values.last === true, values.since !== undefined].filter(Boolean).length;
  if (asked !== 1 || more.length > 0) throw new CliError(USAGE);
  if (id !== undefined) return { wanted: { kind: "one", id }, format };
  if (values.since !== undefined && format === "scenario") throw new CliError("--scenario is about one call");
  if (values.since !== undefined)
    return { wanted: { kind: "since", from: Date.now() - span(values.since) }, format };
  return { wanted: { kind: "last" }, format };
}

function parse(args: string[]) {
  const flag = { type: "boolean" } as const;
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: { last: flag, since: { type: "string" }, json: flag, csv: flag, scenario: flag },
    });
  } catch (error) {
    throw new CliError(`${error instanceof Error ? error.message : error}\n\n${USAGE}`);
  }
}

function span(text: string): number {
  const [, count, unit] = /^(\d{1,5})([mhd])$/.exec(text) ?? [];
  if (unit !== "m" && unit !== "h" && unit !== "d") {
    throw new CliError(`--since ${text}: expected a number and m, h or d, such as 7d`);
  }
  return Number(count) * UNIT_MS[unit];
}

async function printOne(
  db: Db,
  formFile: string | undefined,
  wanted: Exclude<Wanted, { kind: "since" }>,
  format: Format,
): Promise<void> {
  const call = wanted.kind === "last" ? await readLastCall(db) : await readCall(db, wanted.id);
  if (!call)
    throw new CliError(wanted.kind === "last" ? "There are no calls yet" : `There is no call ${wanted.id}`);
  if (format === "scenario") {
    const scenario = toScenario(call);
    if (scenario === null) throw new CliError("The record of this call has no words: see RECORD_TEXT");
    console.log(scenario.trimEnd());
    return;
  }
  const report = reportCall(call);
  if (format === "json") console.log(JSON.stringify(toWire(report), null, 2));
  else if (format === "csv")
    await print(
      csvOf(db, loadForm(formFile), only(await listCalls(db, { sessionId: call.sessionId }, null, 1))),
    );
  else console.log(renderReport(call, report));
}

async function printSince(db: Db, formFile: string | undefined, from: number, format: Format): Promise<void> {
  if (format === "csv") {
    await print(csvOf(db, loadForm(formFile), pagesOfCalls(db, { from })));
  } else if (format === "json") {
    for await (const page of pagesOfCalls(db, { from })) {
      const ids = page.map(({ sessionId }) => sessionId);
      for (const call of await readCalls(db, ids)) console.log(JSON.stringify(toWire(reportCall(call))));
    }
  } else {
    // Figures are kept by the hour, and the table shows the calls they are of.
    const quality = await readQuality(db, from, Date.now(), "hour");
    const newest = await listCalls(db, { from: quality.from }, null, MAX_ROWS);
    console.log(renderCalls(newest.toReversed(), quality));
  }
}

async function* only<T>(value: T): AsyncGenerator<T, void, void> {
  yield value;
}

async function print(pieces: AsyncIterable<string>): Promise<void> {
  for await (const piece of pieces) {
    if (!process.stdout.write(piece)) await new Promise((resolve) => process.stdout.once("drain", resolve));
  }
}
