import assert from "node:assert/strict";
import test, { describe, type TestContext } from "node:test";
import {
  type LogLine,
  type ServerProcess,
  spawnServerProcess,
  startServerProcess,
} from "./support/server-process.ts";
import { VoiceClient } from "./support/voice-client.ts";

/** More connections than it takes to reach both workers: the primary hands them out in turn. */
const MOST_CONNECTIONS = 10;

const listens = (line: LogLine) => line.msg === "Worker listens";

async function startTwo(t: TestContext, env: Record<string, string> = {}) {
  const server = await startServerProcess({ env: { WORKERS: "2", DRAIN_TIMEOUT_MS: "200", ...env } });
  t.after(() => server.stop("SIGKILL"));
  const first = await server.nextLine(listens);
  const second = await server.nextLine(listens);
  return { server, workers: [first, second] };
}

/** A call that has been greeted, and the process that has it. */
async function call(server: ServerProcess) {
  const client = await VoiceClient.connect(server.wsUrl);
  client.join();
  await client.next("agent.speak");
  const { pid } = await server.nextLine((line) => line.msg === "Session opened");
  return { client, pid: Number(pid) };
}

/** One call on each of two workers. */
async function callOnEach(server: ServerProcess) {
  const first = await call(server);
  for (let made = 1; made < MOST_CONNECTIONS; made += 1) {
    const other = await call(server);
    if (other.pid !== first.pid) return [first, other] as const;
    await other.client.close();
  }
  throw new Error(`${MOST_CONNECTIONS} connections reached one worker only`);
}

describe("several workers", () => {
  test("share MAX_SESSIONS; one that dies takes its own calls along and is replaced; SIGTERM ends all", async (t) => {
    const { server, workers } = await startTwo(t, { MAX_SESSIONS: "101" });
    assert.deepEqual(workers.map(({ maxSessions }) => maxSessions).sort(), [50, 51]);
    const pids = workers.map(({ workerPid }) => Number(workerPid));
    const [doomed, spared] = await callOnEach(server);
    assert.deepEqual([doomed.pid, spared.pid].sort(), pids.sort());

    process.kill(doomed.pid, "SIGKILL");
    assert.equal((await doomed.client.closed).code, 1006);
    assert.notEqual((await spared.client.turn("Where is my parcel?")).text, "");

    const { workerPid } = await server.nextLine(listens);
    assert.ok(!pids.includes(Number(workerPid)));
    const fresh = await callOnEach(server);
    assert.deepEqual(fresh.map(({ pid }) => pid).sort(), [spared.pid, Number(workerPid)].sort());

    assert.equal(await server.stop("SIGTERM"), 0);
    for (const { client } of [spared, ...fresh]) assert.equal((await client.closed).code, 1001);
  });

  test("Ctrl-C, which reaches every process, ends all calls in good order", async (t) => {
    const { server } = await startTwo(t);
    const calls = await callOnEach(server);
    for (const { pid } of calls) process.kill(pid, "SIGINT");
    for (const { client } of calls) assert.notEqual((await client.turn("Are you still there?")).text, "");
    assert.equal(await server.stop("SIGINT"), 0);
    for (const { client } of calls) assert.equal((await client.closed).code, 1001);
  });

  test("that cannot start are not tried again and again", async (t) => {
    const taken = await startServerProcess();
    t.after(() => taken.stop("SIGKILL"));
    const server = await spawnServerProcess(taken.port, { env: { WORKERS: "2" } });
    t.after(() => server.stop("SIGKILL"));
    assert.equal(await server.exited, 1);
  });
});
