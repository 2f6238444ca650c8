// @ts-check

const KEY = "voice-agent-name";

/** What the person at this browser is called, for others to see; null until it was typed once. */
export function readName() {
  return localStorage.getItem(KEY);
}

/** @param {string} name */
export function keepName(name) {
  localStorage.setItem(KEY, name);
}
