import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { accessibilityFaults, openPage, screenshot, skipWithoutChromium } from "../support/browser.ts";
import type { MockLlm } from "../support/mock-llm.ts";
import { until } from "../support/recorded-calls.ts";
import { type ServerProcess, serverFor } from "../support/server-process.ts";
import { openStage, type Stage } from "../support/stage.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import { VoiceClient, type VoiceClientOptions } from "../support/voice-client.ts";

const TOKEN = "a-token-for-the-test";
const CALL_TOKEN = "a-token-that-only-calls";
const VIEWER_TOKEN = "a-token-that-only-reads";

describe("the console", { skip: skipWithoutChromium() }, () => {
  let llm: MockLlm;
  let server: ServerProcess;
  let browser: Browser;
  let closeStage: Stage["close"];

  before(async () => {
    const env = {
      ESCALATION_THRESHOLD: "3",
      TRANSFER_NUMBER: "+15550100",
      AUTH_TOKEN: TOKEN,
      CALL_TOKEN,
      TOKENS: `viewer wall ${VIEWER_TOKEN}`,
      // A test that fails leaves its calls open; the next should not wait for their end.
      DRAIN_TIMEOUT_MS: "0",
    };
    ({
      llm,
      server,
      browser,
      close: closeStage,
    } = await openStage(env, (model) => {
      model.onChat(({ utterance }) => answerTo(utterance));
      model.onSentiment((_request, utterance) => moodOf(utterance));
    }));
  });
  after(() => closeStage?.());

  const callFrom = async (callId: string, options: VoiceClientOptions = {}) => {
    const call = await VoiceClient.connect(`${server.wsUrl}?token=${TOKEN}`, {
      ...options,
      init: { caller: { call_id: callId, direction: "inbound" } },
    });
    call.join();
    await call.next("agent.speak");
    return call;
  };

  /** The page of somebody whose name the browser knows. */
  const openAs = async (name: string, path: string, script = "") => {
    const opened = await openPage(browser, "about:blank", { token: TOKEN });
    await opened.page.addInitScript(
      `localStorage.setItem("voice-agent-name", ${JSON.stringify(name)});${script}`,
    );
    await opened.page.goto(`${server.url}${path}`);
    return opened;
  };

  test("asks for the token, says when it is wrong, and is empty before the first call", async () => {
    const { page } = await openPage(browser, `${server.url}/console`);
    await page.getByLabel("Token").fill("not the token");
    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByText("did not accept that token").waitFor();
    await screenshot(page, "console-token");
    assert.deepEqual(await accessibilityFaults(page), []);
    await page.getByLabel("Token").fill(TOKEN);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "No live calls" }).waitFor();
    await screenshot(page, "console-empty");
    await page.getByRole("link", { name: "Recent calls" }).click();
    await page.getByRole("heading", { name: "No calls yet" }).waitFor();
    await page.getByRole("link", { name: "Quality" }).click();
    await page.getByRole("heading", { name: "No ended calls" }).waitFor();
    assert.equal(page.url().includes(TOKEN), false);
    const talk = await page.context().newPage();
    await talk.goto(`${server.url}/talk`);
    await talk.getByRole("button", { name: "Call the agent" }).click();
    await talk.getByLabel("Token").fill(TOKEN);
    await talk.keyboard.press("Enter");
    await talk.getByText("What can I assist you with today?").waitFor();
    // The token goes along into the tab that the page opens.
    const opened = page.context().waitForEvent("page");
    await talk.getByRole("link", { name: "Watch this call" }).click();
    await (await opened).getByText("What can I assist you with today?").waitFor();
    await page.context().close();
  });

  test("shows a viewer a call without the supervisor's buttons, and a caller nothing but the reason", async () => {
    const call = await callFrom("watched");
    const { page } = await openPage(browser, `${server.url}/console#/live/watched`, { token: VIEWER_TOKEN });
    await page.getByRole("region", { name: "Transcript" }).getByText("What can I assist you").waitFor();
    assert.equal(await page.getByRole("button", { name: "Whisper" }).count(), 0);
    await screenshot(page, "console-viewer");
    await call.close();
    const caller = await openPage(browser, `${server.url}/console`, { token: CALL_TOKEN });
    await caller.page.getByText("caller's is a caller's").waitFor();
    await screenshot(caller.page, "console-caller");
    assert.deepEqual(await accessibilityFaults(caller.page), []);
  });

  test("shows a call on the talk page as it happens, and lets a supervisor whisper", async () => {
    const others = await Promise.all(Object.keys(OTHERS).map((id) => callFrom(id)));
    await Promise.all(
      Object.values(OTHERS).map(async (utterances, index) => {
        for (const utterance of utterances) await others[index]?.turn(utterance);
      }),
    );
    const talk = await openPage(browser, `${server.url}/talk`, { token: TOKEN });
    await talk.page.getByRole("button", { name: "Call the agent" }).click();
    await talk.page.getByText("What can I assist you with today?").waitFor();
    const link = await talk.page.getByRole("link", { name: "Watch this call" }).getAttribute("href");

    const watching = await openPage(browser, `${server.url}${link}`, { token: TOKEN });
    const console = watching.page;
    const transcript = console.getByRole("region", { name: "Transcript" });
    await transcript.getByText("What can I assist you with today?").waitFor();
    await type(talk.page, "Hello, my parcel has not come yet. Can you help me?");
    await transcript.getByText("neutral").waitFor();
    await type(talk.page, "It is late, and I am not happy about it.");
    await transcript.getByText("negative").waitFor();

    await console.getByLabel("What you tell the agent").fill("Offer a refund of the delivery fee.");
    await console.getByRole("button", { name: "Whisper" }).click();
    await console.getByLabel("Your name").fill("Ann");
    await console.keyboard.press("Enter");
    await console.getByText("The agent will use this in its next answer").waitFor();
    const before = llm.requests.length;
    await type(talk.page, "You said Tuesday! This is ridiculous.");
    await transcript.getByText("frustrated").waitFor();
    await transcript.getByText("Give me a moment to look at the delivery fee.").waitFor();
    await console.getByText("The agent has used this in its answer.").waitFor();
    await console.getByLabel("Coaching").getByText("No empathy shown").waitFor();
    const prompts = llm.requests.slice(before).filter(({ kind }) => kind === "chat");
    assert.match(JSON.stringify(prompts[0]?.body.messages), /Offer a refund of the delivery fee/);
    await transcript.getByText("Ann whispered to the agent: Offer a refund").waitFor();
    assert.equal(await talk.page.getByText("Offer a refund").count(), 0, "the caller never hears a whisper");

    await screenshot(console, "console-call");
    assert.deepEqual(await accessibilityFaults(console), []);
    assert.deepEqual(await accessibilityFaults(talk.page), []);
    await console.setViewportSize({ width: 360, height: 740 });
    await screenshot(console, "console-call-phone");
    await console.setViewportSize({ width: 1280, height: 800 });

    await type(talk.page, "I have called three times already!");
    await console.getByLabel("Coaching").getByText("urgent", { exact: true }).first().waitFor();
    await transcript.getByText("Handed over because the caller is upset: transferred directly").waitFor();
    await talk.page.getByText("put through to +15550100").waitFor();
    await console.getByText("The call has ended: handed over.").waitFor();
    await console.emulateMedia({ colorScheme: "dark" });
    await screenshot(console, "console-ended-dark");
    await console.emulateMedia({ colorScheme: "light" });

    await console.getByRole("link", { name: "Open its report" }).click();
    await console.getByText("Peak frustration").waitFor();
    await console.getByText("the caller's remark 4").waitFor();
    await screenshot(console, "console-report");
    assert.deepEqual(await accessibilityFaults(console), []);
    await Promise.all(others.map((call) => call.close()));
    assert.deepEqual([...talk.errors, ...watching.errors], []);
    await Promise.all([talk.page.context().close(), console.context().close()]);
  });

  test("loses nothing when its line is cut, and says that it is cut", async () => {
    const proxy = await startTcpProxy(server.port);
    const first = await callFrom("CA-1");
    const { page } = await openPage(browser, `${proxy.url}/console#/live/CA-1`, { token: TOKEN });
    const transcript = page.getByRole("region", { name: "Transcript" });
    await transcript.getByText("What can I assist you with today?").waitFor();
    await first.turn("Where is my parcel?");
    await transcript.getByText("Where is my parcel?").waitFor();

    proxy.cut();
    await page.getByText("Reconnecting…").waitFor();
    await screenshot(page, "console-reconnecting");
    await first.turn("This is ridiculous.");
    const second = await callFrom("CA-late");
    const pictures: string[] = [];
    page.on("request", (request) => {
      if (request.url().includes("/live/calls")) pictures.push(request.url());
    });
    proxy.mend();
    await page.getByText("Connected").waitFor();
    await page.getByRole("link", { name: /CA-late/ }).waitFor();
    await transcript.getByText("This is ridiculous.").waitFor();
    await transcript.getByText("frustrated").waitFor();
    assert.equal(await transcript.getByText("Where is my parcel?").count(), 1, "nothing is shown twice");
    assert.deepEqual(pictures, [], "it went on behind the last event instead of beginning again");

    await Promise.all([first.close(), second.close()]);
    await page.getByText("The call has ended: the caller hung up.").waitFor();
    await page.context().close();
    await proxy.close();
  });

  test("stops the clock of a call whose server was killed, and says so when another one has taken its place", async (t) => {
    const folder = await mkdtemp(join(tmpdir(), "killed-"));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const env = { DATABASE_URL: `file:${join(folder, "calls.db")}`, LOG_LEVEL: "warn" };
    const doomed = await serverFor(t, { env });
    const call = await VoiceClient.connect(doomed.wsUrl, { init: { caller: { call_id: "CA-doomed" } } });
    call.join();
    const { page } = await openPage(browser, `${doomed.url}/console#/live/CA-doomed`);
    await page.getByRole("region", { name: "Transcript" }).getByText("What can I assist").waitFor();
    await doomed.stop("SIGKILL");
    await page.getByText("Reconnecting…").waitFor();
    const clocks = () => page.locator(".duration").allTextContents();
    const then = await clocks();
    // The third try to come back is more than three seconds after the first.
    for (let tries = 0; tries < 6; tries += 1) await page.waitForEvent("requestfailed");
    assert.deepEqual(await clocks(), then);
    await serverFor(t, { env, port: doomed.port });
    // By now it is on record as ended, and the link of a live call leads to its report.
    await page.waitForURL(/#\/calls\//);
    await page.getByText("the server failed").first().waitFor();
    await page.context().close();
  });

  test("finds ended calls by what they were like, and shows quality over time", async () => {
    const calm = await callFrom("CA-calm");
    await calm.turn("Thank you, that was great!");
    await calm.close();
    const { page, errors } = await openPage(browser, `${server.url}/console#/calls`, { token: TOKEN });
    const calmCall = page.getByRole("link", { name: "CA-calm" });
    const escalatedCall = page.getByRole("row").filter({ hasText: "escalated" });
    await calmCall.waitFor();
    await escalatedCall.waitFor();
    await screenshot(page, "console-calls");
    assert.deepEqual(await accessibilityFaults(page), []);
    await page.getByLabel("Escalated").selectOption("yes");
    await calmCall.waitFor({ state: "detached" });
    await escalatedCall.waitFor();
    await page.getByLabel("Escalated").selectOption("any");
    await page.getByLabel("Call id").fill("calm");
    const meanwhile = await callFrom("CA-meanwhile");
    await page.getByRole("link", { name: "Live 1" }).waitFor();
    await page.keyboard.press("Enter");
    await escalatedCall.waitFor({ state: "detached" });
    await calmCall.waitFor();
    await meanwhile.close();

    await page.getByRole("link", { name: "Quality" }).click();
    await page.getByRole("heading", { name: "Escalation rate" }).waitFor();
    await page.getByRole("link", { name: "By hour" }).click();
    await page.locator("th", { hasText: /^Hour$/ }).waitFor({ state: "attached" });
    await page.getByText("Show the figures as a table").click();
    const figures = page.getByRole("region", { name: "Figures" });
    await figures.getByRole("columnheader", { name: "Reply, p95" }).waitFor();
    await screenshot(page, "console-quality");
    assert.deepEqual(await accessibilityFaults(page), []);
    assert.deepEqual(errors, []);
    await page.context().close();
  });

  test("a supervisor takes a call over, speaks and hands it back, and all see who has it", async () => {
    const call = await callFrom("CA-taken");
    const [ann, ben] = await Promise.all(
      ["Ann", "Ben"].map(async (name) => {
        const { page } = await openAs(name, "/console#/live/CA-taken");
        await page.getByRole("heading", { name: "CA-taken" }).waitFor();
        return page;
      }),
    );
    assert.ok(ann && ben);
    await ann.getByRole("button", { name: "Transfer to +15550100…" }).waitFor();
    await ann.getByRole("button", { name: "Take over" }).click();
    await ann.getByRole("heading", { name: "You speak to the caller" }).waitFor();
    assert.equal(await ann.locator(":focus").getAttribute("id"), "words");
    await ann.keyboard.type("This is Ann. I see to it.");
    await ann.keyboard.press("Control+Enter");
    // The agent may have asked whether anybody is there before it was muted.
    let said = await call.next("agent.speak");
    while (said.text === "Are you still there?") said = await call.next("agent.speak");
    assert.equal(said.text, "This is Ann. I see to it.");
    await ben.getByText("claimed by Ann").first().waitFor();
    await ben.getByRole("region", { name: "Transcript" }).getByText("This is Ann. I see to it.").waitFor();
    await screenshot(ann, "console-taken-over");
    assert.deepEqual(await accessibilityFaults(ann), []);
    // What is half written stays with its call.
    await ann.getByLabel("What you say to the caller").fill("One moment, ple");
    await ann.getByRole("link", { name: "Recent calls" }).click();
    await ann.goBack();
    assert.equal(await ann.getByLabel("What you say to the caller").inputValue(), "One moment, ple");
    await ann.getByRole("button", { name: "Hand back to the agent" }).click();
    await ann.getByRole("button", { name: "Take over" }).waitFor();
    assert.notEqual((await call.turn("Hello?")).text, "");
    await Promise.all([ann.context().close(), ben.context().close(), call.close()]);
  });

  test("the list opens no call by itself, not one that its platform gave no id either", async () => {
    const call = await VoiceClient.connect(`${server.wsUrl}?token=${TOKEN}`);
    const { page } = await openPage(browser, `${server.url}/console#/live`, { token: TOKEN });
    await page.locator(".call-list .row").first().waitFor();
    await call.turn("Nobody numbered me.");
    await page.locator(".call-list .row", { hasText: "Nobody numbered me." }).waitFor();
    assert.equal(new URL(page.url()).hash, "#/live");
    await page.getByRole("heading", { name: "No call chosen" }).waitFor();
    await page.context().close();
    await call.close();
  });

  test("the list is filtered and pinned, and what one claims or marks as seen, the others see", async () => {
    // Silence in a chat is no alert, however long this test may take.
    const [asking, glad, phone] = await Promise.all([
      callFrom("CA-asking", { conversationType: "chat" }),
      callFrom("CA-glad", { conversationType: "chat" }),
      callFrom("CA-phone"),
    ]);
    await Promise.all([
      asking.turn("Can I speak to a real person?"),
      glad.turn("Thank you, that was great!"),
    ]);
    const [ann, ben] = await Promise.all(
      ["Ann", "Ben"].map(async (name) => (await openAs(name, "/console#/live")).page),
    );
    assert.ok(ann && ben);
    const row = (page: Page, section: string, id: string) =>
      page.getByRole("region", { name: section, exact: true }).getByRole("link", { name: id });
    await Promise.all([
      row(ann, "Need help", "CA-asking").waitFor(),
      row(ann, "Going well", "CA-glad").waitFor(),
    ]);

    await ann.getByText("Filter", { exact: true }).click();
    const rows = ann.locator(".call-list .row");
    for (const [filter, option, left] of [
      ["Mood", "positive", "CA-glad"],
      ["Channel", "incoming call", "CA-phone"],
      ["Alert", "Asks for a person", "CA-asking"],
    ] as const) {
      await ann.getByRole("combobox", { name: filter }).selectOption(option);
      await rows.filter({ hasText: left }).waitFor();
      assert.equal(await rows.count(), 1, filter);
      await ann.getByRole("button", { name: "Show all" }).click();
    }
    await ann.getByRole("combobox", { name: "Agent" }).selectOption("support-agent");
    await ann.getByRole("combobox", { name: "Mood" }).selectOption("frustrated");
    await ann.getByText("No live call matches these filters.").waitFor();
    await ann.getByRole("button", { name: "Show all" }).click();
    await ann.getByRole("button", { name: "Pin CA-glad" }).click();
    await row(ann, "Pinned", "CA-glad").waitFor();
    assert.match((await rows.first().textContent()) ?? "", /CA-glad/);
    await screenshot(ann, "console-filtered");
    await phone.close();
    await titled(ben, "(1) Console");

    await row(ann, "Need help", "CA-asking").click();
    await ann.getByRole("button", { name: "Claim" }).click();
    await ben.getByRole("link", { name: "CA-asking" }).getByText("claimed by Ann").waitFor();
    await ann.getByRole("link", { name: "CA-asking" }).getByText("claimed by you").waitFor();
    await titled(ben, "Console");
    await ann.getByRole("button", { name: "Release" }).click();
    await titled(ben, "(1) Console");
    await ann.getByRole("button", { name: "Mark alerts as seen" }).click();
    await row(ben, "Going well", "CA-asking").waitFor();
    await titled(ben, "Console");
    await Promise.all([ann.context().close(), ben.context().close(), asking.close(), glad.close()]);
  });

  test("a call that comes to need help is heard and announced to those who chose so, after a reload too", async () => {
    const call = await callFrom("CA-waiting", { conversationType: "chat" });
    const { page } = await openAs("Ann", "/console#/live", STAND_INS);
    await page.getByRole("button", { name: "Sound off" }).click();
    await page.getByRole("button", { name: "Notifications off" }).click();
    await page.getByRole("button", { name: "Notifications on" }).waitFor();
    await page.reload();
    await page.getByRole("button", { name: "Sound on", pressed: true }).waitFor();
    await page.getByRole("button", { name: "Notifications on", pressed: true }).waitFor();
    await page.getByRole("link", { name: "CA-waiting" }).waitFor();
    await call.turn("Can I speak to a real person?");
    const noticed = "CA-waiting: Asks for a person | Can I speak to a real person?";
    await page.locator(`html[data-sounds="1"][data-noticed="${noticed}"]`).waitFor();
    await Promise.all([page.context().close(), call.close()]);
  });

  test("can be used with the keyboard alone", async () => {
    const call = await callFrom("CA-keys");
    const { page } = await openPage(browser, `${server.url}/console`, { token: TOKEN });
    await page.getByRole("link", { name: /CA-keys/ }).waitFor();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    assert.equal(await page.locator(":focus").getAttribute("id"), "find");
    // Past order, filter and what a browser has of sound and notifications, to the first call.
    const row = page.getByRole("link", { name: /CA-keys/ });
    for (let press = 0; press < 8; press += 1) {
      await page.keyboard.press("Tab");
      if (await row.evaluate("(link) => link === document.activeElement")) break;
    }
    await row.press("Enter");
    await page.getByRole("heading", { name: "CA-keys" }).waitFor();
    await page.getByRole("button", { name: "End call…" }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Yes, end" }).focus();
    await page.keyboard.press("Enter");
    await page.getByLabel("Your name").fill("Ann");
    await page.keyboard.press("Enter");
    await call.next("agent.end_call");
    await page.context().close();
    await call.close();
  });
});

