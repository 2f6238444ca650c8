import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { openBrowser, openPage, screenshot, skipWithoutChromium } from "../support/browser.ts";
import { createStepGate, type MockLlm, startMockLlm } from "../support/mock-llm.ts";
import { type ServerProcess, startServerProcess } from "../support/server-process.ts";

describe("a call on the talk page", { skip: skipWithoutChromium() }, () => {
  let llm: MockLlm;
  let server: ServerProcess;
  let browser: Browser;

  before(async () => {
    llm = await startMockLlm();
    server = await startServerProcess({
      env: { OPENAI_BASE_URL: llm.baseUrl, OPENAI_API_KEY: "test", TRANSFER_NUMBER: "+15550100" },
    });
    browser = await openBrowser();
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
    await llm?.close();
  });

  test("a caller who types gets answers, a verdict beside each utterance, and the transfer", async () => {
    llm.onChat(() => "Let me look into that. What is the order number?");
    llm.onSentiment(() => "frustrated");
    const { page, errors } = await openPage(browser, `${server.url}/talk`);
    await page.getByText("no voice installed").waitFor();
    await screenshot(page, "talk-ready");
    await page.getByRole("button", { name: "Call the agent" }).click();
    await page.getByText("What can I assist you with today?").waitFor();

    await type(page, "Where is my order?");
    await page.getByText("What is the order number?").waitFor();
    await page.getByRole("log").getByText("frustrated").waitFor();
    await screenshot(page, "talk-typing");
    await type(page, "I have told you three times!");
    await page.getByRole("log").getByText("frustrated").nth(1).waitFor();
    await type(page, "This is a joke.");
    await page.getByText("Transferred", { exact: true }).waitFor();
    await page.getByText("put through to +15550100").waitFor();
    await page.getByText("Escalated to a supervisor after 3 upset remarks").waitFor();
    await screenshot(page, "talk-transferred");
    assert.deepEqual(errors, []);
    await page.context().close();
  });
});

async function type(page: Page, words: string): Promise<void> {
  await page.getByLabel("What you say to the agent").fill(words);
  await page.keyboard.press("Enter");
}
