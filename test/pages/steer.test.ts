import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { after, before, describe, test } from "node:test";
import type { Browser, Locator, Page } from "playwright-core";
import { accessibilityFaults, openPage, screenshot, skipWithoutChromium } from "../support/browser.ts";
import type { MockLlm } from "../support/mock-llm.ts";
import { until } from "../support/recorded-calls.ts";
import type { ServerProcess } from "../support/server-process.ts";
import { openStage, type Stage } from "../support/stage.ts";
import { VoiceClient } from "../support/voice-client.ts";

/** By the name that the others see. */
const TOKENS = {
  Root: "admin Root token-of-root-0000001",
  Ann: "supervisor Ann token-of-ann-00000001",
  Ben: "supervisor Ben token-of-ben-00000001",
  Vera: "viewer Vera token-of-vera-0000001",
  Gus: "agent Gus token-of-gus-00000001",
};
type Name = keyof typeof TOKENS;
const tokenOf = (name: Name) => TOKENS[name].split(" ")[2] ?? "";
const LONG_ID = `sess_${"0123456789abcdef".repeat(9)}`;

describe("the people beside a call", { skip: skipWithoutChromium() }, () => {
  let llm: MockLlm;
  let server: ServerProcess;
  let browser: Browser;
  let closeStage: Stage["close"];

  before(async () => {
    const env = {
      SILENCE_TIMEOUT_MS: "0",
      TRANSFER_NUMBER: "+15550100",
      TOKENS: Object.values(TOKENS).join(","),
      DRAIN_TIMEOUT_MS: "0",
    };
    ({
      llm,
      server,
      browser,
      close: closeStage,
    } = await openStage(env, (model) => {
      model.onSentiment((_request, remark) => (remark.includes("useless") ? "frustrated" : "neutral"));
      model.onChat(() => "I will look for it right away.");
    }));
  });
  after(() => closeStage?.());

  const callFrom = async (id: string, ...remarks: string[]) => {
    // Silence in a chat is no alert, however long this test may take.
    const call = await VoiceClient.connect(`${server.wsUrl}?token=${tokenOf("Root")}`, {
      conversationType: "chat",
      init: { caller: { call_id: id, user_number: "+15551234567" } },
    });
    call.join();
    await call.next("agent.speak");
    for (const remark of remarks) await call.turn(remark);
    return call;
  };
  const openAs = async (name: Name, path: string, width = 1280) =>
    (await openPage(browser, `${server.url}${path}`, { token: tokenOf(name), width })).page;
  const close = (...pages: Page[]) => Promise.all(pages.map((page) => page.context().close()));
  const panelOf = (page: Page) => page.getByRole("region", { name: "Supervisor" });
  const button = (page: Page, name: string) => page.getByRole("button", { name, exact: true });

  test("who takes a call over from another is seen by both, and what the other has half written stays", async () => {
    const call = await callFrom("CA-both");
    const [ann, ben] = await Promise.all([
      openAs("Ann", "/console#/live/CA-both"),
      openAs("Ben", "/console#/live/CA-both"),
    ]);
    await button(ann, "Take over").click();
    await ann.getByRole("heading", { name: "You speak to the caller" }).waitFor();
    await ben.getByRole("heading", { name: "Ann speaks to the caller" }).waitFor();
    assert.deepEqual(await panelOf(ben).getByRole("button").allTextContents().then(trimmed), [
      "Take over from Ann",
    ]);
    // Released, the caller would be left with a muted agent.
    assert.equal(await button(ann, "Release").count(), 0);
    await ann.getByLabel("What you say to the caller").fill("I was about to sa");
    await button(ben, "Take over from Ann").click();
    await ben.getByRole("heading", { name: "You speak to the caller" }).waitFor();
    await ann.getByRole("heading", { name: "Ben speaks to the caller" }).waitFor();
    const written = ann.getByLabel("What you have written");
    assert.equal(await written.inputValue(), "I was about to sa");
    await written.press("Control+Enter");
    await screenshot(ann, "console-taken-by-another");
    assert.deepEqual(await accessibilityFaults(ann), []);
    await button(ben, "Hand back to the agent").click();
    await button(ann, "Take over").waitFor();
    await ann.getByRole("region", { name: "Transcript" }).getByText("Ben took over the call").waitFor();
    assert.ok(!call.frames.some(({ text }) => text === "I was about to sa"));
    await close(ann, ben);
    await call.close();
  });

  test("a viewer at the desk reads the cards and is offered nothing, nor is an agent after the end", async () => {
    const call = await callFrom("CA-viewed", "Can I speak to a real person?");
    const [vera, gus] = await Promise.all([
      openAs("Vera", "/console#/live/CA-viewed"),
      openAs("Gus", "/console#/live/CA-viewed"),
    ]);
    for (const page of [vera, gus]) {
      await page.getByRole("heading", { name: "CA-viewed" }).waitFor();
      await page.goto(page.url().replace("#/live", "#/desk"));
      await page.locator(".desk-call").getByText("The caller asks for a person.").waitFor();
    }
    await button(gus, "Helpful").waitFor();
    assert.equal(await vera.locator(".desk-call").getByRole("button").count(), 0);
    await call.close();
    await gus.getByText("The call has ended: the caller hung up.").waitFor();
    assert.equal(await gus.locator(".desk-call").getByRole("button").count(), 0);
    await close(vera, gus);
  });

  test("a double click says a sentence once, and what is written meanwhile stays", async () => {
    const call = await callFrom("CA-double");
    const ann = await openAs("Ann", "/console#/live/CA-double");
    await button(ann, "Take over").click();
    const words = ann.getByLabel("What you say to the caller");
    await words.fill("Once only.");
    let sent = 0;
    const network = new EventEmitter();
    const held = once(network, "back");
    await ann.route("**/say", async (route) => {
      sent += 1;
      await held;
      await route.continue();
    });
    await button(ann, "Say to caller").dblclick();
    await until(async () => sent > 0);
    await words.press("End");
    await words.pressSequentially(" And more.");
    network.emit("back");
    await ann.getByText("Said to the caller.").waitFor();
    assert.equal(sent, 1);
    assert.equal((await call.next("agent.speak")).text, "Once only.");
    assert.equal(await words.inputValue(), "Once only. And more.");
    await close(ann);
    await call.close();
  });

  test("a question is sent away by Escape or Cancel, and the focus stays", async () => {
    const call = await callFrom("CA-question");
    const ann = await openAs("Ann", "/console#/live/CA-question");
    const question = ann.getByRole("group", { name: "Please confirm" });
    for (const leave of [() => ann.keyboard.press("Escape"), () => button(ann, "Cancel").click()]) {
      await button(ann, "Transfer to +15550100…").click();
      await question.waitFor();
      await leave();
      await question.waitFor({ state: "detached" });
      assert.equal(await ann.locator(":focus").getAttribute("id"), "words");
    }
    await close(ann);
    await call.close();
  });

  test("a call that ends leaves what was half written to be read, and no buttons and no alerts", async () => {
    const call = await callFrom("CA-ends", "This is useless", "I want to speak to a person, you are useless");
    const ann = await openAs("Ann", "/console#/live/CA-ends");
    const head = ann.locator(".call-head");
    await head.getByText("Asks for a person").waitFor();
    await ann.getByLabel("What you tell the agent").fill("Offer him a ref");
    await button(ann, "End call…").click();
    await call.close();
    await ann.getByText("The call has ended: the caller hung up.").waitFor();
    assert.equal(await ann.getByLabel("What you have written").inputValue(), "Offer him a ref");
    assert.equal(await ann.locator(".call").getByRole("button").count(), 0);
    assert.equal(await head.locator(".chip").count(), 1, "only the mood");
    assert.deepEqual(await accessibilityFaults(ann), []);
    await close(ann);
  });

  test("a very long id leaves the number its place, and no page is wider than its window", async () => {
    const call = await callFrom(LONG_ID);
    for (const width of [1280, 360]) {
      const ann = await openAs("Ann", "/console#/live", width);
      const number = ann.locator(".row-name").getByText("+15551234567");
      await number.waitFor();
      assert.ok(await number.evaluate((it) => it.scrollWidth <= it.clientWidth && it.clientWidth > 80));
      for (const hash of ["#/desk", `#/live/${LONG_ID}`]) {
        await ann.goto(`${server.url}/console${hash}`);
        await ann.locator(".desk-list, .call-head h2").waitFor();
        const widest = await ann
          .locator(".call-pane *:not(.visually-hidden), .desk-list *")
          .evaluateAll((all) => Math.max(...all.map((it) => it.getBoundingClientRect().right)));
        assert.ok(widest <= width, `${hash} is ${widest} wide in a window of ${width}`);
      }
      await close(ann);
    }
    await call.close();
  });

  test("a browser without a network says so at once, and goes on when it is back", async () => {
    const call = await callFrom("CA-offline");
    const ann = await openAs("Ann", "/console#/desk");
    await ann.getByRole("link", { name: "CA-offline" }).click();
    await ann.getByRole("heading", { name: "CA-offline" }).waitFor();
    await ann.getByText("Connected", { exact: true }).waitFor();
    await ann.context().setOffline(true);
    await ann.locator(".desk-call").getByText("The page catches up when the connection is back.").waitFor();
    await ann.getByText("Reconnecting…").waitFor();
    await call.turn("Are you there?");
    await ann.context().setOffline(false);
    await ann.getByText("Are you there?").waitFor();
    await close(ann);
    await call.close();
  });

  test("at 200 % the filters scroll away and leave the rows their place", async () => {
    const calls = await Promise.all(["one", "two", "three", "four"].map((id) => callFrom(`CA-${id}`)));
    // A window of 1280 × 800 at 200 %.
    const ann = await openAs("Ann", "/console#/live", 640);
    await ann.setViewportSize({ width: 640, height: 400 });
    await ann.getByText("Filter", { exact: true }).click();
    await ann.locator(".row").nth(3).waitFor();
    await ann.mouse.wheel(0, 2_000);
    await until(async () => (await endOf(ann.locator(".list-tools"))) < 100);
    await close(ann);
    await Promise.all(calls.map((call) => call.close()));
  });

  test("the agent's desk: cards first, words to say, an opinion kept, a reply suggested and sent by hand", async () => {
    const call = await callFrom("CA-desk", "Where is my parcel?", "Can I speak to a real person?");
    const gus = await openAs("Gus", "/console#/desk", 360);
    await gus.getByRole("link", { name: "CA-desk" }).click();
    const cards = gus.getByRole("region", { name: "Coaching" });
    await cards.getByText("The caller asks for a person.").waitFor();
    const field = gus.getByLabel("What you say to the caller");
    const tops = () =>
      Promise.all([cards, field, gus.getByRole("region", { name: "Transcript" })].map(topOf));
    const narrow = await tops();
    assert.deepEqual(
      narrow,
      narrow.toSorted((a, b) => a - b),
    );
    await screenshot(gus, "console-desk-phone");
    await gus.setViewportSize({ width: 1280, height: 800 });
    const [cardsTop = 0, fieldTop = 0, transcriptTop = 0] = await tops();
    assert.ok(cardsTop < fieldTop && transcriptTop <= cardsTop, "the transcript beside the cards");
    assert.ok((await endOf(field)) < 800, "seen without scrolling");

    // An agent's token neither transfers nor ends calls; a supervisor at the desk does.
    assert.deepEqual(await panelOf(gus).getByRole("button").allTextContents().then(trimmed), [
      "Say to caller",
      "Take over",
    ]);
    const ann = await openAs("Ann", "/console#/live/CA-desk");
    await ann.getByRole("heading", { name: "CA-desk" }).waitFor();
    await ann.goto(ann.url().replace("#/live", "#/desk"));
    await button(ann, "End call…").waitFor();

    await field.fill("Hello.");
    llm.onChat(() => "We shall find it together.");
    await button(gus, "Suggest a reply").click();
    await gus.getByText("“We shall find it together.”").waitFor();
    assert.ok(!call.frames.some(({ text }) => text === "We shall find it together."), "not sent by itself");
    await gus
      .getByRole("region", { name: "Suggested reply" })
      .getByRole("button", { name: "Use these words" })
      .click();
    assert.equal(await field.inputValue(), "Hello. We shall find it together.");
    await field.press("Control+Enter");
    let said = await call.next("agent.speak");
    while (said.text === "Are you still there?") said = await call.next("agent.speak");
    assert.equal(said.text, "Hello. We shall find it together.");
    await screenshot(gus, "console-desk");
    assert.deepEqual(await accessibilityFaults(gus), []);

    await button(gus, "Helpful").click();
    await gus.getByText("Thank you, your opinion is saved.").waitFor();
    await gus.getByText("1 judged card").waitFor();
    // What the others see of it.
    await ann.getByText("1 judged card").waitFor();
    assert.ok(await gus.locator(":focus").count(), "the focus is somewhere");
    await call.close();
    await gus.getByText("The call has ended: the caller hung up.").waitFor();
    assert.equal(await gus.locator(".desk-call").getByRole("button").count(), 0);
    await close(gus, ann);
  });
});

const topOf = async (it: Locator) => (await it.boundingBox())?.y ?? Number.NaN;

const trimmed = (texts: string[]) => texts.map((text) => text.replace(/\s+/g, " ").trim());

/** Where the lower edge of an element is. */
const endOf = async (it: Locator) => {
  const box = await it.boundingBox();
  return box ? box.y + box.height : Number.NaN;
};
