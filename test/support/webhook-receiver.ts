import { EventEmitter, on } from "node:events";
import type { IncomingHttpHeaders } from "node:http";
import { text as readText } from "node:stream/consumers";
import type { TestContext } from "node:test";
import { z } from "zod";
import { listen } from "./http-server.ts";

const GUARD_MS = 60_000;

export type Answer = {
  status?: number;
  headers?: Record<string, string>;
  /** The answer waits for it. */
  after?: Promise<void>;
};
export type Post = { headers: IncomingHttpHeaders; raw: string; body: Record<string, unknown> };

/** A receiver of webhooks that answers as it is told, and keeps what it was sent. */
export async function startWebhookReceiver(
  t: TestContext,
  answer: (post: Post, nth: number) => Answer = () => ({}),
) {
  const posts: Post[] = [];
  const changes = new EventEmitter();
  const origin = await listen(t, async (request, response) => {
    const raw = await readText(request);
    const body = z.record(z.string(), z.unknown()).parse(JSON.parse(raw));
    const post = { headers: request.headers, raw, body };
    posts.push(post);
    changes.emit("post");
    const { status = 204, headers = {}, after } = answer(post, posts.length);
    await after;
    response.writeHead(status, headers).end();
  });
  return {
    url: `${origin}/hook`,
    posts,
    /** Resolves when this holds of what has come. @throws after a minute */
    until: async (holds: (posts: readonly Post[]) => boolean): Promise<void> => {
      if (holds(posts)) return;
      const guard = AbortSignal.timeout(GUARD_MS);
      for await (const _ of on(changes, "post", { signal: guard })) if (holds(posts)) return;
    },
  };
}
