// @ts-check
import { useState } from "/assets/vendor/htm.js";

const PREFIX = "voice-agent-draft ";

/**
 * What is being written for a call. Each call has its own, and it is there again after another call was looked at.
 * @param {string} id
 * @returns {[string, (text: string) => void]}
 */
export function useDraft(id) {
  const key = PREFIX + id;
  const [text, setText] = useState(() => sessionStorage.getItem(key) ?? "");
  return [
    text,
    (next) => {
      if (next === "") sessionStorage.removeItem(key);
      else sessionStorage.setItem(key, next);
      setText(next);
    },
  ];
}
