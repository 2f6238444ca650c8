import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import type { Browser } from "playwright-core";
import {
  accessibilityFaults,
  openBrowser,
  openPage,
  screenshot,
  skipWithoutChromium,
} from "../support/browser.ts";
import { type RecordServer, startRecordServer } from "../support/record-server.ts";
import { until } from "../support/recorded-calls.ts";
import { VoiceClient } from "../support/voice-client.ts";

const TOKEN = "a-token-for-the-test";

describe("finding calls on the console", { skip: skipWithoutChromium() }, () => {
  let server: RecordServer;
  let browser: Browser;

  before(async () => {
    [server, browser] = await Promise.all([
      startRecordServer({ AUTH_TOKEN: TOKEN, MODEL_PRICES: "big=2/10" }),
      openBrowser(),
    ]);
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  const open = (path: string, options: Parameters<typeof openPage>[2] = {}) =>
    openPage(browser, `${server.url}/console#${path}`, { token: TOKEN, ...options });

  test("with filters that leave calls on the first screen, also at 200 %", async () => {
    const { page } = await open("/calls", { width: 640, height: 640 });
    await page.locator("table.calls tbody tr").first().waitFor();
    for (const [width, most] of [
      [1280, 2],
      [640, 4],
      [360, 6],
    ] as const) {
      await page.setViewportSize({ width, height: 640 });
      const lines = await page.evaluate<number>(
        `new Set([...document.querySelectorAll(".filters > *")].map((one) => Math.round(one.getBoundingClientRect().bottom))).size`,
      );
      assert.ok(lines <= most, `${lines} lines at ${width} px`);
      assert.equal(await page.evaluate("document.documentElement.scrollWidth"), width);
    }
    await page.context().close();
  });

  test("by what has a long name, on a phone, too", async () => {
    const long = "x".repeat(200);
    for (const path of [`/calls?agent=${long}`, `/calls/${long}`]) {
      const { page } = await open(path, { width: 320 });
      await page.getByText(long).first().waitFor();
      assert.equal(await page.evaluate("document.documentElement.scrollWidth"), 320);
      await page.context().close();
    }
  });

  test("by words that were said; the place found leads to its turn", async () => {
    const { page, errors } = await open("/calls");
    await page.getByRole("link", { name: "CA-month-0", exact: true }).waitFor();
    await page.getByLabel("Words said").fill('"looks after" anyth');
    await page.keyboard.press("Enter");
    const found = page.getByRole("link", { name: "Nobody looks after anything!" });
    await found.waitFor();
    assert.equal(await page.locator("table.calls tbody tr").count(), 1);
    assert.equal(await found.locator("mark").innerText(), "looks after");
    await screenshot(page, "record-search");
    assert.deepEqual(await accessibilityFaults(page), []);
    await found.click();
    await page.locator("#turn-6:focus").waitFor();
    assert.deepEqual(errors, []);
    await page.context().close();
  });

  test("without a word to look for, the page says so, and no calls stand below", async () => {
    const { page } = await open("/calls");
    await page.locator("table.calls tbody tr").first().waitFor();
    await page.getByLabel("Words said").fill("…");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").getByText("Expected a word to look for.").waitFor();
    assert.equal(await page.locator("table.calls").count(), 0);
    assert.equal(await page.getByRole("button", { name: "Try again" }).count(), 0);
    await page.context().close();
  });

  test("by a part of an id over all calls, and the worst first", async () => {
    const { page } = await open("/calls?id=month-11");
    const ids = page.locator("table.calls tbody th a");
    await page.getByRole("link", { name: "CA-month-119" }).waitFor();
    assert.equal(await ids.count(), 11);
    await page.getByLabel("Call id").fill("");
    await page.getByLabel("Order").selectOption("highest risk first");
    await page.locator("table.calls tbody tr").first().getByText("CA-whole").waitFor();
    await page.context().close();
  });

  test("a way back keeps rows, place and filter; a link begins anew", async () => {
    const { page } = await open("/calls?label=neutral", { height: 600 });
    const rows = page.locator("table.calls tbody tr");
    await rows.first().waitFor();
    await page.getByRole("button", { name: "More calls" }).click();
    await until(() =>
      page.evaluate<boolean>("document.querySelectorAll('table.calls tbody tr').length > 50"),
    );
    const count = await rows.count();
    const link = rows.nth(40).getByRole("link").first();
    await link.scrollIntoViewIfNeeded();
    const place = await page.evaluate<number>("scrollY");
    assert.ok(place > 500);
    await link.click();
    await page.getByRole("region", { name: "Transcript" }).waitFor();
    assert.equal(await page.evaluate("scrollY"), 0, "a report begins at its beginning");
    await page.getByRole("link", { name: "← Recent calls" }).click();
    await rows.nth(count - 1).waitFor();
    assert.equal(await page.getByLabel("Mood").inputValue(), "neutral");
    await until(() => page.evaluate<boolean>(`scrollY === ${place}`));
    await page.goForward();
    await page.getByRole("region", { name: "Transcript" }).waitFor();
    await page.goBack();
    await until(() => page.evaluate<boolean>(`scrollY === ${place}`));
    await page.getByRole("link", { name: "Recent calls" }).click();
    await until(() =>
      page.evaluate<boolean>("document.querySelectorAll('table.calls tbody tr').length === 50"),
    );
    await page.context().close();
  });

  test("exports what the filter lets through", async () => {
    const { page } = await open("/calls?from=2026-03-25&to=2026-03-25");
    await page.getByRole("link", { name: "CA-whole" }).waitFor();
    for (const [name, file, lines] of [
      ["Export CSV", "calls.csv", 2],
      ["Export JSON", "calls.jsonl", 1],
    ] as const) {
      const [download] = await Promise.all([
        page.waitForEvent("download"),
        page.getByRole("button", { name }).click(),
      ]);
      assert.equal(download.suggestedFilename(), file);
      const text = await readFile(await download.path(), "utf8");
      assert.equal(text.startsWith("\ufeff"), file === "calls.csv", "the mark by which Excel knows UTF-8");
      assert.equal(text.trimEnd().split("\n").length, lines);
      assert.ok(text.includes("CA-whole"));
    }
    // As when the connection breaks in the middle.
    await page.evaluate("Response.prototype.blob = () => Promise.reject(new TypeError('network error'))");
    await page.getByRole("button", { name: "Export CSV" }).click();
    await page.getByText("The connection broke before the file was complete.").waitFor();
    assert.ok(await page.getByRole("button", { name: "Export CSV" }).isEnabled());
    await page.context().close();
  });

  test("a view that is saved can be opened again, also after a reload, and be forgotten", async () => {
    const { page } = await open("/calls?escalated=true&sort=score+asc");
    await page.getByRole("link", { name: "CA-whole" }).waitFor();
    await page.getByRole("button", { name: "Save this view…" }).click();
    await page.getByLabel("Name of this view").fill("Lost callers");
    await page.keyboard.press("Enter");
    await page.getByRole("link", { name: "Quality" }).click();
    await page.reload();
    await page.getByRole("link", { name: "Lost callers" }).click();
    await page.getByRole("link", { name: "CA-whole" }).waitFor();
    assert.equal(await page.getByLabel("Escalated").inputValue(), "true");
    assert.equal(await page.getByLabel("Order").inputValue(), "score asc");
    await screenshot(page, "record-saved-view");
    assert.deepEqual(await accessibilityFaults(page), []);
    await page.getByRole("button", { name: "Forget the view Lost callers" }).click();
    await page.getByRole("link", { name: "Lost callers" }).waitFor({ state: "detached" });
    await page.context().close();
  });

  test("quality compares, adds up alerts, tokens and cost, and shows the worst calls", async () => {
    const { page, errors } = await open("/quality");
    assert.equal(await page.getByText("MODEL_PRICES").count(), 0, "every model has a price");
    const comparison = page.getByRole("region", { name: "Comparison", exact: true });
    await comparison.getByRole("row", { name: /^v1 60/ }).waitFor();
    await page.getByRole("row", { name: "big 240 1,200,000 60,000 $3.00" }).waitFor();
    assert.equal(await page.getByRole("table", { name: "Worst calls" }).getByRole("row").count(), 6);
    await screenshot(page, "record-quality");
    assert.deepEqual(await accessibilityFaults(page), []);
    await comparison.getByRole("link", { name: "Weekday" }).click();
    await comparison.getByRole("rowheader", { name: "Monday" }).waitFor();
    await comparison.getByRole("link", { name: "Channel" }).click();
    await comparison.getByRole("link", { name: "incoming call" }).click();
    await page.getByRole("link", { name: "CA-month-0", exact: true }).waitFor();
    assert.equal(await page.getByLabel("Channel").inputValue(), "telephonyInbound");

    await page.goto(`${server.url}/console#/quality?from=2026-03-23&to=2026-03-25`);
    await page.getByRole("link", { name: "negative run" }).waitFor();
    await page.setViewportSize({ width: 320, height: 800 });
    await until(() => page.evaluate<boolean>("document.documentElement.scrollWidth === 320"), 5_000);
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.getByRole("link", { name: "negative run" }).click();
    await page.getByRole("link", { name: "CA-whole" }).waitFor();
    await page.getByRole("link", { name: /alert: negative run/ }).click();
    await page.getByRole("link", { name: "CA-evening-of-the-23rd" }).waitFor();
    assert.deepEqual(errors, []);
    await page.context().close();
  });

  test("quality's links lead to the calls of its time, and a way back to the place", async () => {
    const { page } = await open("/quality?from=2026-03-25&to=2026-03-25&bucket=hour", { height: 600 });
    const rule = page.getByRole("link", { name: "negative run" });
    await rule.scrollIntoViewIfNeeded();
    await page.locator(".chart .u-over").first().waitFor();
    await rule.scrollIntoViewIfNeeded();
    const place = await page.evaluate<number>("scrollY");
    assert.ok(place > 100, `scrolled to ${place}`);
    await rule.click();
    await page.getByRole("link", { name: "CA-whole" }).waitFor();
    assert.match(page.url(), /from=2026-03-25T00%3A00Z&to=2026-03-26T00%3A00Z&alert=negative_run$/);
    await page.goBack();
    await rule.waitFor();
    await until(() => page.evaluate<boolean>(`scrollY === ${place}`));

    await page.goto(`${server.url}/console#/quality?from=2020-01-01&to=2020-01-02`);
    await page.getByRole("link", { name: "Show the latest calls" }).click();
    await page.getByRole("table", { name: "Worst calls" }).waitFor();
    await page.context().close();
  });

  test("a link to a live call leads to its report once it has ended, by either id", async () => {
    const call = await VoiceClient.connect(`${server.server.wsUrl}?token=${TOKEN}`, {
      init: { caller: { call_id: "CA-short", direction: "inbound" } },
    });
    call.join();
    await call.next("agent.speak");
    const { page } = await open("/live/CA-short");
    await page.getByRole("heading", { name: "CA-short" }).waitFor();
    const link = page.url();
    await call.close();
    await page.getByText("The call has ended").waitFor();
    for (const address of [link, `${server.url}/console#/live/CA-short`]) {
      await page.goto("about:blank");
      await page.goto(address);
      await page.getByRole("heading", { name: "CA-short" }).waitFor();
      await page.getByText("The agent spoke").waitFor();
      assert.match(page.url(), /#\/calls\/[0-9a-f-]{36}$/);
    }
    await page.goto(`${server.url}/console#/calls/CA-none`);
    await page.getByRole("heading", { name: "No such call" }).waitFor();
    await page.context().close();
  });

  test("a new tab does not ask for the token again, and it is written down nowhere", async () => {
    const { page } = await openPage(browser, `${server.url}/console#/calls`);
    await page.getByLabel("Token").fill(TOKEN);
    await page.keyboard.press("Enter");
    const link = page.getByRole("link", { name: "CA-month-0", exact: true });
    const opened = page.context().waitForEvent("page");
    await link.click({ modifiers: ["ControlOrMeta"] });
    const tab = await opened;
    await tab.getByRole("region", { name: "Transcript" }).waitFor();
    assert.equal(await tab.evaluate("localStorage.length"), 0);
    await page.context().close();
  });
});
