// @ts-check

/** How often the server is asked, ms; with the patience below, a line that is lost is noticed within three seconds. */
const EVERY_MS = 1_000;
/** An answer that takes longer is none, ms. */
const PATIENCE_MS = 1_500;
/** A line that has been silent for so long is lost, ms. */
const GIVE_UP_MS = 10_000;

/**
 * Asks the server once a second, while a call goes on, whether it is there. A socket does not tell: one whose network is
 * gone looks open for minutes.
 */
export class LineWatch {
  #stopped = new AbortController();
  #tell;

  /**
   * @param {{ onSilent: (silent: boolean) => void, onDraining: () => void, onLost: () => void }} tell
   *   `onSilent`: the server does not answer, or answers again; `onDraining`: it is about to shut down
   */
  constructor(tell) {
    this.#tell = tell;
  }

  start() {
    this.#run(this.#stopped.signal).catch((error) => console.info(`The line is not watched: ${error}`));
  }

  stop() {
    this.#stopped.abort();
  }

  /** @param {AbortSignal} signal */
  async #run(signal) {
    /** @type {number | null} */
    let silentSince = null;
    for (;;) {
      const asked = performance.now();
      const answer = await ask(signal);
      if (signal.aborted) return;
      if (answer === "none") {
        silentSince ??= asked;
        this.#tell.onSilent(true);
        if (performance.now() - silentSince >= GIVE_UP_MS) {
          this.#tell.onLost();
          return;
        }
      } else {
        if (silentSince !== null) this.#tell.onSilent(false);
        silentSince = null;
        if (answer === "draining") this.#tell.onDraining();
      }
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
  }
}

/** @param {AbortSignal} signal @returns {Promise<"there" | "draining" | "none">} */
async function ask(signal) {
  try {
    const response = await fetch("/ready", {
      cache: "no-store",
      signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]),
    });
    const { status } = response.status === 503 ? await response.json() : { status: "" };
    return status === "draining" ? "draining" : "there";
  } catch {
    // Whoever watches says what that means.
    return "none";
  }
}
