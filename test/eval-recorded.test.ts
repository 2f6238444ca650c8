import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { afterEach, beforeEach, test } from "node:test";
import { promisify } from "node:util";
import { sql } from "kysely";
import { pino } from "pino";
import { setVerdictLabel } from "../lib/calls/review/verdict-labels.ts";
import { type Database, openDatabase } from "../lib/calls/store/database.ts";
import type { Sentiment } from "../lib/wire/log-events.ts";
import { assistantTurn, callRecord, storeCall, userTurn } from "./support/call-records.ts";
import { argsOf } from "./support/programs.ts";
import { describeStores, type TestStore } from "./support/stores.ts";

const run = promisify(execFile);
const FURIOUS = "This is ridiculous! You are useless, all of you!";
const CALM = "Where is my parcel?";

describeStores("labels on recorded calls", (create) => {
  let store: TestStore;
  let database: Database;
  beforeEach(async () => {
    store = await create();
    database = await openDatabase(store.url, pino({ level: "silent" }));
  });
  afterEach(async () => {
    await database.db.destroy();
    await store.remove();
  });

  const evaluate = async (args: string[], url = store.url) => {
    const node = [...argsOf("training/eval-cli.ts"), ...args];
    const { PATH = "", HOME = "" } = process.env;
    const env = { PATH, HOME, DATABASE_URL: url };
    return run(process.execPath, node, { env })
      .catch((error: { stdout: string; stderr: string; code: number }) => error)
      .then((result) => ({ code: 0, ...result }));
  };
  /** A call in which the caller says these, and is said to have felt so. */
  const record = async (
    sessionId: string,
    texts: readonly (string | null)[],
    given: readonly Sentiment[] = [],
  ) => {
    const said = texts.flatMap((text, n) => [
      userTurn(2 * n + 1, n * 2_000, given[n] ?? "neutral", { text }),
      assistantTurn(2 * n + 2, n * 2_000 + 10),
    ]);
    await storeCall(database.db, callRecord({ sessionId, turns: said }));
  };
  const label = (id: string, turn: number, verdict: Sentiment, by = "anna") =>
    setVerdictLabel(database.db, id, { turn, verdict, by, at: 1 });

  test("are what the embedded model and the verdicts given are measured on", async () => {
    // Wholly labelled and calm, but flagged in the call.
    await record("calm", [CALM, CALM], ["negative", "neutral"]);
    for (const turn of [1, 3]) await label("calm", turn, "neutral");
    // One of two turns labelled: it counts, the other does not, nor the call as a calm one.
    await record("partly", [FURIOUS, FURIOUS], ["neutral", "neutral"]);
    await label("partly", 1, "frustrated");
    // Two against one; and one against one.
    await record("split", [CALM, CALM]);
    for (const by of ["bob", "cleo"]) await label("split", 1, "neutral", by);
    await label("split", 1, "negative", "anna");
    await label("split", 3, "neutral", "anna");
    await label("split", 3, "negative", "bob");
    // Nobody has labelled it.
    await record("unseen", [FURIOUS], ["frustrated"]);

    const embedded = JSON.parse((await evaluate(["--recorded", "--json"])).stdout);
    assert.deepEqual(embedded.record, { undecided: 1, withoutText: 0 });
    assert.deepEqual([embedded.judge, embedded.figures.calls, embedded.figures.turns], ["embedded", 3, 4]);
    assert.deepEqual([embedded.figures.flaggedCalmCalls.of, embedded.figures.flaggedCalmCalls.share], [1, 0]);
    assert.deepEqual([embedded.figures.falseEscalations.of, embedded.figures.inTime.of], [1, 0]);
    assert.deepEqual(
      [embedded.figures.classes.upset.recall.of, embedded.figures.classes.upset.recall.share],
      [1, 1],
    );
    assert.equal(embedded.figures.classes.frustrated.recall.of, 1);

    const given = JSON.parse((await evaluate(["--recorded", "--given", "--json"])).stdout);
    assert.equal(given.judge, "the calls themselves");
    assert.equal(given.figures.flaggedCalmCalls.share, 1);
    assert.equal(given.figures.classes.upset.recall.share, 0);
    assert.equal(given.figures.classes.calm.recall.share, 2 / 3);
    assert.equal(given.figures.worst[0].upset, 0.05);

    const { stdout } = await evaluate(["--recorded"]);
    assert.match(
      stdout,
      /^3 calls, 4 turns of callers; verdicts by embedded.*\nLeft out: 1 turns on which people disagree\n/,
    );
  });

  test("of calls without words tell only how the verdicts given were", async () => {
    await record("wordless", [null], ["negative"]);
    await label("wordless", 1, "negative");
    const { stderr, code } = await evaluate(["--recorded"]);
    assert.deepEqual(
      [code, stderr],
      [
        1,
        "The 1 labelled calls were recorded without words (RECORD_TEXT=none): only --given can be measured\n",
      ],
    );
    const given = JSON.parse((await evaluate(["--recorded", "--given", "--json"])).stdout);
    assert.equal(given.figures.classes.upset.recall.share, 1);
  });

  test("that are not there, and a record that cannot be read, are one line", async () => {
    const none = await evaluate(["--recorded"]);
    assert.match(none.stderr, /^No recorded call is labelled yet: press Right or Wrong [^\n]+\n$/);
    await record("split", [CALM]);
    await label("split", 1, "neutral", "anna");
    await label("split", 1, "negative", "bob");
    const split = await evaluate(["--recorded"]);
    assert.match(split.stderr, /^People disagree on every labelled turn \(1\): [^\n]+\n$/);
    assert.equal(none.code, 1);
    for (const [url, message] of [
      ["file:/nowhere/calls.db", /^There are no calls yet: \/nowhere\/calls.db does not exist\n$/],
      ["mysql://here", /^[^\n]*DATABASE_URL[^\n]*\n$/],
    ] as const) {
      const { stderr, code } = await evaluate(["--recorded"], url);
      assert.match(stderr, message);
      assert.equal(code, 1);
    }
    for (const args of [
      ["--given", "file.jsonl"],
      ["--recorded", "file.jsonl"],
      ["--recorded", "--given", "--model"],
    ]) {
      assert.match((await evaluate(args)).stderr, /npm run eval:sentiment -- --recorded /, args.join(" "));
    }
  });

  test("are read, and the record is left as it was", async () => {
    const { db } = database;
    await db.schema.dropTable("verdict_labels").execute();
    await sql`delete from kysely_migration where name = '010_scoring'`.execute(db);
    const { stderr, code } = await evaluate(["--recorded"]);
    assert.match(
      stderr,
      /^Cannot open the store of calls[^\n]*earlier version: start the server once[^\n]*\n$/,
    );
    assert.equal(code, 1);
    const tables = await db.introspection.getTables();
    assert.ok(!tables.some(({ name }) => name === "verdict_labels"));
  });
});
