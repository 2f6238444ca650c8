import { randomUUID } from "node:crypto";
import { Line } from "../call/line.ts";
import type { Observed } from "../call/observed.ts";
import type { Call, Caller } from "../callers/call.ts";
import { type Failure, type Question, sayFailure } from "../check/finding.ts";
import { checkReport } from "../check/report.ts";
import { checkForbidden, type Patience, watch } from "../check/watch.ts";
import { RehearsalError } from "../errors.ts";
import type { Loaded } from "../scenario/load.ts";
import type { LiveNews } from "../server/live-watch.ts";
import type { Stage } from "../server/stage.ts";
import { measure } from "./measure.ts";
import type { RunResult } from "./result.ts";

export type Rehearsed = RunResult & { readonly questions: readonly Question[] };

export type RunOptions = {
  readonly loaded: Loaded;
  readonly caller: Caller;
  readonly stage: Stage;
  readonly patience: Patience;
  readonly seed: number;
  readonly variant: string;
  /** Whether the record of the call is read for its tokens. */
  readonly wantsUsage: boolean;
};

/** Longest wait for `call.ended` after the caller has hung up, ms. */
const ENDED_MS = 5_000;

/** Holds one call and says how it went. What has nothing to do with the agent comes back as an error, never thrown. */
export async function runCall(options: RunOptions): Promise<Rehearsed> {
  const { loaded, seed, variant, stage } = options;
  const startedAt = performance.now();
  const failures: Failure[] = [];
  const questions: Question[] = [];
  const head = { id: loaded.id, file: loaded.file, seed, variant };
  const rest = { judgements: [], skippedChecks: 0, metrics: [] };
  const { escalates_at: escalatesAt = null } = loaded.scenario;
  let line: Line | null = null;
  try {
    const held = await hold(options, failures, questions, (dialled) => {
      line = dialled;
    });
    const measured = measure(held.line);
    failures.push(...checkEscalation(escalatesAt, measured.escalatedAt));
    const outcome = failures.length > 0 ? "failed" : "passed";
    return {
      ...head,
      ...measured,
      ...rest,
      outcome,
      reasons: failures.map(sayFailure),
      durationMs: performance.now() - startedAt,
      escalatesAt,
      usage: held.usage,
      questions,
    };
  } catch (error) {
    const problem = problemOf(error, stage);
    const measured = measure(line ?? { events: [], answers: [], ownMs: 0 });
    return {
      ...head,
      ...measured,
      ...rest,
      outcome: "error",
      reasons: [problem],
      durationMs: performance.now() - startedAt,
      escalatesAt,
      usage: [],
      questions: [],
    };
  }
}

