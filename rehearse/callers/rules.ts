import { textOf } from "../check/match.ts";
import type { RulesCaller } from "../scenario/schema.ts";
import { type Call, type Caller, untilGreeted, untilSilent } from "./call.ts";
import { Dice } from "./dice.ts";
import { AGAIN, CUT_IN, FILLERS, GIVES_UP, OPENINGS, THANKS, UNHELPED, UPSET } from "./rules-words.ts";

/** Most chunks that are heard before the caller cuts in or says "mhm". */
const SOON = 4;

/**
 * A caller by rules: no model, no network. What it says depends on the seed and on what the agent says, never on the
 * clock: the same agent and seed give the same call, word for word.
 */
export function rulesCaller(rules: RulesCaller): Caller {
  return async (call) => {
    await untilGreeted(call);
    const mind = new Mind(rules, call.seed);
    let heard = "";
    for (let turn = 1; turn <= call.scenario.max_turns; turn += 1) {
      const saying = turn === 1 ? mind.begin() : mind.react(heard);
      heard = await exchange(call, saying);
      if (saying.last || isOver(call)) return;
    }
    call.failures.push({ turn: null, why: `the caller got nowhere in ${call.scenario.max_turns} turns` });
  };
}

function isOver({ line, signal }: Call): boolean {
  const over = line.events.some(({ event }) => event === "end_call" || event === "transfer");
  return over || line.closed || signal.aborted;
}

/** Says this and listens; a caller who cut in has heard nothing. */
async function exchange(call: Call, { words, interruptAfter, backchannelAfter }: Saying): Promise<string> {
  const { line, failures, patience } = call;
  const from = line.events.length;
  const answer = line.say(words);
  if (interruptAfter !== null) answer.atChunk(interruptAfter, () => line.interrupt());
  else if (backchannelAfter !== null) answer.atChunk(backchannelAfter, () => line.backchannel("mhm"));
  if (!(await untilSilent(call))) {
    failures.push({ turn: null, why: `the agent's answer had no end in ${patience.timeoutMs} ms` });
    return "";
  }
  // A hand-off follows the end of the answer that promises it.
  await line.settled(patience.quietMs);
  return line.events
    .slice(from)
    .filter(({ event }) => event === "response")
    .map(textOf)
    .join(" ");
}

export type Saying = {
  readonly words: string;
  /** Chunks of the answer after which the caller cuts in; null: not. */
  readonly interruptAfter: number | null;
  readonly backchannelAfter: number | null;
  /** Whether the caller hangs up after the answer. */
  readonly last: boolean;
};

/** What the caller wants, knows, and has put up with. */
export class Mind {
  readonly #rules: RulesCaller;
  readonly #dice: Dice;
  readonly #told = new Set<string>();
  readonly #heard = new Set<string>();
  #patience: number;
  #upset = 0;
  #cutIn = false;

  constructor(rules: RulesCaller, seed: number) {
    this.#rules = rules;
    this.#dice = new Dice(seed);
    this.#patience = rules.patience;
  }

  /** The first thing the caller says. */
  begin(): Saying {
    const opening = this.#dice.pick(OPENINGS);
    return this.#say(`${opening}${this.#wordy()}${this.#rules.goal}`);
  }

  /** What the caller says to this. */
  react(reply: string): Saying {
    const { facts, done_when, upset_by_repetition, repeats, goal } = this.#rules;
    const said = reply.toLowerCase();
    // Rolled whether used or not, so that what the agent says moves no later chance.
    const again = this.#dice.roll() < repeats;
    const repeated = this.#repeats(said);
    if (this.#cutIn) return this.#say(`${this.#dice.pick(CUT_IN)}${goal}`);
    if (done_when.some((words) => said.includes(words.toLowerCase()))) {
      return this.#say(this.#dice.pick(THANKS), true);
    }
    const asked = Object.entries(facts).find(([about]) => said.includes(about.toLowerCase()));
    if (asked && !this.#told.has(asked[0])) {
      if (again) return this.#say(`${this.#dice.pick(AGAIN)}${goal}`);
      this.#told.add(asked[0]);
      return this.#say(`${this.#wordy()}${asked[1]}`);
    }
    this.#patience -= 1;
    if (this.#patience < 0) return this.#say(GIVES_UP, true);
    if (repeated && upset_by_repetition) {
      this.#upset += 1;
      return this.#say(UPSET[Math.min(this.#upset, UPSET.length) - 1] ?? "");
    }
    if (again) return this.#say(`${this.#dice.pick(AGAIN)}${goal}`);
    return this.#say(asked ? asked[1] : this.#dice.pick(UNHELPED));
  }

  #repeats(said: string): boolean {
    const plain = said.replace(/[^\p{L}\p{N}]+/gu, " ").trim();
    const known = plain !== "" && this.#heard.has(plain);
    this.#heard.add(plain);
    return known;
  }

  #wordy(): string {
    return this.#dice.roll() < this.#rules.verbosity ? this.#dice.pick(FILLERS) : "";
  }

  #say(words: string, last = false): Saying {
    const interrupts = this.#dice.roll() < this.#rules.interrupts;
    const interruptAt = 1 + Math.floor(this.#dice.roll() * SOON);
    const nods = this.#dice.roll() < this.#rules.backchannels;
    const nodAt = 1 + Math.floor(this.#dice.roll() * SOON);
    this.#cutIn = interrupts && !last;
    return {
      words,
      interruptAfter: this.#cutIn ? interruptAt : null,
      backchannelAfter: nods && !last ? nodAt : null,
      last,
    };
  }
}
