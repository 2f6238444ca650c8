import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Browser, CDPSession } from "playwright-core";
import { z } from "zod";
import { openBrowser, openPage, skipWithoutChromium } from "../support/browser.ts";
import { type ServerProcess, startServerProcess } from "../support/server-process.ts";
import { VoiceClient } from "../support/voice-client.ts";

/** A turn of the caller and one of the agent each; by the first of these the page has all the turns it keeps. */
const WARM = 250;
const ALL = 1_000;
const WORDS = ["Where is my order?", "It is late, and I am not happy.", "Thank you, that was great!"];

const snapshotSchema = z.object({
  snapshot: z.object({ meta: z.object({ node_fields: z.array(z.string()) }) }),
  nodes: z.array(z.number()),
});

describe("a call that goes on and on", { skip: skipWithoutChromium() }, () => {
  let server: ServerProcess;
  let browser: Browser;

  before(async () => {
    const env = {
      LOG_LEVEL: "warn",
      MAX_EVENTS_PER_SECOND: "2000",
      MAX_REQUESTS_PER_SECOND: "2000",
      DRAIN_TIMEOUT_MS: "0",
    };
    [server, browser] = await Promise.all([startServerProcess({ env }), openBrowser()]);
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  test("keeps its mood chips, and the page is as large after 2,000 turns as after 500", async () => {
    const call = await VoiceClient.connect(server.wsUrl, { init: { caller: { call_id: "CA-long" } } });
    call.join();
    await call.next("agent.speak");
    const { page, errors } = await openPage(browser, `${server.url}/console#/live/CA-long`);
    const transcript = page.getByRole("region", { name: "Transcript" });
    const devTools = await page.context().newCDPSession(page);
    const talkUntil = async (from: number, to: number) => {
      for (let turn = from; turn <= to; turn += 1) await call.turn(`${WORDS[turn % WORDS.length]} ${turn}`);
      await transcript.getByText(`${WORDS[to % WORDS.length]} ${to}`, { exact: true }).waitFor();
      return sizeOf(devTools);
    };
    const warm = await talkUntil(1, WARM);
    const whole = await talkUntil(WARM + 1, ALL);
    await transcript.getByText("The first 1801 turns are not shown here").waitFor();
    const chips = await transcript.getByText(/positive|neutral|negative|frustrated/).count();
    assert.ok(chips >= 99, `${chips} mood chips beside the 100 turns of the caller that are shown`);
    const figures = JSON.stringify({ warm, whole });
    assert.ok(whole.detached <= warm.detached + 50, `detached elements: ${figures}`);
    assert.ok(whole.bytes <= warm.bytes * 1.15, `bytes on the heap: ${figures}`);
    assert.deepEqual(errors, []);
    await call.close();
    await page.context().close();
  });
});

/** What the page has on its heap after a collection, by a snapshot: bytes, and elements that are in no document. */
async function sizeOf(devTools: CDPSession): Promise<{ bytes: number; detached: number }> {
  const chunks: string[] = [];
  const take = ({ chunk }: { chunk: string }) => chunks.push(chunk);
  devTools.on("HeapProfiler.addHeapSnapshotChunk", take);
  await devTools.send("HeapProfiler.takeHeapSnapshot", { reportProgress: false });
  devTools.off("HeapProfiler.addHeapSnapshotChunk", take);
  const { snapshot, nodes } = snapshotSchema.parse(JSON.parse(chunks.join("")));
  const fields = snapshot.meta.node_fields;
  const [size, detachedness] = [fields.indexOf("self_size"), fields.indexOf("detachedness")];
  let bytes = 0;
  let detached = 0;
  for (let node = 0; node < nodes.length; node += fields.length) {
    bytes += nodes[node + size] ?? 0;
    // 2: detached.
    if (nodes[node + detachedness] === 2) detached += 1;
  }
  return { bytes, detached };
}
