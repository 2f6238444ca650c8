// @ts-check
import { html, useEffect, useRef, useState } from "/assets/vendor/htm.js";
import { MARKS } from "../shared/verdict-chip.js";

/** @typedef {import("../shared/verdict-chip.js").Sentiment} Sentiment */

const MOODS = /** @type {Sentiment[]} */ (Object.keys(MARKS));

/**
 * What people say of the verdict on a turn: that it is right, or what the caller's mood was. A second press takes it back.
 * @param {{ turn: { number: number, verdict: Sentiment | null }, review: import("./use-review.js").Review }} props
 */
export function VerdictLabels({ turn: { number, verdict }, review }) {
  const labels = review.verdicts.filter(({ turn }) => turn === number);
  const mine = labels.find(({ by }) => review.mine(by))?.verdict ?? null;
  const others = labels.filter(({ by }) => !review.mine(by));
  const [choosing, setChoosing] = useState(false);
  const [problem, setProblem] = useState("");
  const opener = useRef(/** @type {HTMLButtonElement | null} */ (null));

  /** @param {Sentiment} mood */
  const say = async (mood) => {
    setChoosing(false);
    opener.current?.focus();
    const body = { verdict: mood === mine ? null : mood };
    setProblem((await review.send("PUT", `verdicts/${number}`, body)) ?? "");
  };
  /** @param {KeyboardEvent} event */
  const onKey = (event) => {
    if (event.key !== "Escape" || !choosing) return;
    setChoosing(false);
    opener.current?.focus();
  };
  if (!review.canReview && labels.length === 0) return null;
  const isWrong = mine !== null && mine !== verdict;
  return html`<div class="verdict-labels small" role="group" aria-label=${`Verdict on turn ${number}`} onKeyDown=${onKey}>
    ${
      review.canReview &&
      verdict &&
      html`<button class="button small" aria-pressed=${mine === verdict ? "true" : "false"} title="The verdict is right" onClick=${() => void say(verdict)}>
        <span aria-hidden="true">✓</span> Right
      </button>`
    }
    ${
      review.canReview &&
      html`<button class="button small" ref=${opener} aria-pressed=${isWrong ? "true" : "false"} aria-expanded=${choosing ? "true" : "false"}
        title=${verdict ? "The verdict is wrong" : "Nobody judged this"} onClick=${() => setChoosing(!choosing)}>
        ${verdict && html`<span aria-hidden="true">✗ </span>`}${isWrong ? `It was ${mine}` : verdict ? "Wrong" : "Say what it was"}
      </button>`
    }
    ${choosing && html`<${Choices} moods=${MOODS.filter((mood) => mood !== verdict)} chosen=${mine} onChoose=${say} />`}
    ${others.map(
      ({ by, verdict: mood }) =>
        html`<span key=${by} class="muted"><bdi>${by}</bdi>: ${mood === verdict ? "right" : `it was ${mood}`}</span>`,
    )}
    ${problem && html`<span class="outcome failed" role="alert">${problem}</span>`}
  </div>`;
}

/** @param {{ moods: readonly Sentiment[], chosen: Sentiment | null, onChoose: (mood: Sentiment) => void }} props */
function Choices({ moods, chosen, onChoose }) {
  const first = useRef(/** @type {HTMLButtonElement | null} */ (null));
  useEffect(() => first.current?.focus(), []);
  return html`<span class="moods" role="group" aria-label="What was it?">
    ${moods.map(
      (mood, index) => html`<button
        key=${mood}
        ref=${index === 0 ? first : undefined}
        class="button small"
        aria-pressed=${mood === chosen ? "true" : "false"}
        onClick=${() => onChoose(mood)}
      >
        <span class="mood ${mood}" aria-hidden="true">${MARKS[mood]}</span> ${mood}
      </button>`,
    )}
  </span>`;
}
