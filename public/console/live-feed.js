// @ts-check
import { ApiError, getJson, request } from "./api.js";
import { EventStreamParser } from "./event-stream.js";

/** The server's heartbeat comes every 15 s; without two of them the line is dead. */
const SILENCE_MS = 35_000;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 10_000;

/**
 * @typedef {import("./event-stream.js").StreamEvent} StreamEvent
 * @typedef {"loading" | "live" | "disconnected" | "unauthorised" | "gone"} FeedStatus
 * @typedef {{
 *   onPicture: (picture: any) => void,
 *   onEvents: (events: StreamEvent[]) => void,
 *   onStatus: (status: FeedStatus, message: string) => void,
 * }} FeedListener
 */

/**
 * Follows the live stream: first the picture, then every event since. After a break it goes on behind the last event
 * it has seen, so that nothing is lost; only when the server no longer has those does it take the picture again.
 * A fetch and not an EventSource: that could neither carry the token in a header nor tell 401 from a lost line.
 * @param {string | null} session one call, or null for all
 * @param {FeedListener} listener
 * @param {AbortSignal} signal ends it
 */
export async function followLive(session, listener, signal) {
  const id = session === null ? "" : encodeURIComponent(session);
  /** @type {number | null} */
  let lastId = null;
  let retryMs = FIRST_RETRY_MS;
  listener.onStatus("loading", "");
  while (!signal.aborted) {
    try {
      if (lastId === null) {
        const picture = await getJson(id ? `/live/calls/${id}` : "/live/calls", signal);
        lastId = picture.last_event_id;
        listener.onPicture(picture);
      }
      /** @type {string} */
      const query = `last_event_id=${lastId}${id ? `&session=${id}` : ""}`;
      for await (const events of stream(`/live?${query}`, signal, () => listener.onStatus("live", ""))) {
        retryMs = FIRST_RETRY_MS;
        const reset = events.findIndex(({ type }) => type === "reset");
        if (reset >= 0) {
          lastId = null;
          break;
        }
        lastId = events.findLast((event) => event.id !== null)?.id ?? lastId;
        listener.onEvents(events);
      }
      if (lastId === null) continue;
      listener.onStatus("disconnected", "The server closed the connection.");
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof ApiError)) throw error;
      if (error.wantsToken) return listener.onStatus("unauthorised", error.message);
      if (error.status === 404 && id) return listener.onStatus("gone", error.message);
      listener.onStatus("disconnected", error.message);
    }
    await pause(retryMs, signal);
    retryMs = Math.min(retryMs * 2, LAST_RETRY_MS);
  }
}

/**
 * @param {string} path
 * @param {AbortSignal} signal
 * @param {() => void} onOpen
 * @returns {AsyncGenerator<StreamEvent[], void, void>} as many events at a time as came together
 * @throws {ApiError} when the stream is refused, breaks or falls silent
 */
async function* stream(path, signal, onOpen) {
  const silence = new AbortController();
  const both = AbortSignal.any([signal, silence.signal]);
  let timer = setTimeout(() => silence.abort(), SILENCE_MS);
  try {
    // Without a network nothing would tell so for half a minute.
    window.addEventListener("offline", () => silence.abort(), { signal: both });
    const { body } = await request(path, { signal: both });
    if (!body) throw new ApiError(0, "The stream is empty.");
    onOpen();
    const parser = new EventStreamParser();
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENCE_MS);
      const events = parser.push(value);
      if (events.length > 0) yield events;
    }
  } catch (error) {
    if (signal.aborted || error instanceof ApiError) throw error;
    throw new ApiError(0, "The connection to the server was lost.");
  } finally {
    clearTimeout(timer);
    // Left early, for the picture: the request ends with it.
    silence.abort();
  }
}

/** Waits, but no longer than until the browser is online again. @param {number} ms @param {AbortSignal} signal */
function pause(ms, signal) {
  return new Promise((resolve) => {
    const over = new AbortController();
    const done = () => {
      clearTimeout(timer);
      over.abort();
      resolve(undefined);
    };
    const timer = setTimeout(done, ms);
    window.addEventListener("online", done, { signal: over.signal });
    signal.addEventListener("abort", done, { signal: over.signal });
  });
}
