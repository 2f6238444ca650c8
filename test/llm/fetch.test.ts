import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import test, { describe } from "node:test";
import { LlmError } from "../../lib/errors.ts";
import { createFetch, DirectResponse } from "../../lib/llm/fetch.ts";
import { ResponseBytes } from "../../lib/llm/response-bytes.ts";
import { listen } from "../support/http-server.ts";
import { fc } from "../support/property.ts";

const ask = createFetch();

function bytesOf(response: Response): ResponseBytes {
  assert.ok(response instanceof DirectResponse);
  return response.bytes;
}

describe("our fetch", () => {
  test("gives status, headers and the whole body, past an informational response", async (t) => {
    const url = await listen(t, (_request, response) => {
      response.writeEarlyHints({ link: "</style.css>; rel=preload" });
      response.writeHead(201, { "set-cookie": ["a=1", "b=2"], "x-request-id": "7" });
      response.end("whole");
    });
    const response = await ask(url, { method: "POST", body: "{}" });
    assert.equal(response.status, 201);
    assert.equal(response.headers.get("x-request-id"), "7");
    assert.deepEqual(response.headers.getSetCookie(), ["a=1", "b=2"]);
    assert.equal(await response.text(), "whole");
  });

  test("gives the body of an error as an ordinary response", async (t) => {
    const url = await listen(t, (_request, response) => response.writeHead(429).end('{"error":1}'));
    const response = await ask(url);
    assert.ok(!(response instanceof DirectResponse));
    assert.deepEqual([response.status, await response.json()], [429, { error: 1 }]);
  });

  test("sends nothing when the signal was aborted before", async (t) => {
    let requests = 0;
    const url = await listen(t, (_request, response) => {
      requests += 1;
      response.end();
    });
    const reason = new Error("not any more");
    await assert.rejects(ask(url, { signal: AbortSignal.abort(reason) }), reason);
    await ask(url);
    assert.equal(requests, 1);
  });

  test("closes the connection of an aborted request that has no answer yet", async (t) => {
    const news = new EventEmitter();
    const controller = new AbortController();
    const reason = new Error("enough");
    const url = await listen(t, (request) => {
      request.socket.once("close", () => news.emit("closed"));
      controller.abort(reason);
    });
    const closed = once(news, "closed");
    await assert.rejects(ask(url, { signal: controller.signal }), reason);
    await closed;
  });

  test("ends the body with the signal's reason, after what had come", async (t) => {
    const url = await listen(t, (_request, response) => {
      response.write("first");
    });
    const controller = new AbortController();
    const reason = new Error("enough");
    const bytes = bytesOf(await ask(url, { signal: controller.signal }));
    assert.equal(String((await bytes.next()).value), "first");
    controller.abort(reason);
    await assert.rejects(bytes.next(), reason);
  });

  test("takes no whole answer that has no end", async (t) => {
    const url = await listen(t, (_request, response) => {
      const write = () => {
        while (response.write(Buffer.alloc(1024 * 1024, " ")));
      };
      response.on("drain", write);
      write();
    });
    const response = await ask(url);
    await assert.rejects(
      response.json(),
      (error) => error instanceof LlmError && error.kind === "bad_stream",
    );
  });
});

/** Stands in for a connection. */
class Connection {
  aborted = false;
  paused = false;
  readonly reason = null;
  pause(): void {
    this.paused = true;
  }
  resume(): void {
    this.paused = false;
  }
  abort(): void {
    this.aborted = true;
  }
}

test("bytes come out as they went in, however reading and arriving take turns", async () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant("push" as const), size: fc.integer({ min: 1, max: 50_000 }) }),
    fc.record({ kind: fc.constant("read" as const) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.boolean(), async (steps, breaks) => {
      const connection = new Connection();
      const bytes = new ResponseBytes(connection);
      const sent: Uint8Array[] = [];
      const reads: Promise<IteratorResult<Uint8Array, undefined>>[] = [];
      let waiting = false;
      for (const each of steps) {
        if (each.kind === "push") {
          const piece = new Uint8Array(each.size).fill(sent.length);
          sent.push(piece);
          bytes.push(piece);
        } else if (!waiting) {
          reads.push(bytes.next());
        }
        // One reader asks for one piece at a time.
        waiting = reads.length > sent.length;
        const unread = sent.slice(reads.length).reduce((sum, { length }) => sum + length, 0);
        assert.equal(connection.paused, unread >= 64 * 1024);
      }
      const error = new Error("broken");
      bytes.end(breaks ? error : null);
      while (reads.length < sent.length) reads.push(bytes.next());
      const last = waiting ? reads.pop() : bytes.next();
      const got = await Promise.all(reads);
      assert.deepEqual(
        got.map(({ value }) => value),
        sent,
      );
      if (breaks) await assert.rejects(async () => last, error);
      else assert.deepEqual(await last, { done: true, value: undefined });
    }),
  );
});

test("who leaves in the middle closes the connection, who leaves at the end does not", async () => {
  const [left, ended] = [new Connection(), new Connection()];
  await new ResponseBytes(left).return();
  const whole = new ResponseBytes(ended);
  whole.end(null);
  await whole.return();
  assert.deepEqual([left.aborted, ended.aborted], [true, false]);
});