/** Counts a page's sounds and keeps its latest notification, which a browser without a screen does not show. */
const STAND_INS = `
  const Real = AudioContext;
  window.AudioContext = class extends Real {
    constructor() {
      super();
      const { dataset } = document.documentElement;
      dataset.sounds = Number(dataset.sounds ?? 0) + 1;
    }
  };
  window.Notification = class {
    static permission = "granted";
    static requestPermission = async () => "granted";
    constructor(title, { body }) { document.documentElement.dataset.noticed = title + " | " + body; }
    addEventListener() {}
  };`;

function titled(page: Page, title: string): Promise<void> {
  return until(async () => (await page.title()) === title);
}

/** What else goes on while the one call is watched. */
const OTHERS = {
  "CA-2071": ["Where is my order?", "Thank you, that was great!"],
  "CA-2072": ["It is late, and I am not happy.", "Thank you!", "Where do I find the receipt?"],
  "CA-2073": ["Can I change the address?"],
  "CA-2074": ["Good morning.", "It came late.", "Thank you."],
};

function moodOf(utterance: string): string {
  if (/thank|great/i.test(utterance)) return "positive";
  if (/ridiculous|three times/i.test(utterance)) return "frustrated";
  return /late|not happy/i.test(utterance) ? "negative" : "neutral";
}

function answerTo(utterance: string): string {
  if (/thank/i.test(utterance)) return "You're welcome! Is there anything else?";
  if (/ridiculous/i.test(utterance)) {
    return "Give me a moment to look at the delivery fee.";
  }
  if (/not happy/i.test(utterance)) return "I am sorry about that. It left the depot this morning.";
  return "I will look for it right away. What is the order number?";
}

async function type(page: Page, words: string): Promise<void> {
  await page.getByLabel("What you say to the agent").fill(words);
  await page.keyboard.press("Enter");
}
