import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { z } from "zod";
import { openPage, screenshot, skipWithoutChromium } from "../support/browser.ts";
import { logsIn, nextLog } from "../support/example.ts";
import type { ServerProcess } from "../support/server-process.ts";
import { openStage, type Stage } from "../support/stage.ts";
import { VoiceClient } from "../support/voice-client.ts";

const TOKEN = "a-token-for-the-scenes";
/** Silences that a test can wait for. */
const RULES = { dead_air: { afterMs: 1_500 }, unanswered: { afterMs: 1_500 }, slow_reply: false };

const listSchema = z.object({
  calls: z.array(z.object({ session_id: z.string(), call_id: z.string().nullable() })),
});

/** A caller, by the number that stands in the list. */
type Scripted = { number: string; play: (caller: VoiceClient) => Promise<void> };

const says = async (caller: VoiceClient, ...remarks: string[]) => {
  for (const remark of remarks) {
    const before = logsIn(caller.frames, "sentiment").length;
    await caller.turn(remark);
    // The verdict may be faster than the answer.
    if (logsIn(caller.frames, "sentiment").length === before) await nextLog(caller, "sentiment");
  }
};
/** Whoever is speaking is not silent. */
const goesOn = (caller: VoiceClient) => caller.send({ type: "system.user.started_speaking" });
/** Resolves when the coach has told of this, which may have been before. */
const alerted = async (caller: VoiceClient, rule: string) => {
  while (!logsIn(caller.frames, "coaching").some((alert) => alert.rule === rule))
    await nextLog(caller, "coaching");
};

