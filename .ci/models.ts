import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { parseConfig } from "../lib/config.ts";
import { ChatStream } from "../lib/llm/chat.ts";
import { createLlm } from "../lib/llm/client.ts";
import { complaintOf } from "../lib/llm/complaint.ts";
import { toLlmError } from "../lib/llm/errors.ts";
import { logsIn, nextLog } from "../test/support/example.ts";
import { freePort, startServerProcess } from "../test/support/server-process.ts";
import { VoiceClient } from "../test/support/voice-client.ts";
import { HISTORIES, renderAll, SYSTEM, TOOLS, templateTable } from "./templates.ts";

/*
 * The matrix of docs/models.md: LITELLM=… TEMPLATES=… MODEL=tiny.gguf [LLAMA_SERVER=…] node models.ts
 */

const { LITELLM, TEMPLATES, MODEL, LLAMA_SERVER } = process.env;
assert.ok(LITELLM && TEMPLATES && MODEL, "run .ci/models");

const START_GUARD_MS = 180_000;
const APOLOGY = /^I'm sorry, I'm having trouble/;
const HEAD = [
  "model",
  "server",
  "asked differently",
  "turn",
  "interrupt",
  "tool",
  "verdict",
  "usage",
] as const;
const LLAMA = "llama.cpp";
type Row = Record<(typeof HEAD)[number], string>;

/** A server of models and what it has logged. */
type ModelServer = { baseUrl: string; log: () => string; stop: () => Promise<void> };

async function startModelServer(
  command: string,
  args: string[],
  port: number,
  path: string,
  env: Record<string, string> = {},
): Promise<ModelServer> {
  const child: ChildProcess = spawn(command, args, {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let log = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      log += text;
    });
  }
  const ended = once(child, "close");
  const guard = performance.now() + START_GUARD_MS;
  for (;;) {
    const response = await fetch(`http://127.0.0.1:${port}${path}`).catch(() => null);
    if (response?.ok) break;
    assert.ok(
      child.exitCode === null && performance.now() < guard,
      `${command} does not start:\n${log.slice(-2_000)}`,
    );
    await delay(250);
  }
  const stop = async () => {
    child.kill("SIGTERM");
    await ended;
  };
  return { baseUrl: `http://127.0.0.1:${port}/v1`, log: () => log, stop };
}

const readySchema = z.object({
  models: z.array(z.object({ asked_differently: z.array(z.string()), problem: z.string().nullable() })),
});
const callsSchema = z.object({ calls: z.array(z.object({ session_id: z.string() })) });
const callSchema = z.object({ usage: z.array(z.object({ input_tokens: z.number().nullable() })) });

/** One call with this model, and what came of each part of it. */
async function probe(name: string, where: string, server: ModelServer): Promise<Row> {
  const ours = await startServerProcess({
    env: {
      HOST: "127.0.0.1",
      OPENAI_BASE_URL: server.baseUrl,
      OPENAI_API_KEY: "sk-nothing-of-worth",
      AGENT_MODEL: name,
      SENTIMENT_MODEL: name,
      MODEL_CHECK: "true",
      LLM_TIMEOUT_MS: "60000",
      SENTIMENT_TIMEOUT_MS: "60000",
      DATABASE_URL: `file:${join(mkdtempSync(join(tmpdir(), "models-")), "calls.db")}`,
    },
  });
  try {
    const read = async (path: string): Promise<unknown> => (await fetch(ours.url + path)).json();
    const { models } = readySchema.parse(await read("/ready"));
    const client = await VoiceClient.connect(ours.wsUrl);
    client.join();
    await client.next("agent.speak");
    const turn = await client.turn("Where is my order?");
    const verdict = logsIn(client.frames, "sentiment")[0] ?? (await nextLog(client, "sentiment"));
    const tools = logsIn(client.frames, "tool_call_end").length;
    const cancelled = await interrupt(client, server);
    await client.close();
    await delay(1_000);
    const { calls } = callsSchema.parse(await read("/calls"));
    const { usage } = callSchema.parse(await read(`/calls/${calls[0]?.session_id}`));
    const said = turn.text !== "" && !APOLOGY.test(turn.text);
    return {
      model: name,
      server: where,
      "asked differently": [...new Set(models.flatMap((each) => each.asked_differently))].join(", "),
      // Babble may be all thinking, or nothing that its server can read; a refusal is another matter.
      turn: said ? "yes" : /"kind":"bad_request"/.test(ours.output) || where !== LLAMA ? "no" : "babble",
      interrupt: cancelled,
      tool: tools > 0 ? "yes" : "–",
      // Random weights and canned answers do not judge: that the answer came and was understood, or not, is all.
      verdict: verdict.source === "model" ? "yes" : String(verdict.fallback_because),
      usage: usage.some(({ input_tokens }) => input_tokens !== null) ? "yes" : "no",
    };
  } finally {
    await ours.stop();
  }
}

