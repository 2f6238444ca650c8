import type { Moment } from "./moments.ts";

/** How fast a synthetic voice speaks: 150 words a minute, the usual figure for telephone speech. */
const MS_PER_WORD = 400;

/**
 * Notices that nobody has said anything for long. It runs from the agent's last word as it is spoken, which lies behind
 * the last one sent, until the caller speaks or presses a key.
 */
export class SilenceWatch {
  readonly #afterMs: number;
  readonly #told: (times: number) => void;
  #timer: NodeJS.Timeout | null = null;
  #times = 0;
  #ended = false;

  /** @param told called with how many times in a row it has been silent for `afterMs`. */
  constructor(afterMs: number, told: (times: number) => void) {
    this.#afterMs = afterMs;
    this.#told = told;
  }

  hear(moment: Moment): void {
    switch (moment.type) {
      case "utterance":
      case "key":
      case "request":
      case "interrupt":
      case "speaking":
        this.#times = 0;
        this.#stop();
        // A cough is followed by no words: the silence goes on.
        if (moment.type === "interrupt" || (moment.type === "speaking" && !moment.speaking)) this.#wait(0);
        break;
      case "answer.started":
      case "handOff":
        this.#stop();
        break;
      case "answer.ended":
      case "line":
        this.#wait(moment.turn.words);
        break;
      case "spoken":
        // It has been said by now, however long it was thought to take.
        if (this.#timer) this.#wait(0);
        break;
      default:
        break;
    }
  }

  /** Nothing more is told. */
  end(): void {
    this.#ended = true;
    this.#stop();
  }

  #wait(words: number): void {
    this.#stop();
    if (this.#ended) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = null;
        this.#times += 1;
        this.#told(this.#times);
      },
      this.#afterMs + words * MS_PER_WORD,
    );
  }

  #stop(): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
