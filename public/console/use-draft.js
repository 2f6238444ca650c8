// @ts-check
import { useState } from "/assets/vendor/htm.js";

const PREFIX = "voice-agent-draft ";

/**
 * What is being written for a call. Each call has its own, and it is there again after another call was looked at.
 * @param {string} id
 */
export function useDraft(id) {
  const key = PREFIX + id;
  const kept = () => sessionStorage.getItem(key) ?? "";
  const [text, setText] = useState(kept);
  /** @param {string} next */
  const write = (next) => {
    if (next === "") sessionStorage.removeItem(key);
    else sessionStorage.setItem(key, next);
    setText(next);
  };
  return {
    text,
    write,
    /** Words that were sent are gone, unless more was written meanwhile. @param {string} words */
    sent: (words) => {
      if (kept().trim() === words) write("");
    },
    /** Puts words behind what is there. @param {string} words */
    add: (words) => write(kept().trim() === "" ? words : `${kept().trimEnd()} ${words}`),
  };
}
