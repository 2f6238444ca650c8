import { execFileSync } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

const ARTIFACTS = fileURLToPath(new URL("../artifacts/", import.meta.url));
const SPEECH_STAND_IN = fileURLToPath(new URL("./browser/speech.js", import.meta.url));

/** Path of Debian's Chromium, or null. @throws when there is none and CI is set, for CI must not skip. */
export function findChromium(): string | null {
  try {
    return execFileSync("which", ["chromium"], { encoding: "utf8" }).trim();
  } catch {
    if (process.env.CI) throw new Error("no Chromium: run .ci/chromium");
    return null;
  }
}

/** For a test's `skip` option: false when the browser is there, else how to get it. */
export function skipWithoutChromium(): string | false {
  return findChromium() === null && "no Chromium: run .ci/chromium, or apt-get install chromium";
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
  /** Puts the scripted speech recognition and voice in place of the browser's. */
  speech?: boolean;
};

/** A page of its own, with its own storage. What goes wrong in it is collected in `errors`. */
export async function openPage(browser: Browser, url: string, options: PageOptions = {}) {
  const { colorScheme = "light", width = 1280, height = 800, speech = false } = options;
  const settings: BrowserContextOptions = {
    colorScheme,
    viewport: { width, height },
    reducedMotion: "reduce",
    locale: "en-US",
    timezoneId: "UTC",
  };
  const context = await browser.newContext(settings);
  context.setDefaultTimeout(10_000);
  const page = await context.newPage();
  const errors: string[] = [];
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  if (speech) await page.addInitScript({ path: SPEECH_STAND_IN });
  await page.goto(url);
  return { page, errors };
}

/** Keeps what the page looks like now, as test/artifacts/NAME.png. */
export async function screenshot(page: Page, name: string): Promise<void> {
  await mkdir(ARTIFACTS, { recursive: true });
  await page.screenshot({ path: `${ARTIFACTS}${name}.png` });
}
