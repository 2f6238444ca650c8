import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Browser } from "playwright-core";
import {
  accessibilityFaults,
  openBrowser,
  openPage,
  screenshot,
  skipWithoutChromium,
} from "../support/browser.ts";
import { LONG, type RecordServer, startRecordServer, WHOLE } from "../support/record-server.ts";

const ANNA = "the-token-of-anna-who-steers";
const SHARED = "the-token-of-the-whole-team";
const WALL = "the-token-of-the-wall";
const TOKENS = `supervisor anna ${ANNA}, viewer wall ${WALL}`;

describe("a review on the console", { skip: skipWithoutChromium() }, () => {
  let server: RecordServer;
  let browser: Browser;

  before(async () => {
    [server, browser] = await Promise.all([startRecordServer({ AUTH_TOKEN: SHARED, TOKENS }), openBrowser()]);
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  const open = (path: string, options: Parameters<typeof openPage>[2] = {}) =>
    openPage(browser, `${server.url}/console#${path}`, options);

  test("of verdicts is given by a click, with the keyboard, and is there when the report is opened again", async () => {
    const { page, errors } = await open(`/calls/${WHOLE}`, { token: ANNA });
    const fourth = page.getByRole("group", { name: "Verdict on turn 4" });
    await fourth.getByRole("button", { name: "Right" }).click();
    await fourth.getByRole("button", { name: "Right", pressed: true }).waitFor();

    // By keys: Wrong, the second of the three it may have been.
    const sixth = page.getByRole("group", { name: "Verdict on turn 6" });
    await sixth.getByRole("button", { name: "Wrong" }).focus();
    await page.keyboard.press("Enter");
    await sixth.getByRole("button", { name: "positive" }).waitFor();
    await page.keyboard.press("Tab");
    await screenshot(page, "review-choices");
    assert.deepEqual(await accessibilityFaults(page), []);
    await page.keyboard.press("Enter");
    await sixth.getByRole("button", { name: "It was neutral", pressed: true }).waitFor();
    assert.equal(await page.locator(":focus").innerText(), "✗ It was neutral");
    // Escape changes nothing.
    await page.keyboard.press("Enter");
    await sixth.getByRole("button", { name: "neutral", exact: true, pressed: true }).waitFor();
    await page.keyboard.press("Escape");
    assert.equal(await sixth.getByRole("button", { name: "negative" }).count(), 0);

    await page.reload();
    await fourth.getByRole("button", { name: "Right", pressed: true }).waitFor();
    await sixth.getByRole("button", { name: "It was neutral", pressed: true }).waitFor();
    // A second press takes it back.
    await fourth.getByRole("button", { name: "Right" }).click();
    await fourth.getByRole("button", { name: "Right", pressed: false }).waitFor();
    assert.deepEqual(errors, []);
    await page.context().close();
  });

  test("is seen by a viewer, who has no buttons for it", async () => {
    const { page } = await open(`/calls/${WHOLE}`, { token: WALL });
    await page.getByRole("group", { name: "Verdict on turn 6" }).getByText("anna: it was neutral").waitFor();
    assert.equal(await page.locator(".verdict-labels button").count(), 0);
    await page.context().close();
  });

  test("asks whoever shares a token for a name, once", async () => {
    const { page, errors } = await open(`/calls/${WHOLE}`, { token: SHARED });
    const group = (turn: number) => page.getByRole("group", { name: `Verdict on turn ${turn}` });
    await group(7).getByRole("button", { name: "Right" }).click();
    const dialog = page.getByRole("dialog", { name: "Your name" });
    await dialog.waitFor();
    assert.deepEqual(await accessibilityFaults(page), []);
    await page.keyboard.press("Escape");
    await group(7).getByRole("alert").getByText("a review needs your name").waitFor();
    await group(7).getByRole("button", { name: "Right" }).click();
    await dialog.getByLabel("Your name").fill("Cleo");
    await page.keyboard.press("Enter");
    await group(7).getByRole("button", { name: "Right", pressed: true }).waitFor();
    await group(2).getByRole("button", { name: "Right" }).click();
    await group(2).getByRole("button", { name: "Right", pressed: true }).waitFor();
    assert.deepEqual(errors, []);
    await page.context().close();
    const other = await open(`/calls/${WHOLE}`, { token: WALL });
    await other.page.getByRole("group", { name: "Verdict on turn 7" }).getByText("Cleo: right").waitFor();
    await other.page.context().close();
  });

  test("scores the call by the form, with the keyboard too; a draft is kept", async () => {
    const { page, errors } = await open(`/calls/${WHOLE}`, { token: ANNA });
    const score = page.getByRole("region", { name: "Score of the call" });
    await score.getByText("Nobody has scored this call.").waitFor();
    await score.getByRole("button", { name: "Score this call" }).click();
    const question = (text: string) => score.getByRole("group", { name: text });
    await question("greet the caller").getByRole("radio", { name: "Yes" }).check();
    await question("understand what").getByRole("radio", { name: "3" }).focus();
    await page.keyboard.press("Space");
    await page.keyboard.press("ArrowRight");
    await question("upset caller").getByRole("radio", { name: "Does not apply" }).check();
    await score.getByLabel("Comment").fill("Handed over late");
    await score.scrollIntoViewIfNeeded();
    await screenshot(page, "review-form");
    assert.deepEqual(await accessibilityFaults(page), []);
    await page.reload();
    assert.ok(await question("understand what").getByRole("radio", { name: "4" }).isChecked());
    await score.getByRole("button", { name: "Save the score" }).click();
    await score.locator("summary").getByText("81 of 100").waitFor();
    await score.locator("summary").click();
    await score.getByText("3 questions not answered").waitFor();
    await score.getByText("Handed over late").waitFor();
    await score.getByRole("button", { name: "Change your score" }).click();
    assert.ok(await question("understand what").getByRole("radio", { name: "4" }).isChecked());
    await question("understand what").getByRole("radio", { name: "5" }).check();
    await score.getByRole("button", { name: "Save the score" }).click();
    await score.locator("summary").getByText("100 of 100").waitFor();
    await page.getByRole("link", { name: "← Recent calls" }).click();
    await page.getByLabel("Order").selectOption("lowest review score first");
    await page.getByRole("cell", { name: "100 of 100" }).waitFor();
    assert.equal(await page.getByRole("table", { name: "Calls" }).getByRole("row").count(), 2);
    assert.deepEqual(errors, []);
    await page.context().close();
  });

  test("labels and notes the call and its turns, and leads from a label to its calls", async () => {
    const { page, errors } = await open(`/calls/${WHOLE}`, { token: ANNA });
    await page.getByRole("button", { name: "Write a note or a label on turn 6" }).click();
    await page.locator("#turn-6 textarea:focus").waitFor();
    await page.keyboard.type("He has <b>waited</b> for two weeks");
    await page.keyboard.press("Control+Enter");
    await page.locator("#turn-6").getByText("He has <b>waited</b> for two weeks").waitFor();
    await page.locator("#turn-6 .write:focus").waitFor();
    const side = page.getByRole("region", { name: "Labels and notes" });
    await side.getByRole("button", { name: "Write a note or a label on the call" }).click();
    await side.locator("textarea:focus").waitFor();
    await page.keyboard.type("late parcel");
    await screenshot(page, "review-notes");
    assert.deepEqual(await accessibilityFaults(page), []);
    await side.getByRole("button", { name: "Save as label" }).click();
    await side.getByRole("link", { name: "late parcel" }).click();
    await page.getByRole("link", { name: "CA-whole" }).waitFor();
    assert.equal(await page.locator("table.calls tbody tr").count(), 1);
    await page.getByText("label: late parcel").waitFor();
    // An admin may delete anybody's, a viewer nobody's.
    for (const [token, buttons] of [
      [SHARED, 1],
      [WALL, 0],
    ] as const) {
      const other = await open(`/calls/${WHOLE}`, { token });
      await other.page.getByRole("link", { name: "late parcel" }).waitFor();
      const button = other.page.getByRole("button", { name: "Delete the label “late parcel”" });
      assert.equal(await button.count(), buttons);
      await other.page.context().close();
    }
    await page.goBack();
    await page.getByRole("button", { name: "Delete the label “late parcel”" }).click();
    await side.getByText("This call has no labels or notes.").waitFor();
    assert.deepEqual(errors, []);
    await page.context().close();
  });

  test("shows a model's proposal as such, with its reasons, and starts from it; quality tells how far both agree", async () => {
    const { page, errors } = await open(`/calls/${LONG}`, { token: ANNA });
    const score = page.getByRole("region", { name: "Score of the call" });
    await score.getByText("proposed by a model").click();
    await score.getByText("It asked once more than it had to.").waitFor();
    await screenshot(page, "review-proposal");
    for (const width of [1280, 360]) {
      await page.setViewportSize({ width, height: 800 });
      // A long id is broken, and so is the row of tabs.
      assert.equal(await page.evaluate("document.documentElement.scrollWidth"), width);
    }
    await score.getByRole("button", { name: "Start from this proposal" }).click();
    const understanding = score.getByRole("group", { name: "understand what" });
    await understanding.getByRole("radio", { name: "4", checked: true }).waitFor();
    await understanding.getByRole("radio", { name: "2" }).check();
    await score.getByRole("button", { name: "Save the score" }).click();
    await score.locator("summary", { hasText: "you" }).getByText("44 of 100").waitFor();
    assert.equal(await score.locator("summary").count(), 2);

    await page.goto(`${server.url}/console#/quality?from=2026-03-20&to=2026-03-26`);
    const reviews = page.getByRole("region", { name: "Reviews", exact: true });
    const row = reviews.getByRole("row", { name: "anna and judge (model)" });
    await row.waitFor();
    assert.deepEqual(await row.getByRole("cell").allInnerTexts(), ["3", "67 %", "0.00"]);
    await page.getByRole("region", { name: "Outcomes" }).scrollIntoViewIfNeeded();
    await screenshot(page, "review-quality");
    assert.deepEqual(await accessibilityFaults(page), []);
    await page.getByRole("region", { name: "Outcomes" }).getByRole("link", { name: "handed over" }).click();
    await page.getByRole("link", { name: "CA-whole" }).waitFor();
    assert.equal(await page.locator("table.calls tbody tr").count(), 1);
    assert.equal(await page.getByLabel("Outcome").inputValue(), "handed_over");
    await page.getByRole("link", { name: "CA-whole" }).click();
    await page
      .getByRole("region", { name: "Outcome and topics" })
      .getByText("found by rules")
      .first()
      .waitFor();
    assert.deepEqual(errors, []);
    await page.context().close();
  });
});
