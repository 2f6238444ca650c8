import { setTimeout as delay } from "node:timers/promises";
import type { SpokenAnswer } from "../call/spoken-answer.ts";
import { checkForbidden, watch } from "../check/watch.ts";
import type { SendAfter, Turn } from "../scenario/schema.ts";
import { type Call, type Caller, untilGreeted, untilSilent } from "./call.ts";

/** Says what is written, turn by turn, and looks at what comes back before it goes on. */
export function scriptCaller(turns: readonly Turn[]): Caller {
  return async (call) => {
    const { line, scenario, failures } = call;
    if (turns[0] && isSpoken(turns[0]) && !turns[0].send_after) await untilGreeted(call);
    let previous = 0;
    for (const [index, turn] of turns.entries()) {
      if (line.closed || call.signal.aborted) break;
      if (!(await untilItsTime(call, turn.send_after ?? null, previous))) {
        failures.push({ turn: index + 1, why: "the moment to speak (send_after) did not come" });
        break;
      }
      previous = line.events.length;
      await act(call, turn, index, index === 0 && !isSpoken(turn) ? 0 : previous);
      if (failures.length > 0 && scenario.stop_on_failure) break;
      const next = turns[index + 1];
      if (!next?.send_after && !(await untilSilent(call))) {
        failures.push({
          turn: index + 1,
          why: `the agent's answer had no end in ${call.patience.timeoutMs} ms`,
        });
        break;
      }
    }
    if (line.closed || failures.length > 0) return;
    await untilSilent(call);
  };
}

function isSpoken({ user, dtmf }: Turn): boolean {
  return user !== undefined || dtmf !== undefined;
}

async function act(call: Call, turn: Turn, index: number, from: number): Promise<void> {
  const { line, failures, questions } = call;
  const number = index + 1;
  const sentAtMs = line.now;
  if (turn.supervisor) await call.supervise(turn.supervisor);
  if (turn.silence !== undefined) {
    await line.until(() => line.closed || call.signal.aborted, turn.silence);
  }
  const doneAtMs = line.now;
  const words = turn.dtmf === undefined ? turn.user : `DTMF: ${turn.dtmf}`;
  const disturbed =
    words === undefined ? [] : disturb(call, turn, line.say(words, contextOf(call, index, words)));
  const watched = await watch(line, turn.expect, { turn: number, from, sentAtMs, doneAtMs }, call.patience);
  failures.push(...watched.failures);
  questions.push(...watched.questions);
  if (disturbed.length > 0) {
    await untilSilent(call);
    failures.push(...disturbed.flatMap((isDone) => isDone()).map((why) => ({ turn: number, why })));
  }
  if (watched.forbidden.length > 0) {
    await untilSilent(call);
    await line.settled(call.patience.quietMs);
    failures.push(...checkForbidden(watched.forbidden, line.events, number, from));
  }
}

type Trigger = { after_chunks?: number | undefined; after_ms?: number | undefined };

/** What the caller, or the network, does to the answer. Each returned function says why its thing was not done. */
function disturb(call: Call, turn: Turn, answer: SpokenAnswer): (() => string[])[] {
  const { line } = call;
  const later = (what: string, { after_chunks, after_ms }: Trigger, doIt: () => void) => {
    if (after_chunks === undefined) {
      void delay(after_ms ?? 0, undefined, { signal: call.signal }).then(doIt, () => {});
      return () => [];
    }
    let done = false;
    answer.atChunk(after_chunks, () => {
      done = true;
      doIt();
    });
    return () => (done ? [] : [`no ${what}: the answer had ${answer.chunks} of ${after_chunks} chunks`]);
  };
  const { interrupt, backchannel, network } = turn;
  const things: (() => string[])[] = [];
  if (interrupt) things.push(later("interrupt", interrupt, () => line.interrupt()));
  if (backchannel) things.push(later("backchannel", backchannel, () => line.backchannel(backchannel.text)));
  if (network && "freeze" in network) {
    const { freeze } = network;
    things.push(later("freeze", freeze, () => line.freeze(freeze.for_ms)));
  } else if (network) {
    things.push(later("drop", network.drop, () => line.drop()));
  }
  return things;
}

/** Pipecat's `context`: what was said before the call began goes with the first request. */
function contextOf({ scenario }: Call, index: number, words: string) {
  if (!scenario.context || index > 0) return null;
  const before = scenario.context.map(({ role, content }) => ({
    role: role === "developer" ? "system" : role,
    content,
  }));
  return [...before, { role: "user", content: words }];
}

/** By default a caller waits until the agent has finished; `send_after` says otherwise. */
async function untilItsTime(call: Call, after: SendAfter | null, from: number): Promise<boolean> {
  const { line, patience } = call;
  if (after === null) return true;
  const event = after.event === "llm_response" || after.event === "tts_response" ? "response" : after.event;
  const seen = () => line.events.findIndex((each, at) => at >= from && each.event === event);
  if (event !== undefined && !(await line.until(() => seen() >= 0 || line.closed, patience.timeoutMs)))
    return false;
  const since = event === undefined ? line.now : (line.events[seen()]?.atMs ?? line.now);
  await line.until(() => line.closed || call.signal.aborted, since + after.delay_ms - line.now);
  return true;
}
