import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import test, { describe } from "node:test";
import { type Config, parseConfig } from "../../lib/config.ts";
import { ConfigError } from "../../lib/errors.ts";

const read = (file: string) => readFile(new URL(`../../${file}`, import.meta.url), "utf8");

/** Every variable the code reads: from its text, for those without a default show nowhere else. */
async function variablesOfTheCode(): Promise<string[]> {
  const source = await read("lib/config.ts");
  return [...source.matchAll(/^ {2}([A-Z][A-Z0-9_]+):/gm)].map(([, name]) => name ?? "").sort();
}

/** The text of a default on paper; empty where the code has none. */
const defaultOf = (config: Config, name: string): string =>
  String(Object.entries(config).find(([key]) => key === name)?.[1] ?? "");

describe("the settings on paper", () => {
  test("the table in docs/configuration.md names the variables of the code, with their defaults", async () => {
    const rows = [
      ...(await read("docs/configuration.md")).matchAll(/^\| `([A-Z][A-Z0-9_]+)` \| (?:`(.*?)` )?\|/gm),
    ];
    const defaults = parseConfig({});
    assert.deepEqual(rows.map(([, name]) => name).sort(), await variablesOfTheCode());
    for (const [, name = "", given = ""] of rows) assert.equal(given, defaultOf(defaults, name), name);
  });

  test(".env.example names them too, with the same defaults, and sets none of them", async () => {
    const lines = (await read(".env.example")).split("\n").filter((line) => line !== "");
    const settings = lines.flatMap((line) => [...line.matchAll(/^# ([A-Z][A-Z0-9_]+)=(.*)$/g)]);
    const defaults = parseConfig({});
    assert.ok(lines.every((line) => line.startsWith("#")));
    assert.deepEqual(settings.map(([, name]) => name).sort(), await variablesOfTheCode());
    for (const [, name = "", given = ""] of settings) assert.equal(given, defaultOf(defaults, name), name);
  });
});

describe("parseConfig", () => {
  test("counts an empty variable as not set", () => {
    const { PORT, OPENAI_API_KEY, TRANSFER_TYPE } = parseConfig({
      PORT: "",
      OPENAI_API_KEY: " ",
      TRANSFER_TYPE: "",
    });
    assert.deepEqual([PORT, OPENAI_API_KEY, TRANSFER_TYPE], [8080, undefined, "cold"]);
  });

  test("leaves alone what is not ours", () => {
    assert.ok(!("PATH" in parseConfig({ PATH: "/bin" })));
  });

  for (const [name, value] of [
    ["PORT", "eighty"],
    ["PORT", "70000"],
    ["PORT", "80.5"],
    ["DATABASE_URL", "mysql://here/calls"],
    ["DATABASE_URL", "postgres://me:50%@here/calls"],
    ["TRANSFER_TYPE", "hot"],
    ["TRANSFER_HOLD_MUSIC", "jazz"],
    ["OPENAI_BASE_URL", "localhost:11434"],
    ["ESCALATION_THRESHOLD", "0"],
    ["SENTIMENT_TIMEOUT_MS", "-1"],
    // setTimeout takes no more, and would fire at once.
    ["LLM_TIMEOUT_MS", "2147483648"],
    ["AGENT_LOG", "sometimes"],
    ["AGENT_TEMPERATURE", "3"],
    ["AGENT_REASONING_EFFORT", "A lot"],
    ["SENTIMENT_EXTRA_BODY", "{top_p:1}"],
    ["SUMMARY_EXTRA_BODY", "[1]"],
  ] as const) {
    test(`refuses ${name}=${value} in one line that names it`, () => {
      assert.throws(
        () => parseConfig({ [name]: value }),
        (error: unknown) =>
          error instanceof ConfigError &&
          error.message.includes(`: ${name}: `) &&
          !error.message.includes("\n"),
      );
    });
  }

  test("names every bad variable at once, and repeats no value, which may be a secret", () => {
    const env = { PORT: "sk-secret", MAX_SESSIONS: "sk-secret", OPENAI_BASE_URL: "sk-secret" };
    assert.throws(
      () => parseConfig(env),
      ({ message }: Error) =>
        Object.keys(env).every((name) => message.includes(name)) && !message.includes("sk-secret"),
    );
  });
});
