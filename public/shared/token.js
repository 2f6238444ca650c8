// @ts-check

const KEY = "voice-agent-token";

/** The access token of this tab, or null. It is kept for the tab alone, and never put into a link. */
export function readToken() {
  return sessionStorage.getItem(KEY);
}

/** @param {string} token */
export function keepToken(token) {
  sessionStorage.setItem(KEY, token);
}

/** @returns {Record<string, string>} */
export function authHeader() {
  const token = readToken();
  return token ? { authorization: `Bearer ${token}` } : {};
}
