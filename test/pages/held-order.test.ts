import assert from "node:assert/strict";
import { after, before, describe, type TestContext, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { openBrowser, openPage, type PageOptions, skipWithoutChromium } from "../support/browser.ts";
import { until } from "../support/recorded-calls.ts";
import { serverFor } from "../support/server-process.ts";
import { VoiceClient } from "../support/voice-client.ts";

const CALLS = 8;
const WISH = "I want to speak to a manager.";

/** In the page: the browser's score of each jump, and how many elements have glided. */
const KEEP_JUMPS = `
  window.jumps = [];
  window.glides = 0;
  new PerformanceObserver((list) => {
    for (const { value } of list.getEntries()) jumps.push(value);
  }).observe({ type: "layout-shift" });
  const { animate } = Element.prototype;
  Element.prototype.animate = function (...how) {
    glides += 1;
    return animate.apply(this, how);
  };
`;

describe("the order of the live calls", { skip: skipWithoutChromium() }, () => {
  let browser: Browser;

  before(async () => {
    browser = await openBrowser();
  });
  after(async () => {
    await browser?.close();
  });

  /** A page with calls of which none wants anything; the oldest comes first. */
  const openList = async (t: TestContext, options: PageOptions) => {
    const server = await serverFor(t, { env: { DRAIN_TIMEOUT_MS: "0", SILENCE_TIMEOUT_MS: "0" } });
    const calls: VoiceClient[] = [];
    for (let number = 0; number < CALLS; number += 1) {
      const call = await VoiceClient.connect(server.wsUrl, { init: { caller: { call_id: `CA-${number}` } } });
      call.join();
      await call.next("agent.speak");
      calls.push(call);
    }
    const { page } = await openPage(browser, `${server.url}/console#/live`, options);
    t.after(() => page.context().close());
    await page
      .locator(".row")
      .nth(CALLS - 1)
      .waitFor();
    /** One of them asks for a person, and the page knows it. */
    const asksForPerson = async (number: number) => {
      await calls[number]?.turn(WISH);
      await page
        .locator(".row", { hasText: `CA-${number}` })
        .locator(".chip.alert")
        .first()
        .waitFor();
    };
    return { page, asksForPerson };
  };
  const order = (page: Page) => page.locator(".call-list .row-name b").allInnerTexts();
  const inOrder = (...first: number[]) => {
    const others = [...Array(CALLS).keys()].filter((number) => !first.includes(number));
    return [...first, ...others].map((number) => `CA-${number}`);
  };
  const becomes = (page: Page, expected: readonly string[]) =>
    until(async () => (await order(page)).join() === expected.join());

  test("stays as it is under the pointer, and changes when the reader takes the change", async (t) => {
    const { page, asksForPerson } = await openList(t, {});
    await page.locator(".row").nth(3).hover();
    await asksForPerson(5);
    assert.deepEqual(await order(page), inOrder());
    await page.getByRole("button", { name: "1 changed: show them" }).click();
    await becomes(page, inOrder(5));
    await asksForPerson(2);
    assert.deepEqual(await order(page), inOrder(5));
    await page.getByRole("heading", { name: "Console" }).hover();
    await becomes(page, inOrder(5, 2));
  });

  test("stays as it is for somebody who reads further down on a phone", async (t) => {
    const { page, asksForPerson } = await openList(t, { width: 360, height: 500, touch: true });
    await page.locator(".row").nth(6).scrollIntoViewIfNeeded();
    const place = await page.locator(".row").nth(5).boundingBox();
    assert.ok(place);
    // A finger that rests on a row and is drawn away does not follow its link.
    await page.evaluate(
      `document.addEventListener("click", (event) => event.preventDefault(), { capture: true, once: true })`,
    );
    await page.touchscreen.tap(place.x + 20, place.y + 10);
    await asksForPerson(5);
    assert.deepEqual(await order(page), inOrder());
    await page.evaluate("scrollTo(0, 0)");
    await becomes(page, inOrder(5));
  });

  test("changes by a glide, in which nothing jumps", async (t) => {
    const { page, asksForPerson } = await openList(t, { width: 412, height: 823, motion: true });
    await page.evaluate(KEEP_JUMPS);
    await asksForPerson(5);
    await becomes(page, inOrder(5));
    await asksForPerson(3);
    await becomes(page, inOrder(5, 3));
    // Each moves the whole screen by a row: as jumps they are 0.1 and more.
    const jumps = await page.evaluate<number[]>("jumps");
    assert.deepEqual(
      jumps.filter((jump) => jump > 0.01),
      [],
    );
    assert.ok((await page.evaluate<number>("glides")) >= CALLS);
  });

  test("changes at once for who wants nothing to move", async (t) => {
    const { page, asksForPerson } = await openList(t, {});
    await page.evaluate(KEEP_JUMPS);
    await asksForPerson(5);
    await becomes(page, inOrder(5));
    assert.equal(await page.evaluate("glides"), 0);
  });
});
