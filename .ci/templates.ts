import { readdirSync } from "node:fs";
import { join } from "node:path";
import { Template } from "@huggingface/jinja";
import type { ChatCompletionMessageParam, ChatCompletionTool } from "openai/resources/chat/completions";
import { bodyOf, type RequestBody } from "../lib/llm/body.ts";
import { EVERYTHING, type Taken } from "../lib/llm/lessons.ts";
import { lessonOf } from "../lib/llm/refusal.ts";

/*
 * Renders what calls send to a model with chat templates of models, and learns from what a template raises as from a
 * server's refusal.
 */

type Message = ChatCompletionMessageParam;

/** Requests that one may become while it is learnt what a template takes. */
const MAX_TRIES = 9;

export const SYSTEM: Message = { role: "system", content: "You are an agent." };
const GREETING: Message = { role: "assistant", content: "Hello! What can I do?" };
const user = (content: string): Message => ({ role: "user", content });
const agent = (content: string): Message => ({ role: "assistant", content });
const calls = (text: string | null, ...ids: string[]): Message => ({
  role: "assistant",
  content: text,
  tool_calls: ids.map((id) => ({ id, type: "function", function: { name: "look_up", arguments: "{}" } })),
});
const result = (id: string): Message => ({ role: "tool", tool_call_id: id, content: '{"days":7}' });
const parameters = { type: "object", properties: {}, required: [], additionalProperties: false };
export const TOOLS: ChatCompletionTool[] = [
  { type: "function", function: { name: "look_up", description: "Looks it up", parameters, strict: true } },
];

/** What calls send: a greeting first, an interrupt, tools in every place. */
export const HISTORIES: Readonly<Record<string, readonly Message[]>> = {
  "caller first": [user("My order?")],
  greeting: [GREETING, user("My order?")],
  "two turns of the caller": [GREETING, user("My order?"), agent("Which?"), user("One."), user("No, two.")],
  "tool call": [GREETING, user("My order?"), calls(null, "call_abc"), result("call_abc")],
  "two calls": [
    GREETING,
    user("Both?"),
    calls("I see.", "call_a", "call_b"),
    result("call_a"),
    result("call_b"),
  ],
  "after a tool": [
    GREETING,
    user("My order?"),
    calls(null, "call_abc"),
    result("call_abc"),
    agent("Soon."),
    user("Ah."),
  ],
  "interrupted tool": [
    GREETING,
    user("My order?"),
    calls(null, "call_abc"),
    result("call_abc"),
    user("Wait."),
  ],
  "agent twice": [
    GREETING,
    user("A?"),
    agent("B."),
    calls(null, "call_abc"),
    result("call_abc"),
    agent("C."),
    user("D."),
  ],
  "nothing said": [GREETING],
};

/** Tries every template of a folder. `failed`: the templates that take a simple chat, but not what calls send. */
export function renderAll(
  folder: string,
  read: (file: string) => string,
): { report: string; failed: string[] } {
  const asked = new Map<string, string[]>();
  const failed: string[] = [];
  const note = (what: string, file: string) => asked.set(what, [...(asked.get(what) ?? []), file]);
  const files = readdirSync(folder).filter((name) => name.endsWith(".jinja"));
  for (const file of files) {
    const name = file.replace(".jinja", "");
    const outcome = tryTemplate(read(join(folder, file)));
    if (outcome === "not rendered") note("the renderer here cannot read it", name);
    else if (typeof outcome === "string") {
      failed.push(name);
      note(`FAILS: ${outcome}`, name);
    } else note([...outcome.lessons].join(", ") || "as OpenAI's models", name);
  }
  return { report: templateTable("Jinja", asked), failed };
}

/** The templates by how they are asked. */
export function templateTable(renderer: string, asked: ReadonlyMap<string, readonly string[]>): string {
  const lines = [...asked].sort(([, a], [, b]) => b.length - a.length);
  const count = lines.reduce((sum, [, names]) => sum + names.length, 0);
  const rows = lines.map(([what, names]) => {
    const some = `${names.slice(0, 4).join(", ")}${names.length > 4 ? ", …" : ""}`;
    return `| ${what} | ${names.length} | ${some} |`;
  });
  return `| ${count} chat templates, by ${renderer} | models | such as |\n| --- | --- | --- |\n${rows.join("\n")}`;
}

/** What the template takes; or what it does not. */
function tryTemplate(source: string): Taken | string {
  let template: Template;
  let taken = EVERYTHING;
  try {
    template = new Template(source);
    render(template, bodyOf("m", "h", request([user("Hello?")], []), taken));
  } catch {
    return "not rendered";
  }
  for (const [name, turns] of Object.entries(HISTORIES)) {
    const next = learnFrom(template, turns, taken);
    if (typeof next === "string") return `${name}: ${next}`;
    taken = next;
  }
  return taken;
}

function learnFrom(template: Template, turns: readonly Message[], known: Taken): Taken | string {
  let taken = known;
  for (let tries = 0; ; tries += 1) {
    const body = bodyOf("m", "h", request([SYSTEM, ...turns], TOOLS), taken);
    try {
      const text = render(template, body);
      const lost = turns.find(({ role, content }) => role === "user" && !text.includes(String(content)));
      return lost ? `the words "${lost.content}" are lost` : taken;
    } catch (error) {
      const message = `template: ${error instanceof Error ? error.message : error}`;
      const complaint = { status: 500, param: "", text: message, message };
      const next = tries < MAX_TRIES ? lessonOf(complaint, body, taken, new Set()) : null;
      if (next === null) return message;
      taken = next;
    }
  }
}

function request(messages: readonly Message[], tools: readonly ChatCompletionTool[]) {
  return { messages, tools, temperature: 0.7, effort: null, extraBody: {}, stream: true };
}

/** Servers hand the arguments of calls to a template as it likes them, as text or as an object. */
function render(template: Template, { messages, tools, chat_template_kwargs }: RequestBody): string {
  const values = (asObjects: boolean) => ({
    messages: messages.map((message) =>
      asObjects && message.role === "assistant" && message.tool_calls
        ? { ...message, tool_calls: message.tool_calls.map(withObject) }
        : message,
    ),
    ...(tools ? { tools } : {}),
    add_generation_prompt: true,
    bos_token: "<s>",
    eos_token: "</s>",
    ...chat_template_kwargs,
  });
  try {
    return template.render(structuredClone(values(false)));
  } catch {
    return template.render(structuredClone(values(true)));
  }
}

function withObject(call: { type: string; function?: { name: string; arguments: string } }) {
  if (!call.function) return call;
  return { ...call, function: { ...call.function, arguments: JSON.parse(call.function.arguments) } };
}