describe("a stranger who is given twelve live calls", { skip: skipWithoutChromium() }, () => {
  let server: ServerProcess;
  let browser: Browser;
  let closeStage: Stage["close"];
  let page: Page;
  let folder: string;
  const others: VoiceClient[] = [];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "scenes-"));
    const rules = join(folder, "rules.json");
    await writeFile(rules, JSON.stringify(RULES));
    const env = {
      LLM_TIMEOUT_MS: "120000",
      TURN_TIMEOUT_MS: "120000",
      SILENCE_TIMEOUT_MS: "0",
      TRANSFER_NUMBER: "+15550100",
      ESCALATION_THRESHOLD: "3",
      COACH_RULES: rules,
      AUTH_TOKEN: TOKEN,
      DRAIN_TIMEOUT_MS: "0",
    };
    ({
      server,
      browser,
      close: closeStage,
    } = await openStage(env, (llm) => {
      llm.onSentiment((_request, remark) => /positive|negative|frustrated/.exec(remark)?.[0] ?? "neutral");
      llm.onChat(({ utterance }) =>
        utterance.includes("no answer") ? { kind: "hang" } : "I see, I am sorry.",
      );
    }));
    ({ page } = await openPage(browser, `${server.url}/console#/live`, { token: TOKEN }));
    for (const each of OTHERS) others.push(await phone(each));
  });
  after(async () => {
    for (const caller of others) await caller.close();
    await closeStage?.();
    await rm(folder, { recursive: true, force: true });
  });

  /** A call that has come to where its script ends; it goes on. */
  const phone = async ({ number, play }: Scripted) => {
    const caller = await VoiceClient.connect(`${server.wsUrl}?token=${TOKEN}`, {
      init: { caller: { call_id: `CA${number}`, user_number: number, direction: "inbound" } },
    });
    caller.join();
    await caller.next("agent.speak");
    goesOn(caller);
    await play(caller);
    return caller;
  };
  const order = async (caller: string, action: string) => {
    const response = await fetch(`${server.url}/live/calls`, {
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    const { calls } = listSchema.parse(await response.json());
    const call = calls.find(({ call_id }) => call_id === `CA${caller}`);
    const steered = await fetch(`${server.url}/live/${call?.session_id}/${action}`, {
      method: "POST",
      headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
      body: JSON.stringify({ as: "Ann" }),
    });
    assert.equal(steered.status, 200, await steered.text());
  };
  const OTHERS: Scripted[] = [
    {
      number: "+1001",
      play: async (caller) => says(caller, "Where is my parcel?").then(() => goesOn(caller)),
    },
    { number: "+1002", play: async () => {} },
    { number: "+1003", play: async (caller) => says(caller, "positive").then(() => goesOn(caller)) },
    {
      number: "+1004",
      play: async (caller) => says(caller, "frustrated", "positive").then(() => goesOn(caller)),
    },
    {
      // Handed over.
      number: "+1005",
      play: async (caller) => {
        await says(caller, "frustrated", "frustrated");
        await caller.turn("frustrated again");
        await caller.next("agent.transfer_call");
      },
    },
    {
      number: "+1006",
      play: async (caller) => {
        await says(caller, "I want to speak to a manager");
        goesOn(caller);
        await order("+1006", "claim");
      },
    },
    {
      number: "+1007",
      play: async (caller) => {
        await says(caller, "frustrated");
        goesOn(caller);
        await order("+1007", "take_over");
      },
    },
    {
      number: "+1008",
      play: async (caller) => {
        await says(caller, "I want to speak to a manager");
        goesOn(caller);
        await order("+1008", "acknowledge");
      },
    },
    {
      // A silence that is over.
      number: "+1009",
      play: async (caller) => {
        caller.send({ type: "system.user.stopped_speaking" });
        await alerted(caller, "dead_air");
        await says(caller, "I am back");
        goesOn(caller);
      },
    },
  ];

  const WANTS_A_PERSON: Scripted = {
    number: "+2001",
    play: async (caller) => says(caller, "I want to speak to a manager").then(() => goesOn(caller)),
  };
  const GETS_WORSE: Scripted = {
    number: "+2002",
    play: async (caller) => says(caller, "negative", "frustrated").then(() => goesOn(caller)),
  };
  const ONCE_UPSET: Scripted = {
    number: "+2003",
    play: async (caller) => says(caller, "negative").then(() => goesOn(caller)),
  };
  const WAITS: Scripted = {
    number: "+2004",
    play: async (caller) => {
      caller.say("Please give me no answer");
      await alerted(caller, "unanswered");
    },
  };
  const IS_SILENT: Scripted = {
    number: "+2005",
    play: async (caller) => {
      await says(caller, "One moment");
      caller.send({ type: "system.user.stopped_speaking" });
      await alerted(caller, "dead_air");
    },
  };
  const IS_CALM: Scripted = {
    number: "+2006",
    play: async (caller) => says(caller, "Thank you").then(() => goesOn(caller)),
  };

  test("on a phone the views stand in one line, however many calls need help", async () => {
    const caller = await phone(WANTS_A_PERSON);
    const { page: phonePage } = await openPage(browser, `${server.url}/console#/calls`, {
      token: TOKEN,
      width: 360,
    });
    await phonePage.locator(".count.alert").waitFor();
    const boxes = await phonePage
      .locator(".tabs a")
      .evaluateAll((tabs) => tabs.map((tab) => tab.getBoundingClientRect().toJSON()));
    assert.equal(new Set(boxes.map(({ top }) => top)).size, 1);
    assert.ok((boxes.at(-1)?.right ?? Number.POSITIVE_INFINITY) <= 360);
    await screenshot(phonePage, "console-phone-views");
    await phonePage.context().close();
    await caller.close();
    await page.locator(".call-list .row", { hasText: WANTS_A_PERSON.number }).waitFor({ state: "detached" });
  });

  // Two of the others are in somebody's hands: they are among those that need help, and come last.
  for (const [scene, right, needy, beside] of [
    ["a request for a person", WANTS_A_PERSON, 5, [GETS_WORSE, WAITS]],
    ["risk that rises", GETS_WORSE, 5, [ONCE_UPSET, IS_SILENT]],
    ["dead air", IS_SILENT, 4, [ONCE_UPSET, IS_CALM]],
  ] as const) {
    test(`points at the one that needs help first: ${scene}`, async () => {
      const callers = await Promise.all([...beside, right].map(phone));
      const rows = page.locator(".call-list .row");
      await page
        .locator(".call-list section")
        .first()
        .getByRole("heading", { name: `${needy}` })
        .waitFor();
      await page.locator(".call-list .row", { hasText: right.number }).waitFor();
      assert.equal(await rows.count(), 12);
      // More calls need help than are urgent: some are in a person's hands, or but a little upset.
      await page.getByRole("link", { name: /^Live 12 \d urgent$/ }).waitFor();
      const first = await rows.first().innerText();
      await screenshot(page, `console-scene-${right.number.slice(1)}`);
      assert.ok(first.includes(right.number), first);
      for (const caller of callers) await caller.close();
      for (const { number } of [...beside, right])
        await page.locator(".call-list .row", { hasText: number }).waitFor({ state: "detached" });
    });
  }
});
