import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Browser } from "playwright-core";
import { loadScenarios } from "../../rehearse/scenario/load.ts";
import {
  accessibilityFaults,
  openBrowser,
  openPage,
  screenshot,
  skipWithoutChromium,
} from "../support/browser.ts";
import {
  HOUR,
  LONG,
  LONG_ID,
  type RecordServer,
  startRecordServer,
  WHOLE,
  WORDLESS,
} from "../support/record-server.ts";
import { until } from "../support/recorded-calls.ts";

describe("the record on the console", { skip: skipWithoutChromium() }, () => {
  let server: RecordServer;
  let browser: Browser;

  before(async () => {
    [server, browser] = await Promise.all([startRecordServer(), openBrowser()]);
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  const open = (path: string, options: Parameters<typeof openPage>[2] = {}) =>
    openPage(browser, `${server.url}/console#${path}`, options);

  test("a chart of thirty days has dates at every width, and none is cut off", async () => {
    const { page, errors } = await openPage(browser, "about:blank");
    await page.addInitScript(RECORD_NAMES);
    await page.goto(`${server.url}/console#/quality`);
    for (const width of [1280, 1024, 700, 480, 360, 320]) {
      await page.setViewportSize({ width, height: 800 });
      await until(() =>
        page.evaluate<boolean>(
          `names.some(({ text, page }) => page === ${width} && /^([0-9]+ [A-Z][a-z]|[A-Z][a-z]+ [0-9])/.test(text))`,
        ),
      );
      const names = await page.evaluate<{ left: number; right: number; width: number }[]>("names");
      const cut = names.filter(({ left, right, width }) => left < 0 || right > width);
      assert.deepEqual(cut, [], `at ${width} px`);
    }
    assert.deepEqual(errors, []);
    await page.context().close();
  });

  test("a click on a day of a chart shows the calls of that day", async () => {
    const { page } = await open("/quality", { timeZone: "Asia/Kolkata" });
    const chart = page.locator(".chart", { hasText: "Escalation rate" });
    const over = chart.locator(".u-over");
    await over.waitFor();
    const box = await over.boundingBox();
    assert.ok(box);
    // The last point but a few: a day in the middle of the recorded ones.
    await page.mouse.move(box.x + box.width * 0.5, box.y + 60);
    const hovered = await chart.locator(".hovered").innerText();
    assert.match(hovered, /^\w+ \w+: \d+ %$/);
    await screenshot(page, "console-quality-hover");
    await page.mouse.down();
    await page.mouse.up();
    // Not the worst calls, which stand on the page of the chart.
    await page.getByRole("table", { name: "Calls", exact: true }).waitFor();
    const from = await page.getByLabel("From", { exact: true }).inputValue();
    assert.equal(from, await page.getByLabel("To", { exact: true }).inputValue());
    const shown = await page.locator("table.calls td[data-name=Began]").allInnerTexts();
    const day = new Date(`${from}T00:00Z`).toLocaleDateString("en-US", {
      dateStyle: "medium",
      timeZone: "UTC",
    });
    assert.ok(shown.length > 0 && shown.every((text) => text.startsWith(day)), `${day}: ${shown}`);
    await page.context().close();
  });

  test("a day is the viewer's day", async () => {
    const { page } = await open("/calls?from=2026-03-23&to=2026-03-23", { timeZone: "America/Los_Angeles" });
    await page.getByRole("link", { name: "CA-evening-of-the-23rd" }).waitFor();
    assert.equal(await page.locator("table.calls tbody tr").count(), 1);
    assert.match(await page.locator("td[data-name=Began]").innerText(), /Mar 23, 2026, 6:30/);
    await page.context().close();
  });

  test("an hour that comes twice has its own calls each time", async () => {
    for (const [index, call] of ["CA-one-oclock-08-in-utc", "CA-one-oclock-09-in-utc"].entries()) {
      const { page, errors } = await open("/quality?from=2025-11-02&to=2025-11-02&bucket=hour", {
        timeZone: "America/Los_Angeles",
      });
      await page.getByText("Show the figures as a table").click();
      const hours = page.getByRole("region", { name: "Figures" }).getByRole("link");
      await hours.nth(1).waitFor();
      assert.deepEqual(await hours.allInnerTexts(), ["Nov 2, 2025 01:00 PDT", "Nov 2, 2025 01:00 PST"]);
      await hours.nth(index).click();
      const calls = page.getByRole("table", { name: "Calls", exact: true });
      await calls.getByRole("link", { name: call }).waitFor();
      assert.equal(await calls.locator("tbody tr").count(), 1);
      assert.equal(await page.getByLabel("From", { exact: true }).inputValue(), "2025-11-02T01:00");
      // Another filter leaves the hour as it is.
      const address = page.url();
      await page.getByLabel("Mood").selectOption("negative");
      await page.waitForURL(/label=negative/);
      await page.getByRole("link", { name: call }).waitFor();
      assert.ok(page.url().startsWith(address), page.url());
      assert.deepEqual(errors, []);
      await page.context().close();
    }
  });

  test("a year has months on its axis, and by the hour is too long, which the page says", async () => {
    const { page } = await openPage(browser, "about:blank");
    await page.addInitScript(RECORD_NAMES);
    await page.goto(`${server.url}/console#/quality?from=2025-04-01&to=2026-03-31`);
    await until(() =>
      page.evaluate<boolean>("names.some(({ text }) => /^[A-Z][a-z][a-z] 202[56]$/.test(text))"),
    );
    const names = await page.evaluate<{ left: number; right: number; width: number }[]>("names");
    assert.deepEqual(
      names.filter(({ left, right, width }) => left < 0 || right > width),
      [],
    );
    await page.getByRole("link", { name: "By hour" }).click();
    const alert = page
      .getByRole("alert")
      .filter({ hasText: "By hour, at most 100 days can be shown" })
      .first();
    await alert.waitFor();
    assert.match(await alert.innerText(), /: choose a shorter time, or days\.$/);
    assert.equal(await page.locator(".chart").count(), 0, "the figures of the days do not stand below");
    await page.context().close();
  });

  test("a call in which nothing happened has no empty panels", async () => {
    const { page } = await open(`/calls/${LONG}`);
    await page.getByText("Nobody said anything.").waitFor();
    for (const name of ["Coaching", "Escalation", "Transfers", "Talk ratio", "Variables"])
      assert.equal(await page.getByRole("region", { name, exact: true }).count(), 0, name);
    assert.equal(await page.locator(".chart").count(), 0);
    await page.context().close();
  });

  test("neither a long id nor a long end makes two lines of a date, or hangs over the page's edge", async () => {
    const scored = await fetch(`${server.url}/calls/${LONG}/review/scorecard`, {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ as: "Ann", answers: { greeting: "yes" } }),
    });
    assert.equal(scored.status, 200);
    const { page } = await open("/calls?from=2026-03-20&to=2026-03-26");
    await page.getByRole("link", { name: LONG_ID }).waitFor();
    const lines = await page.evaluate<
      number[]
    >(`[...document.querySelectorAll("td[data-name=Began]")].map((cell) => {
      const range = document.createRange();
      range.selectNodeContents(cell);
      return range.getClientRects().length;
    })`);
    assert.deepEqual(new Set(lines), new Set([1]));
    await screenshot(page, "console-calls-long-id");
    for (const width of [1280, 360]) {
      await page.setViewportSize({ width, height: 800 });
      assert.equal(await page.evaluate("document.documentElement.scrollWidth"), width);
    }
    assert.deepEqual(await accessibilityFaults(page), []);
    await page.context().close();
  });

  test("the report tells the whole call: tools, hand-over, supervisor, summary, variables", async () => {
    const { page, errors } = await open(`/calls/${WHOLE}`);
    const transcript = page.getByRole("region", { name: "Transcript" });
    await transcript
      .getByText("Ann spoke through the agent")
      .or(transcript.getByText("anna spoke"))
      .waitFor();
    const lines = (await transcript.locator("ol.whole > li").allInnerTexts()).map((line) =>
      line.replace(/\s+/g, " "),
    );
    const place = (text: string) => lines.findIndex((line) => line.includes(text));
    assert.ok(place("spoke through the agent") < place("I am the team lead"), lines.join("\n"));
    assert.match(lines[place("I am the team lead")] ?? "", /^Supervisor/);
    assert.match(lines[place("I have found it")] ?? "", /get_order took 41 ms/);
    assert.match(lines[place("I have found it")] ?? "", /refund failed/);
    assert.ok(place("Handed over because") > 0 && place("Handed over because") < place("Let me connect you"));
    assert.ok(place("whispered to the agent: Offer") > 0);
    await page.getByText("The agent spoke").waitFor();
    await page.getByText("4 remarks, between −5.0 and 0.0; the last −5.0.").waitFor();
    await page.getByRole("region", { name: "Summary" }).getByText("wanted the parcel").waitFor();
    await page.getByRole("region", { name: "Variables" }).getByText("gold").waitFor();
    await screenshot(page, "record-report");
    assert.deepEqual(await accessibilityFaults(page), []);

    // By the keyboard: the page may still be moving back to this width, away from under the pointer.
    await page.getByRole("button", { name: "Show it in the transcript" }).press("Enter");
    await page.locator("#turn-4:focus").waitFor();
    await page.locator(".chart .u-over").click({ position: { x: 4, y: 60 } });
    await page.locator("#turn-2:focus").waitFor();
    assert.deepEqual(errors, []);
    await page.context().close();
  });

  test("saves a call as a scenario", async () => {
    const { page, errors } = await open(`/calls/${WHOLE}`);
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Save as scenario" }).click(),
    ]);
    assert.equal(download.suggestedFilename(), `call_${WHOLE.slice(0, 8)}.yaml`);
    const [loaded] = loadScenarios([await download.path()]);
    assert.equal(loaded?.scenario.name, `call_${WHOLE.slice(0, 8)}`);
    assert.ok((loaded?.scenario.turns?.length ?? 0) > 1);
    assert.deepEqual(errors, []);
    await page.context().close();
  });

  test("a call without words is not offered as a scenario", async () => {
    const { page } = await open(`/calls/${WORDLESS}`);
    await page.getByText("(not recorded)").waitFor();
    assert.equal(await page.getByRole("button", { name: "Save as scenario" }).count(), 0);
    const answer = await fetch(`${server.url}/calls/${WORDLESS}/scenario`);
    assert.equal(answer.status, 404);
    assert.match(await answer.text(), /"The record of this call has no words of the caller"/);
    await page.context().close();
  });

  test("Arabic and Hebrew words run the way they are written", async () => {
    const { page } = await open(`/calls/${WHOLE}`);
    await page.locator("#turn-4").waitFor();
    const directions = await page.evaluate(
      `["#turn-2 .words", "#turn-4 .words"].map((one) => getComputedStyle(document.querySelector(one)).direction)`,
    );
    assert.deepEqual(directions, ["rtl", "rtl"]);
    await page.context().close();
  });

  test("a link to a turn opens the report there", async () => {
    const { page } = await open(`/calls/${WHOLE}?turn=6`);
    await page.locator("#turn-6:focus").waitFor();
    await page.context().close();
  });

  test("a link to a late turn of a long call opens the report there, and every turn comes to stand in it", async () => {
    const { page, errors } = await open(`/calls/${HOUR}?turn=151`);
    await page.locator("#turn-151:focus").waitFor();
    await page.locator("#turn-200").waitFor();
    assert.equal(await page.locator(".turn").count(), 200);
    assert.ok(await page.locator("#turn-151").evaluate((turn) => turn.getBoundingClientRect().top < 800));
    assert.deepEqual(errors, []);
    await page.context().close();
  });

  test("the code of the charts comes with the first chart", async () => {
    const { page } = await open("/calls");
    const asked: string[] = [];
    page.on("request", (request) => asked.push(request.url()));
    await page.reload();
    await page.locator("table.calls tbody tr").first().waitFor();
    const charts = () => asked.filter((url) => /\/uplot-[^/]*\.js$/.test(url));
    assert.deepEqual(charts(), []);
    await page.getByRole("link", { name: "Quality" }).click();
    await page.locator(".u-over").first().waitFor();
    assert.equal(charts().length, 1);
    await page.context().close();
  });
});

/** For the page: keeps every name that is written on a canvas, and where. */
const RECORD_NAMES = `
  window.names = [];
  const { fillText } = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
    const { width } = this.measureText(text);
    const start = { center: x - width / 2, right: x - width }[this.textAlign] ?? x;
    const left = start + this.getTransform().e;
    names.push({ text, left, right: left + width, width: this.canvas.width, page: innerWidth });
    fillText.call(this, text, x, y);
  };
`;
