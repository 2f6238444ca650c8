import assert from "node:assert/strict";
import {
  type ChaosOptions,
  chaos,
  DATABASE_FAULTS,
  DISK_FAULTS,
  type Fault,
  SERVER_FAULTS,
} from "../test/support/chaos.ts";
import { canMount } from "../test/support/postgres-cluster.ts";

/*
 * npm run chaos: everything that can happen to a database or a server, one thing after the other, under calls that go on.
 * No caller may notice, no turn may be missing from the record, and every call ends once.
 */

/** Longest wait for the first piece of an answer beyond what it was before anything broke, ms. */
const MAX_DELAY_MS = 500;

// A disk of PostgreSQL's own takes root.
const database: Fault[] = [...DATABASE_FAULTS, ...(canMount() ? (["database full"] as const) : [])];
const how = { faultMs: 8_000, calls: 5 };
const runs: ChaosOptions[] = [
  { store: "postgres", servers: 1, faults: [...database, "server killed"], ...how },
  { store: "postgres", servers: 2, faults: [...database, ...SERVER_FAULTS], ...how },
  { store: "sqlite", servers: 1, faults: [...DISK_FAULTS, "server killed"], ...how },
  { store: "sqlite", servers: 2, faults: [...DISK_FAULTS, ...SERVER_FAULTS], ...how },
];

const complaints: string[] = [];
for (const run of runs) {
  const { phases, calls, turns, complaints: found } = await chaos(run);
  console.log(`\n${run.store}, servers: ${run.servers}; ${calls} calls, ${turns} turns\n`);
  console.log("| what | turns | first chunk p99, ms | max, ms | record behind, s | up to date after, s |");
  console.log("|---|---|---|---|---|---|");
  const [before] = phases;
  for (const { name, turns, firstChunkP99Ms, firstChunkMaxMs, behindMs, catchUpMs } of phases) {
    const times = [firstChunkP99Ms, firstChunkMaxMs].map((ms) => ms.toFixed(0));
    const seconds = [behindMs, catchUpMs].map((ms) => (ms / 1_000).toFixed(1));
    console.log(`| ${[name, turns, ...times, ...seconds].join(" | ")} |`);
    const late = firstChunkMaxMs - (before?.firstChunkMaxMs ?? 0);
    if (late > MAX_DELAY_MS)
      found.push(`${name}: a first chunk came ${late.toFixed(0)} ms later than before`);
  }
  complaints.push(...found.map((complaint) => `${run.store}, servers: ${run.servers}: ${complaint}`));
}
assert.deepEqual(complaints, []);
