import assert from "node:assert/strict";
import test, { describe } from "node:test";
import { canBreakDisks } from "./support/bad-disk.ts";
import { type ChaosOptions, chaos } from "./support/chaos.ts";
import { hasPostgres } from "./support/postgres-cluster.ts";

/* The short form of `npm run chaos`. */

const missing = [hasPostgres() ? [] : "PostgreSQL", canBreakDisks() ? [] : "strace"].flat();
if (missing.length > 0 && process.env.CI) throw new Error(`CI needs ${missing.join(" and ")}, see .ci`);
const skip =
  missing.length > 0 && `skipped without ${missing.join(" and ")}: apt-get install postgresql strace`;

const how = { faultMs: 3_000, calls: 3 };
const runs: ChaosOptions[] = [
  { store: "postgres", servers: 1, faults: ["stop fast", "black hole", "kill"], ...how },
  {
    store: "postgres",
    servers: 2,
    faults: ["stop immediate", "freeze", "server frozen", "server killed"],
    ...how,
  },
  { store: "sqlite", servers: 1, faults: ["disk full", "disk broken", "server killed"], ...how },
  { store: "sqlite", servers: 2, faults: ["disk slow", "disk full", "server frozen"], ...how },
];

// Two scenes at a time: most of it is waiting.
describe("whatever breaks under it", { skip, concurrency: 2 }, () => {
  for (const run of runs) {
    test(`no call notices, no turn is lost, every call ends once: ${run.store}, servers: ${run.servers}`, {
      timeout: 300_000,
    }, async () => {
      const { complaints, turns, calls, phases } = await chaos(run);
      assert.deepEqual(complaints, []);
      assert.ok(turns > calls);
      // What was broken was broken.
      assert.ok(Math.max(...phases.map(({ behindMs }) => behindMs)) > how.faultMs / 2);
    });
  }
});
