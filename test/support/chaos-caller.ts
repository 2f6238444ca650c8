import { setTimeout as delay } from "node:timers/promises";
import type { z } from "zod";
import type { callWire } from "../../lib/calls/wire.ts";
import { VoiceClient } from "./voice-client.ts";

/** Between an answer and the next question, ms. */
const PAUSE_MS = 250;
/** What a server that is killed may lose of the end of a call: what it had not written yet, ms (docs/calls.md). */
const LOSS_MS = 3_000;

/** A caller who asks numbered questions until it is told to hang up, and knows what the record of it has to say. */
export class ChaosCaller {
  readonly callId: string;
  readonly complaints: string[] = [];
  readonly #client: VoiceClient;
  #asked = 0;
  /** When each answer was complete: a server that stands still has not heard yet what was asked. */
  readonly #answered: number[] = [];
  #times: number[] = [];
  #isExcused = false;
  #crashAt: number | null = null;
  #isHangingUp = false;
  readonly #talking: Promise<void>;

  static async call(url: string, callId: string): Promise<ChaosCaller> {
    const client = await VoiceClient.connect(url, { init: { caller: { call_id: callId } } });
    client.join();
    await client.next("agent.speak");
    return new ChaosCaller(client, callId);
  }

  private constructor(client: VoiceClient, callId: string) {
    this.callId = callId;
    this.#client = client;
    this.#talking = this.#talk();
  }

  get said(): number {
    return this.#asked;
  }

  /** Times from a question to the first piece of its answer since the last time this was asked, ms. */
  takeTimes(): number[] {
    const times = this.#times;
    this.#times = [];
    return times;
  }

  /** Its server stands still, so its times do not count. */
  excuse(isExcused = true): void {
    this.#isExcused = isExcused;
  }

  /** Its server is killed now. */
  expectCrash(): void {
    this.#crashAt = performance.now();
  }

  /** Resolves when the present question is answered. */
  async answered(): Promise<void> {
    const asked = this.#asked;
    while (this.#answered.length < asked && this.complaints.length === 0) await delay(20);
  }

  async hangUp(): Promise<void> {
    this.#isHangingUp = true;
    await this.#talking;
    if (this.#crashAt === null) await this.#client.close();
  }

  /** What is wrong with the record of this call. */
  compare({ end_reason, turns }: z.output<typeof callWire>): string[] {
    const has = turns.flatMap(({ role, text }) => (role === "user" ? [text] : []));
    const answers = turns.filter(({ role, outcome }) => role === "assistant" && outcome !== null).length;
    const at = this.#crashAt;
    const due = at === null ? this.said : this.#answered.filter((time) => time < at - LOSS_MS).length;
    const wrong = [];
    const end = at === null ? "client_closed" : "crashed";
    if (end_reason !== end) wrong.push(`${this.callId} has ended as ${end_reason}, not ${end}`);
    if (has.length < due) wrong.push(`${this.callId} has ${has.length} of ${due} questions on record`);
    if (answers < due - (at === null ? 0 : 1))
      wrong.push(`${this.callId} has ${answers} of ${due} answers on record`);
    const other = has.findIndex((text, index) => text !== question(index + 1));
    if (other >= 0) wrong.push(`${this.callId} has "${has[other]}" as question ${other + 1} on record`);
    return wrong;
  }

  async #talk(): Promise<void> {
    try {
      while (!this.#isHangingUp) {
        await this.#ask();
        await delay(PAUSE_MS);
      }
    } catch (error) {
      if (this.#crashAt === null) this.complaints.push(`${this.callId}: ${error}`);
    }
    const errors = this.#client.frames.filter(({ type }) => type === "agent.error");
    for (const frame of errors) this.complaints.push(`${this.callId} was told of ${JSON.stringify(frame)}`);
  }

  async #ask(): Promise<void> {
    const at = performance.now();
    this.#asked += 1;
    this.#client.say(question(this.said));
    await this.#client.next("agent.llm.response.chunk");
    if (!this.#isExcused) this.#times.push(performance.now() - at);
    await this.#client.next("agent.llm.response.end");
    this.#answered.push(performance.now());
  }
}

const question = (number: number) => `This is question ${number}`;
