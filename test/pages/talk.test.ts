import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { accessibilityFaults, openPage, screenshot, skipWithoutChromium } from "../support/browser.ts";
import type { MockLlm } from "../support/mock-llm.ts";
import { type ServerProcess, startServerProcess } from "../support/server-process.ts";
import { openStage, type Stage } from "../support/stage.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";

describe("a call on the talk page", { skip: skipWithoutChromium() }, () => {
  let llm: MockLlm;
  let server: ServerProcess;
  let browser: Browser;
  let closeStage: Stage["close"];

  before(async () => {
    const env = { TRANSFER_NUMBER: "+15550100", ESCALATION_THRESHOLD: "3" };
    ({ llm, server, browser, close: closeStage } = await openStage(env));
  });
  after(() => closeStage?.());

  test("a caller who types gets answers, a verdict beside each utterance, and the transfer", async () => {
    llm.onChat(() => "Let me look into that. What is the order number?");
    llm.onSentiment((_request, utterance) => (utterance.startsWith("Where") ? "neutral" : "frustrated"));
    const { page, errors } = await openPage(browser, `${server.url}/talk`);
    await page.getByText("no voice installed").waitFor();
    await screenshot(page, "talk-ready");
    await page.getByRole("button", { name: "Call the agent" }).click();
    await page.getByText("What can I assist you with today?").waitFor();
    const transcript = page.getByRole("log");

    await type(page, "Where is my order?");
    await page.getByText("What is the order number?").waitFor();
    await transcript.getByText("neutral").waitFor();
    await type(page, "I have told you twice already!");
    await transcript.getByText("frustrated").waitFor();
    await type(page, "This is a joke.");
    await transcript.getByText("frustrated").nth(1).waitFor();
    await screenshot(page, "talk-typing");
    await type(page, "I give up.");
    await page.getByText("put through to +15550100").waitFor();
    await page.getByText("Handed over to a supervisor: the caller is upset").waitFor();
    await page.getByText("Let me connect you with a supervisor.").waitFor();
    await screenshot(page, "talk-transferred");
    assert.equal(await page.getByRole("status").textContent(), "Transferred");
    assert.deepEqual(errors, []);
    await page.context().close();
  });

  test("a caller who speaks into the answer silences it, and only what was said of it counts", async () => {
    llm.onChat(() => "One moment, please. I will look for your parcel. It may take a while.");
    llm.onSentiment(() => "negative");
    const earlier = llm.requests.length;
    const { page, errors } = await openPage(browser, `${server.url}/talk`, {
      speech: true,
      width: 820,
      height: 620,
    });
    const frames = framesSentBy(page);
    await page.getByRole("button", { name: "Call the agent" }).click();
    await says(page, ["Hello!", "I'm here to help.", "What can I assist you with today?"]);
    await page.getByText("Listening").waitFor();

    await page.evaluate("testSpeech.hear('my parcel', false)");
    await page.getByText("Hearing you").waitFor();
    await page.evaluate("testSpeech.hear('my parcel is late again', true)");
    await says(page, ["One moment, please."]);
    await page.evaluate("testSpeech.until('I will look for your parcel.')");
    // Its own words out of the loudspeaker are not the caller's.
    await page.evaluate("testSpeech.hear('I will look', false)");
    assert.equal(await page.evaluate("testSpeech.cancelled"), 0);

    await page.evaluate("testSpeech.reach('I will '.length)");
    await page.evaluate("testSpeech.hear('hello stop', false)");
    assert.equal(await page.evaluate("testSpeech.cancelled"), 1, "the voice stops at the first word");
    await screenshot(page, "talk-interrupted");
    await page.evaluate("testSpeech.hear('hello stop I am in a hurry', true)");
    await page.evaluate("testSpeech.until('One moment, please.')");

    const [, second] = llm.requests.slice(earlier).filter(({ kind }) => kind === "chat");
    const said = second?.body.messages.filter(({ role }) => role !== "system").map(({ content }) => content);
    assert.deepEqual(said?.slice(-3), [
      "my parcel is late again",
      "One moment, please. I will",
      "hello stop I am in a hurry",
    ]);
    assert.deepEqual(frames.slice(0, 12), [
      "system.init",
      "system.user.joined",
      "agent.transcript.update",
      "system.user.started_speaking",
      "system.user.stopped_speaking",
      "agent.transcript.update",
      "system.llm.request",
      "system.user.started_speaking",
      "system.control.interrupt",
      "agent.transcript.update",
      "system.user.stopped_speaking",
      "agent.transcript.update",
    ]);
    await page.getByText("look for your parcel.").first().waitFor();
    assert.deepEqual(errors, []);
    await page.context().close();
  });

  test("without AUTH_TOKEN the console watches, and says why it cannot steer", async () => {
    const { page } = await openPage(browser, `${server.url}/talk`);
    await page.getByRole("button", { name: "Call the agent" }).click();
    await page.getByText("What can I assist you with today?").waitFor();
    const [opened] = await Promise.all([
      page.context().waitForEvent("page"),
      page.getByRole("link", { name: "Watch this call" }).click(),
    ]);
    await opened.getByText("What can I assist you with today?").waitFor();
    await opened.getByText("on the server to turn them on").waitFor();
    for (const name of ["Whisper", "Say to caller", "Take over", "Transfer to +15550100…", "End call…"]) {
      assert.equal(await opened.getByRole("button", { name }).isDisabled(), true, name);
    }
    await screenshot(opened, "console-no-supervision");
    await page.context().close();
  });

  test("a line that falls silent is said at once, and goes on when it comes back", async () => {
    llm.onChat(() => "I am still here.");
    const proxy = await startTcpProxy(server.port);
    const { page } = await openPage(browser, `${proxy.url}/talk`, { width: 360, height: 640 });
    await page.getByRole("button", { name: "Call the agent" }).click();
    await page.getByText("What can I assist you with today?").waitFor();
    // The socket lives on, and what asks whether the server is there gets no answer.
    await page.route("**/ready", (route) => route.abort());
    await page.getByText("The server does not answer.").waitFor();
    await screenshot(page, "talk-silent-phone");
    await page.unroute("**/ready");
    await page.getByText("The server does not answer.").waitFor({ state: "detached" });
    await type(page, "Are you there?");
    await page.getByText("I am still here.").waitFor();
    proxy.swallow();
    await page.getByText("The server does not answer.").waitFor();
    await page.getByText("The line was lost.").waitFor();
    await page.context().close();
    await proxy.close();
  });

  test("the conversation has most of a phone's height, and stays with its times and report after the call", async () => {
    llm.onChat(() => "Let me see.");
    const { page } = await openPage(browser, `${server.url}/talk`, { width: 360, height: 640 });
    await page.getByRole("button", { name: "Call the agent" }).click();
    await page.getByText("What can I assist you with today?").waitFor();
    await type(page, "Where is my order?");
    await page.getByText("Let me see.").waitFor();
    const height = (await page.getByLabel("Transcript").boundingBox())?.height ?? 0;
    assert.ok(height > 300, `${height} px of 640`);
    await screenshot(page, "talk-phone");
    await page.getByRole("button", { name: "Hang up" }).click();
    await page.getByText(/^1 answer, the first words after/).waitFor();
    await page.getByText("Let me see.").waitFor();
    await screenshot(page, "talk-ended-phone");
    const [report] = await Promise.all([
      page.context().waitForEvent("page"),
      page.getByRole("link", { name: "Report of this call" }).click(),
    ]);
    await report.getByText("Let me see.").waitFor();
    assert.deepEqual(await accessibilityFaults(page), []);
    await page.context().close();
  });

  test("a server that shuts down says so during the call, and in one sentence at its end", async () => {
    const own = await startServerProcess({ env: { OPENAI_BASE_URL: llm.baseUrl, DRAIN_TIMEOUT_MS: "4000" } });
    const { page } = await openPage(browser, `${own.url}/talk`);
    await page.getByRole("button", { name: "Call the agent" }).click();
    await page.getByText("What can I assist you with today?").waitFor();
    const stopped = own.stop();
    await page.getByText("The server is about to shut down. Please finish the call soon.").waitFor();
    await screenshot(page, "talk-drain");
    await page.getByText("The server was shut down, which ended the call.", { exact: true }).waitFor();
    await stopped;
    await page.context().close();
  });

  test("a lost line is said plainly, and the next call works", async () => {
    const proxy = await startTcpProxy(server.port);
    const { page } = await openPage(browser, `${proxy.url}/talk`, { width: 360, height: 740 });
    await page.getByRole("button", { name: "Call the agent" }).click();
    await page.getByText("What can I assist you with today?").waitFor();
    proxy.cut();
    await page.getByText("The line was lost.").waitFor();
    await page.getByRole("button", { name: "Call again" }).click();
    await page.getByText("The server cannot be reached.").waitFor();
    await screenshot(page, "talk-lost-phone");
    proxy.mend();
    await page.getByRole("button", { name: "Call again" }).click();
    await page.getByText("What can I assist you with today?").waitFor();
    await page.context().close();
    await proxy.close();
  });
});

async function type(page: Page, words: string): Promise<void> {
  await page.getByLabel("What you say to the agent").fill(words);
  await page.keyboard.press("Enter");
}

/** Lets the voice say these sentences to their end, each once the page has given it to the voice. */
async function says(page: Page, sentences: readonly string[]): Promise<void> {
  for (const sentence of sentences) {
    await page.evaluate(`testSpeech.until(${JSON.stringify(sentence)})`);
    await page.evaluate("testSpeech.endSentence()");
  }
}

/** The types of the frames that the page sends from now on. */
function framesSentBy(page: Page): string[] {
  const types: string[] = [];
  page.on("websocket", (socket) =>
    socket.on("framesent", ({ payload }) => {
      types.push(JSON.parse(String(payload)).type);
    }),
  );
  return types;
}
