import { queryObjects } from "node:v8";
import { ChatStream } from "../../lib/llm/chat.ts";
import { AgentSession } from "../../lib/session/session.ts";

/*
 * Loaded into the server under test before app.ts: counts what is alive when the parent asks for it.
 */

const CLASSES = [AgentSession, ChatStream];

/** A read of a file, or a question to the store's thread (its heartbeat, say), that happens to be under way. */
const MOMENTARY = new Set(["FSReqCallback", "FSReqPromise", "MessagePort"]);

/** Ref'd handles of the event loop, by kind: sockets, timers, … */
function resources(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) {
    if (!MOMENTARY.has(kind)) counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

process.on("message", (question) => {
  if (question === "resources") {
    process.send?.(resources());
    return;
  }
  // queryObjects collects all garbage first, which takes a while.
  const live = Object.fromEntries(
    CLASSES.map((each) => [each.name, queryObjects(each, { format: "count" })]),
  );
  process.send?.({ heap: process.memoryUsage().heapUsed, live });
});
// The channel must not keep a server alive that has closed.
process.channel?.unref();
