import { spawnSync } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { AxeBuilder } from "@axe-core/playwright";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

const ARTIFACTS = fileURLToPath(new URL("../artifacts/", import.meta.url));
const SPEECH_STAND_IN = fileURLToPath(new URL("./browser/speech.js", import.meta.url));

/** Debian's names for it. The one without windows takes three quarters of the time. */
const NAMES = ["chromium-headless-shell", "chromium"];

/** Path of Debian's Chromium, or null. @throws when there is none and CI is set, for CI must not skip. */
export function findChromium(): string | null {
  const { stdout } = spawnSync("which", NAMES, { encoding: "utf8" });
  const path = stdout.split("\n")[0] ?? "";
  if (path !== "") return path;
  if (process.env.CI) throw new Error("no Chromium: run .ci/chromium");
  return null;
}

/** For a test's `skip` option: false when the browser is there, else how to get it. */
export function skipWithoutChromium(): string | false {
  return (
    findChromium() === null && "no Chromium: run .ci/chromium, or apt-get install chromium-headless-shell"
  );
}

export async function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: findChromium() ?? undefined,
    args: [
      "--headless=new",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
}

export type PageOptions = {
  colorScheme?: "light" | "dark";
  /** Width in CSS pixels; 1280 by default. */
  width?: number;
  height?: number;
  /** A screen that is touched, as a phone's. */
  touch?: boolean;
  /** Puts the scripted speech recognition and voice in place of the browser's. */
  speech?: boolean;
  /** The server's token, as if it had been typed into the page's form. */
  token?: string;
  /** Where the viewer is; UTC by default. */
  timeZone?: string;
  /** Whether the viewer wants things to move; not by default, for a test would wait for them. */
  motion?: boolean;
};

/** A page of its own, with its own storage. What goes wrong in it is collected in `errors`. */
export async function openPage(browser: Browser, url: string, options: PageOptions = {}) {
  const {
    colorScheme = "light",
    width = 1280,
    height = 800,
    touch = false,
    speech = false,
    token,
    timeZone = "UTC",
    motion = false,
  } = options;
  const settings: BrowserContextOptions = {
    colorScheme,
    viewport: { width, height },
    hasTouch: touch,
    reducedMotion: motion ? "no-preference" : "reduce",
    locale: "en-US",
    timezoneId: timeZone,
  };
  const context = await browser.newContext(settings);
  // A hang, not a delay: a machine that does ten things at once takes seconds for a page.
  context.setDefaultTimeout(40_000);
  const page = await context.newPage();
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  if (speech) await page.addInitScript({ path: SPEECH_STAND_IN });
  if (token)
    await page.addInitScript(`sessionStorage.setItem("voice-agent-token", ${JSON.stringify(token)})`);
  await page.goto(url);
  return { page, errors };
}

/** Keeps what the page looks like now, as test/artifacts/NAME.png. */
export async function screenshot(page: Page, name: string): Promise<void> {
  await mkdir(ARTIFACTS, { recursive: true });
  await page.screenshot({ path: `${ARTIFACTS}${name}.png` });
}

/** Serious faults for people who use a keyboard or a screen reader, in both schemes and on a phone; none is []. */
export async function accessibilityFaults(page: Page): Promise<string[]> {
  const size = page.viewportSize();
  const faults: string[] = [];
  for (const [colorScheme, width] of [
    ["dark", 1280],
    ["light", 360],
  ] as const) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height: 800 });
    const { violations } = await new AxeBuilder({ page })
      // Without this it opens a page of its own for each look, for frames that these pages do not have.
      .setLegacyMode()
      .options({ resultTypes: ["violations"], rules: { "target-size": { enabled: true } } })
      .analyze();
    for (const { id, impact, nodes } of violations) {
      if (impact !== "serious" && impact !== "critical") continue;
      faults.push(`${colorScheme} ${width}px: ${id}: ${nodes.map(({ html }) => html).join("\n  ")}`);
    }
  }
  if (size) await page.setViewportSize(size);
  return faults;
}