/** Whether an interrupt closes the request at the model's server, by that server's own log. */
async function interrupt(client: VoiceClient, server: ModelServer): Promise<string> {
  const before = server.log().length;
  client.say("And now?");
  await Promise.race([client.next("agent.llm.response.chunk"), delay(20_000)]);
  client.interrupt();
  for (let tries = 0; tries < 20; tries += 1) {
    if (/cancel task|client disconnected|499/i.test(server.log().slice(before))) return "closed";
    await delay(100);
  }
  return "–";
}

async function litellm(): Promise<Row[]> {
  const port = await freePort();
  const config = join(mkdtempSync(join(tmpdir(), "litellm-")), "config.json");
  const model = (name: string, more: object) => ({
    model_name: name,
    litellm_params: { model: `openai/${name}`, api_key: "none", ...more },
  });
  const names = ["gpt-6-luna", "gpt-5.4-mini", "gpt-5-mini", "o3", "gpt-4.1-mini"];
  const list = [
    ...names.map((name) => model(name, { mock_response: "neutral" })),
    // A name of one's own says nothing: what is behind it has to be found out.
    { ...model("gpt-5-mini", { mock_response: "neutral" }), model_name: "my-gpt-5-mini" },
    { ...model("o3", { mock_response: "neutral" }), model_name: "my-o3" },
  ];
  // JSON is YAML.
  writeFileSync(config, JSON.stringify({ model_list: list }));
  const server = await startModelServer(
    LITELLM ?? "",
    ["--config", config, "--port", String(port), "--host", "127.0.0.1"],
    port,
    "/health/liveliness",
    { LITELLM_LOCAL_MODEL_COST_MAP: "True", LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY: "true" },
  );
  try {
    const rows: Row[] = [];
    for (const { model_name } of list) {
      rows.push(await probe(model_name, "LiteLLM", server));
    }
    rows.push(await unknown(server));
    return rows;
  } finally {
    await server.stop();
  }
}

/** A name that the server does not have: what the check at the start says. */
async function unknown(server: ModelServer): Promise<Row> {
  const ours = await startServerProcess({
    env: {
      OPENAI_BASE_URL: server.baseUrl,
      OPENAI_API_KEY: "sk-nothing",
      AGENT_MODEL: "gpt-6-lunar",
      SENTIMENT_MODEL: "gpt-6-luna",
      MODEL_CHECK: "true",
    },
  });
  const { models } = readySchema.parse(await (await fetch(`${ours.url}/ready`)).json());
  await ours.stop();
  const problem = models[0]?.problem ?? "nothing is said of it";
  assert.match(problem, /gpt-6-luna\b/, problem);
  return {
    model: "gpt-6-lunar",
    server: "LiteLLM",
    "asked differently": "no such model; names near to it are offered",
    turn: "–",
    interrupt: "–",
    tool: "–",
    verdict: "–",
    usage: "–",
  };
}

/** Templates of families that differ, with which whole calls are made; the others are asked directly, which is quicker. */
const WHOLE_CALLS =
  /gemma-2|Mistral-Nemo|Mistral-Small-3.2|Ministral-3|Llama-3.1|Qwen3-0.6B|Qwen2.5|gpt-oss|R1-Distill-Llama|Phi-3.5|Kimi-K2-Instruct/;

