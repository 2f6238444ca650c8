import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent, type IncomingMessage, request } from "node:http";
import { text } from "node:stream/consumers";
import test, { describe, type TestContext } from "node:test";
import { z } from "zod";
import { EventReader } from "../support/event-reader.ts";
import {
  type LogLine,
  type ServerProcess,
  spawnServerProcess,
  startServerProcess,
} from "../support/server-process.ts";
import { VoiceClient } from "../support/voice-client.ts";

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
async function call(server: ServerProcess, query = "") {
  const client = await VoiceClient.connect(`${server.wsUrl}${query}`);
  client.join();
  await client.next("agent.speak");
  const { pid, sessionId } = await server.nextLine((line) => line.msg === "Session opened");
  return { client, pid: Number(pid), id: String(sessionId) };
}

/** One call on each of two workers. */
async function callOnEach(server: ServerProcess, query = "") {
  const first = await call(server, query);
  for (let made = 1; made < MOST_CONNECTIONS; made += 1) {
    const other = await call(server, query);
    if (other.pid !== first.pid) return [first, other] as const;
    await other.client.close();
  }
  throw new Error(`${MOST_CONNECTIONS} connections reached one worker only`);
}

const TOKEN = "the-supervisors-token";
const authorized = { authorization: `Bearer ${TOKEN}` };
const listSchema = z.object({ calls: z.array(z.object({ session_id: z.string(), turn_count: z.number() })) });

/** Sends a request over a connection of its own, or that of `agent`, and gives the answer. */
async function ask(url: string, { agent, body }: { agent?: Agent; body?: object } = {}) {
  const headers = { ...authorized, "content-type": "application/json" };
  const method = body ? "POST" : "GET";
  const sent = request(url, { method, headers, agent: agent ?? false }).end(body && JSON.stringify(body));
  const [response]: IncomingMessage[] = await once(sent, "response");
  assert.ok(response);
  return { status: response.statusCode, text: await text(response) };
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

  test("show each other's calls, bring a supervisor's orders to them, and end those of one that dies", async (t) => {
    const { server } = await startTwo(t, { AUTH_TOKEN: TOKEN });
    const live = `${server.url}/live`;
    const viewers: EventReader[] = [];
    // Handed out in turn, they reach both workers.
    for (let n = 0; n < 4; n += 1) viewers.push(await EventReader.connect(live, authorized));
    const [doomed, spared] = await callOnEach(server, `?token=${TOKEN}`);
    for (const viewer of viewers) {
      for (const { id } of [doomed, spared])
        await viewer.next("call.started", ({ data }) => data.session_id === id);
    }
    await spared.client.turn("Where is my parcel?");

    // On one connection, so of one worker: one of the calls is the other's.
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (const { id, client } of [doomed, spared]) {
      const { status } = await ask(`${live}/${id}/say`, { agent, body: { text: "One moment, please." } });
      assert.equal(status, 200);
      assert.equal((await client.next("agent.speak")).text, "One moment, please.");
    }
    const muted = await ask(`${live}/${doomed.id}/mute`, { agent, body: {} });
    assert.equal(muted.status, 200);
    agent.destroy();

    process.kill(doomed.pid, "SIGKILL");
    const ended = await Promise.any(viewers.map((viewer) => viewer.next("call.ended")));
    assert.deepEqual([ended.data.session_id, ended.data.reason], [doomed.id, "crashed"]);
    await server.nextLine(listens);
    const pictures = new Set<string>();
    for (let n = 0; n < 4; n += 1) {
      const { calls } = listSchema.parse(JSON.parse((await ask(`${live}/calls`)).text));
      assert.deepEqual(
        calls.map(({ session_id }) => session_id),
        [spared.id],
      );
      pictures.add(JSON.stringify(calls));
    }
    assert.equal(pictures.size, 1, "the new worker knows what was said before it came");
    assert.equal(await server.stop("SIGTERM"), 0);
  });

  test("have one set of figures, whichever is asked", async (t) => {
    const { server } = await startTwo(t);
    const calls = await callOnEach(server);
    const opened = server.lines.filter(({ msg }) => msg === "Session opened").length;
    for (let n = 0; n < 4; n += 1) {
      const { status, text: figures } = await ask(`${server.url}/metrics`);
      assert.equal(status, 200);
      const total = /^voice_agent_sessions_total\{type="telephonyInbound"\} (.*)$/m.exec(figures)?.[1];
      assert.equal(Number(total), opened);
      assert.match(figures, /^nodejs_eventloop_lag_seconds /m);
    }
    for (const { client } of calls) await client.close();
  });

  test("that cannot start are not tried again and again", async (t) => {
    const taken = await startServerProcess();
    t.after(() => taken.stop("SIGKILL"));
    const server = await spawnServerProcess(taken.port, { env: { WORKERS: "2" } });
    t.after(() => server.stop("SIGKILL"));
    assert.equal(await server.exited, 1);
  });
});
