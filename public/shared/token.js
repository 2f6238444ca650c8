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

/** How long another tab may take to hand its token over, ms. */
const ANSWER_MS = 1_500;
const tabs = new BroadcastChannel(KEY);
// Only pages of this origin hear each other; a token goes to a tab that asks, and is written down nowhere.
tabs.addEventListener("message", ({ data }) => {
  const token = readToken();
  if (data === "asks" && token) tabs.postMessage({ token });
});

/** Takes over the token of another tab: a link opened in a new one should not ask again. @returns {Promise<boolean>} whether there is one */
export async function borrowToken() {
  const answered = new AbortController();
  const token = await new Promise((resolve) => {
    const timer = setTimeout(() => resolve(null), ANSWER_MS);
    tabs.addEventListener(
      "message",
      ({ data }) => {
        if (typeof data?.token !== "string") return;
        clearTimeout(timer);
        resolve(data.token);
      },
      { signal: answered.signal },
    );
    tabs.postMessage("asks");
  });
  answered.abort();
  if (token === null || token === readToken()) return false;
  keepToken(token);
  return true;
}

/** @returns {Record<string, string>} */
export function authHeader() {
  const token = readToken();
  return token ? { authorization: `Bearer ${token}` } : {};
}