function problemOf(error: unknown, stage: Stage): string {
  try {
    stage.check();
  } catch (broken) {
    if (broken instanceof Error) return broken.message;
  }
  if (error instanceof RehearsalError) return error.message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

async function hold(
  options: RunOptions,
  failures: Failure[],
  questions: Question[],
  dialled: (line: Line) => void,
): Promise<{ line: Line; usage: RunResult["usage"] }> {
  const { loaded, stage, patience, caller, seed, wantsUsage } = options;
  const { scenario } = loaded;
  const callId = `rehearsal-${randomUUID()}`;
  const news: LiveNews[] = [];
  let sessionId: string | null = null;
  let hear: (news: LiveNews) => void = (each) => news.push(each);
  const followed = scenario.needs.length > 0 || wantsUsage;
  const unfollow = (followed ? stage.live : null)?.follow(callId, (each, session) => {
    sessionId = session;
    hear(each);
  });
  const overtime = new AbortController();
  const timer = setTimeout(() => overtime.abort(), scenario.max_duration_s * 1_000);
  try {
    const { channel, variables } = scenario;
    const line = await Line.dial({
      url: stage.address.wsUrl,
      channel,
      variables,
      caller: scenario.caller,
      callId,
      waitMs: patience.timeoutMs,
    });
    dialled(line);
    overtime.signal.addEventListener("abort", () => line.stir());
    const live = new LiveNotes(line, scenario.needs.includes("live"));
    hear = (each) => live.hear(each);
    for (const each of news) live.hear(each);
    const session = async () => {
      await line.until(() => sessionId !== null, patience.timeoutMs);
      if (sessionId === null) throw new RehearsalError("the live stream does not tell of this call");
      return sessionId;
    };
    const call: Call = {
      line,
      scenario,
      patience,
      seed,
      signal: overtime.signal,
      failures,
      questions,
      supervise: async (act) => stage.address.supervise(await session(), act),
    };
    line.join();
    try {
      await caller(call);
    } finally {
      await line.settled(patience.quietMs);
      await line.hangUp();
    }
    if (overtime.signal.aborted) {
      failures.push({ turn: null, why: `the call lasted longer than ${scenario.max_duration_s} s` });
    }
    if (scenario.needs.includes("live")) await line.until(() => live.ended, ENDED_MS);
    if (failures.length === 0) await checkWhole(call);
    const wantsReport = scenario.needs.includes("report");
    if (!wantsReport && !wantsUsage) return { line, usage: [] };
    const record = await stage.address.record(await session());
    const expected = [...scenario.expect, ...(scenario.turns ?? []).flatMap(({ expect }) => expect)];
    const ofReport = expected.filter((each) => each.event === "report");
    if (ofReport.length > 0 && failures.length === 0) {
      failures.push(...checkReport(ofReport, await stage.address.report(await session())));
    }
    return { line, usage: usageOf(record) };
  } finally {
    clearTimeout(timer);
    unfollow?.();
  }
}

/** What the scenario expects of the call as a whole. */
async function checkWhole({ line, scenario, failures, questions, patience }: Call): Promise<void> {
  const whole = { turn: null, from: 0, sentAtMs: 0, doneAtMs: 0 };
  const watched = await watch(line, scenario.expect, whole, { ...patience, timeoutMs: line.now });
  failures.push(...watched.failures, ...checkForbidden(watched.forbidden, line.events, null, 0));
  questions.push(...watched.questions);
}

function checkEscalation(expected: number | "never" | null, came: number | null): Failure[] {
  if (expected === null || came === (expected === "never" ? null : expected)) return [];
  const where = came === null ? "none came" : `it came at ${came}`;
  const wanted = expected === "never" ? "no escalation" : `the escalation at the caller's turn ${expected}`;
  return [{ turn: null, why: `expected ${wanted}; ${where}` }];
}

function usageOf({ usage }: Record<string, unknown>): RunResult["usage"] {
  if (!Array.isArray(usage)) return [];
  return usage.map(({ model, input_tokens, output_tokens }) => ({
    model: String(model),
    inputTokens: Number(input_tokens ?? 0),
    outputTokens: Number(output_tokens ?? 0),
  }));
}

/** Puts what the live stream tells beside what the line has heard, each thing once. */
class LiveNotes {
  ended = false;
  readonly #line: Line;
  readonly #all: boolean;

  constructor(line: Line, all: boolean) {
    this.#line = line;
    this.#all = all;
  }

  hear({ type, fields }: LiveNews): void {
    const { at: _at, session_id: _session, ...own } = fields;
    this.#line.stir();
    if (type === "call.ended") {
      this.ended = true;
      this.#line.note("ended", own);
    } else if (this.#all && type === "supervisor") {
      this.#line.note("supervisor", own);
    } else if (this.#all && type === "turn" && own.role === "user") {
      this.#line.note("user_transcription", { text: own.text });
    } else if (this.#all && (type === "verdict" || type === "escalation" || type === "alert")) {
      if (!this.#line.events.some((seen) => isSame(seen, type, own))) this.#line.note(type, own);
    }
  }
}

function isSame(seen: Observed, type: string, fields: Record<string, unknown>): boolean {
  return seen.event === type && Object.entries(seen.fields).every(([key, value]) => fields[key] === value);
}
