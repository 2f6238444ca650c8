import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import test from "node:test";
import { main } from "../../rehearse/main.ts";
import { scenarioFile } from "../support/rehearsal.ts";

test("every scenario in docs/rehearse.md passes on the real server", async (t) => {
  const page = await readFile(new URL("../../docs/rehearse.md", import.meta.url), "utf8");
  const examples = [...page.matchAll(/^```yaml\n(name: .*?)^```$/gms)].map(([, text = ""]) => text);
  assert.ok(examples.length >= 4);
  const files = await Promise.all(examples.map((text) => scenarioFile(t, text)));
  const printed: string[] = [];
  const say = (text: string) => printed.push(text);
  const code = await main([...files, "--timeout", "60000"], {}, say, say);
  assert.equal(code, 0, printed.join("\n"));
});
