// @ts-check

/**
 * Whether what the microphone heard is the page's own voice from the loudspeaker: nearly all of its words stand in
 * what is being said. Without this the agent would interrupt itself on every machine without headphones.
 * @param {string} heard
 * @param {string} saying
 */
export function isEcho(heard, saying) {
  const words = wordsOf(heard);
  const spoken = new Set(wordsOf(saying));
  if (words.length === 0 || spoken.size === 0) return false;
  const known = words.filter((word) => spoken.has(word)).length;
  return known / words.length >= 0.8;
}

/** @param {string} text */
function wordsOf(text) {
  return text.toLowerCase().match(/[\p{L}\p{N}']+/gu) ?? [];
}