/** llama.cpp's server with one template, on random weights: what it says is babble, what it refuses is not. */
async function withTemplate<T>(file: string, use: (server: ModelServer) => Promise<T>): Promise<T> {
  const port = await freePort();
  const server = await startModelServer(
    LLAMA_SERVER ?? "",
    [
      ...[
        "-m",
        MODEL ?? "",
        "--jinja",
        "--chat-template-file",
        join(TEMPLATES ?? "", file),
        "--port",
        String(port),
      ],
      ...[
        "--host",
        "127.0.0.1",
        "-c",
        "32768",
        "-np",
        "2",
        "-t",
        "1",
        "-tb",
        "1",
        "-n",
        "120",
        "--no-warmup",
      ],
    ],
    port,
    "/health",
  );
  try {
    return await use(server);
  } finally {
    await server.stop();
  }
}

const templateFiles = () => readdirSync(TEMPLATES ?? "").filter((name) => name.endsWith(".jinja"));

/** Whole calls with some templates. Their names tell nothing: what they take has to be found out. */
async function llamaCalls(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const file of templateFiles().filter((name) => WHOLE_CALLS.test(name))) {
    rows.push(await withTemplate(file, (server) => probe(`t-${file.replace(".jinja", "")}`, LLAMA, server)));
  }
  return rows;
}

/** Every template with everything that calls send; gives the table, and the templates that refuse something. */
async function llamaTemplates(): Promise<{ report: string; failed: string[] }> {
  const asked = new Map<string, string[]>();
  const failed: string[] = [];
  for (const file of templateFiles()) {
    const outcome = await withTemplate(file, askEverything);
    if (outcome.refused !== null) failed.push(`${file}: ${outcome.refused}`);
    const what = outcome.lessons.join(", ") || "as OpenAI's models";
    asked.set(what, [...(asked.get(what) ?? []), file.replace(".jinja", "")]);
  }
  return { report: templateTable("llama.cpp's server", asked), failed };
}

async function askEverything({
  baseUrl,
}: ModelServer): Promise<{ lessons: string[]; refused: string | null }> {
  const config = parseConfig({ OPENAI_BASE_URL: baseUrl, LLM_TIMEOUT_MS: "60000" });
  const lessons = new Set<string>();
  const signal = new AbortController().signal;
  let refused: string | null = null;
  for (const [name, turns] of Object.entries(HISTORIES)) {
    // Of its own, for babble that is no call of a tool would open the circuit.
    const llm = createLlm(config);
    const request = {
      model: "t",
      messages: [SYSTEM, ...turns],
      tools: TOOLS,
      toolChoice: "auto",
      temperature: 1,
    } as const;
    try {
      for await (const _ of new ChatStream(llm, { ...request, messages: [...request.messages] }, signal));
    } catch (error) {
      const { cause } = toLlmError(error);
      const why = complaintOf(cause)?.message ?? String(error);
      // Babble is not what its own parser expects: that is no refusal of what was asked.
      if (!/does not match the expected|failed to parse|no text/i.test(why))
        refused ??= `${name}: ${why.slice(0, 200)}`;
    }
    for (const lesson of llm.models.get("t").adaptations) lessons.add(lesson);
  }
  return { lessons: [...lessons].filter((each) => each !== "thinks").sort(), refused };
}

function table(rows: readonly Row[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [
    line(HEAD),
    line(HEAD.map(() => "---")),
    ...rows.map((row) => line(HEAD.map((head) => row[head]))),
  ].join("\n");
}

const rendered = renderAll(TEMPLATES, (file) => readFileSync(file, "utf8"));
console.log(rendered.report);
const answered = LLAMA_SERVER ? await llamaTemplates() : { report: "", failed: [] };
console.log(`\n${answered.report}`);
const rows = [...(await litellm()), ...(LLAMA_SERVER ? await llamaCalls() : [])];
console.log(`\n${table(rows)}`);
const failed = [
  ...rows.filter(({ turn }) => turn === "no").map(({ model }) => model),
  ...rendered.failed,
  ...answered.failed,
];
if (failed.length > 0) {
  console.error(`not answered:\n${failed.join("\n")}`);
  process.exitCode = 1;
}
