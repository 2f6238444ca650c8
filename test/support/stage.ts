import type { Browser } from "playwright-core";
import { openBrowser } from "./browser.ts";
import { type MockLlm, startMockLlm } from "./mock-llm.ts";
import { type ServerProcess, startServerProcess } from "./server-process.ts";

/** What tests of the pages stand on. */
export type Stage = {
  llm: MockLlm;
  server: ServerProcess;
  browser: Browser;
  close: () => Promise<void>;
};

/**
 * A model, a server that asks it, and a browser.
 * @param env the server's settings besides those of the model.
 * @param script gives the model its answers, before the server asks for the first.
 */
export async function openStage(
  env: Record<string, string>,
  script: (llm: MockLlm) => void = () => {},
): Promise<Stage> {
  const llm = await startMockLlm();
  script(llm);
  const [server, browser] = await Promise.all([
    startServerProcess({ env: { OPENAI_BASE_URL: llm.baseUrl, OPENAI_API_KEY: "test", ...env } }),
    openBrowser(),
  ]);
  const close = async () => {
    await browser.close();
    await server.stop();
    await llm.close();
  };
  return { llm, server, browser, close };
}
