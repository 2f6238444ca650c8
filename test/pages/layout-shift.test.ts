import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { z } from "zod";
import { openBrowser, openPage, skipWithoutChromium } from "../support/browser.ts";
import { type ServerProcess, startServerProcess } from "../support/server-process.ts";
import { VoiceClient } from "../support/voice-client.ts";

/** What a reader does not notice; 0.1 is the most that is called good (web.dev/articles/cls). */
const MOST = 0.05;

/** In the page: how far what is on it has moved, as the browser reckons it. */
const KEEP_SHIFTS = `
  window.shift = 0;
  new PerformanceObserver((list) => {
    for (const { value, hadRecentInput } of list.getEntries()) if (!hadRecentInput) shift += value;
  }).observe({ type: "layout-shift", buffered: true });
`;

const FIRST = "Where is my order?";
const LAST = "I am not happy with that at all!";
/** Of a live call: its transcript is longer than a window is high, and drawn from its end. */
const LONG = [FIRST, ...Array.from({ length: 14 }, (_, n) => `And where is number ${n}?`), LAST];
const isWhole = (page: Page) => page.getByRole("log").getByText(FIRST, { exact: true }).waitFor();

const VIEWS: readonly [view: string, isThere: (page: Page) => Promise<void>][] = [
  ["live", (page) => page.getByRole("link", { name: /CA-live/ }).waitFor()],
  ["live/CA-live", isWhole],
  ["desk/CA-live", isWhole],
  ["calls", (page) => page.getByRole("link", { name: "CA-ended" }).waitFor()],
  ["calls/CA-ended", (page) => page.getByRole("heading", { name: "Talk ratio" }).waitFor()],
  ["quality", (page) => page.getByRole("heading", { name: "Worst calls" }).waitFor()],
];

const listSchema = z.object({
  calls: z.array(z.object({ session_id: z.string(), call_id: z.string().nullable() })),
});

describe("a view of the console", { skip: skipWithoutChromium() }, () => {
  let server: ServerProcess;
  let browser: Browser;
  let live: VoiceClient;
  /** The server's ids by the platform's: the address of a call is to be its own from the start. */
  let ids: ReadonlyMap<string | null, string>;

  const callFrom = async (callId: string, remarks = [FIRST, LAST]) => {
    const call = await VoiceClient.connect(server.wsUrl, { init: { caller: { call_id: callId } } });
    call.join();
    await call.next("agent.speak");
    for (const words of remarks) await call.turn(words);
    return call;
  };

  before(async () => {
    [server, browser] = await Promise.all([
      startServerProcess({ env: { DRAIN_TIMEOUT_MS: "0", SILENCE_TIMEOUT_MS: "0" } }),
      openBrowser(),
    ]);
    await (await callFrom("CA-ended")).close();
    live = await callFrom("CA-live", LONG);
    const lists = await Promise.all(
      ["/calls", "/live/calls"].map(async (path) => {
        const answer = await fetch(server.url + path);
        return listSchema.parse(await answer.json()).calls;
      }),
    );
    ids = new Map(lists.flat().map((call) => [call.call_id, call.session_id]));
  });
  after(async () => {
    await browser?.close();
    await live?.close();
    await server?.stop();
  });

  for (const [view, isThere] of VIEWS) {
    for (const [width, height] of [
      [360, 800],
      [1280, 1000],
    ] as const) {
      test(`${view} is drawn where it stays, ${width} px`, async () => {
        const [tab = "", callId = null] = view.split("/");
        const id = callId === null ? "" : `/${ids.get(callId)}`;
        const { page, errors } = await openPage(browser, "about:blank", { width, height });
        await page.addInitScript(KEEP_SHIFTS);
        await page.goto(`${server.url}/console#/${tab}${id}`);
        await isThere(page);
        // Twice: what is drawn in the first has moved by the second.
        await page.evaluate(
          "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))",
        );
        const shift = await page.evaluate<number>("shift");
        assert.ok(shift <= MOST, `what was on the page has moved by ${shift}`);
        assert.deepEqual(errors, []);
        await page.context().close();
      });
    }
  }

  test("a call opened on a phone has no list behind it until one goes back", async () => {
    const link = `${server.url}/console#/live/${ids.get("CA-live")}`;
    const { page, errors } = await openPage(browser, link, { width: 412, touch: true });
    await page.getByRole("button", { name: "Take over" }).waitFor();
    await page.getByRole("log").getByText(LAST).waitFor();
    assert.equal(await page.locator(".row").count(), 0);
    await page.getByRole("link", { name: "All live calls" }).click();
    await page.locator(".row", { hasText: "CA-live" }).waitFor();
    await page.goBack();
    await page.getByRole("button", { name: "Take over" }).waitFor();
    // It keeps its rows now, for whoever comes back again.
    assert.equal(await page.locator(".row").count(), 1);
    assert.deepEqual(errors, []);
    await page.context().close();
  });
});
