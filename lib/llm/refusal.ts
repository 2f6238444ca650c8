import type { RequestBody } from "./body.ts";
import { type Complaint, isFiltered, isQuota, isTooLong, isUnknownModel } from "./complaint.ts";
import { charsOf } from "./history.ts";
import { type Lesson, learn, OPTIONAL_PARAMETERS, type OptionalParameter, type Taken } from "./lessons.ts";

/** The efforts of reasoning that providers have, the least first. */
const EFFORTS = ["none", "no_think", "minimal", "low", "medium", "high", "xhigh", "max"];
/** Of a conversation that was too long so much is kept. */
const KEPT = 0.6;
/** Fewer characters than this are not what was too long. */
const SHORTEST = 200;

/** What a server's template complains of, when a message is not where the template expects it. */
const ORDER =
  /alternat|roles? must|conversation roles|first message|last message|must (start|begin|end) with|after the optional system|expected last role|no user query|consecutive|unexpected role|role .{0,40}after/i;
const SYSTEM =
  /system.{0,20}(role|message|prompt|instruction).{0,30}(not |un)supported|system role not supported|does not support system|developer instruction is not enabled/i;
const TOOLS =
  /(does not|doesn't|do not|don't|not) support.{0,30}(tool|function)|(tool|function)s?( calling| use| calls?)?.{0,30}((is|are) )?(not (be )?(support|enabled|allowed|available)|unsupported)|enable-auto-tool-choice|tool-call-parser|requires? --jinja|tools param requires|no endpoints found that support tool/i;
/** The error is the template's, not the model's. */
const TEMPLATE = /jinja|template|raise_exception|minja|render/i;

/**
 * What a refused request teaches: the same with one more lesson, to be tried at once; null if there is none in it.
 * A server's fault (5xx) teaches only if it is the chat template's.
 */
export function lessonOf(
  complaint: Complaint,
  body: RequestBody,
  taken: Taken,
  ownParameters: ReadonlySet<string>,
): Taken | null {
  const { status, text } = complaint;
  if (isTooLong(complaint)) return shorter(body, taken);
  const refused = status === 400 || status === 422 || status === 404 || status === 405;
  const template = TEMPLATE.test(text);
  if (!refused && !(status !== null && status >= 500 && (template || ORDER.test(text) || TOOLS.test(text)))) {
    return null;
  }
  if (isFiltered(complaint) || isQuota(complaint) || isUnknownModel(complaint)) return null;
  const lesson = aboutParameter(complaint, body, ownParameters) ?? aboutMessages(complaint, body, taken);
  if (lesson !== null && !taken.lessons.has(lesson)) return learn(taken, lesson);
  return null;
}

function shorter(body: RequestBody, taken: Taken): Taken | null {
  const contextChars = Math.floor(charsOf(body.messages) * KEPT);
  return contextChars < SHORTEST ? null : { ...taken, contextChars };
}

function aboutParameter(
  complaint: Complaint,
  body: RequestBody,
  ownParameters: ReadonlySet<string>,
): Lesson | null {
  const sent = OPTIONAL_PARAMETERS.filter((name) => body[name] !== undefined && !ownParameters.has(name));
  const inParam = sent.find((name) => complaint.param.split(/[.[]/)[0] === name);
  const named = inParam ?? firstMentioned(complaint.text, sent);
  const { text } = complaint;
  if (/reasoning_content/.test(text)) return "without reasoning_content";
  // Of tools and effort together, the effort is the one that can go.
  if (body.tools && TOOLS.test(text) && named !== "reasoning_effort") return "no tools";
  if (body.tools && /\bstrict\b/.test(`${complaint.param} ${text}`)) return "without strict tools";
  if (named === undefined) return null;
  if (named === "reasoning_effort") return aboutEffort(text, body);
  if (named === "max_tokens" && mentions(text, "max_completion_tokens")) return "max_completion_tokens";
  return `without ${named}`;
}

/** The least effort that the server names; for one that names none, none is asked for. */
function aboutEffort(text: string, body: RequestBody): Lesson {
  const asked = String(body.reasoning_effort);
  const named = EFFORTS.filter(
    (effort) => effort !== asked && new RegExp(`['"\`]${effort}['"\`]`).test(text),
  );
  const [least] = named;
  if (least !== undefined) return `only effort ${least}`;
  return body.tools && /tools/i.test(text) && asked !== "none"
    ? "only effort none"
    : "without reasoning_effort";
}

/** Many a template's message is its author's own: what it may be about is tried, the likeliest first. */
function aboutMessages({ status, text }: Complaint, body: RequestBody, { lessons }: Taken): Lesson | null {
  const template = TEMPLATE.test(text);
  const tries: [boolean, Lesson][] = [
    [/length 9|alphanumeric/i.test(text), "tool call ids of nine characters"],
    [/single tool.?call|one tool.?call|only one tool/i.test(text), "one tool call a message"],
    [SYSTEM.test(text), "no system role"],
    [ORDER.test(text), "turn by turn"],
    // A refusal that names nothing.
    [template || status === 400 || status === 422, "turn by turn"],
    [template && hasTools(body), "one tool call a message"],
    [template && hasTools(body), "no tools"],
    [template, "no system role"],
  ];
  return tries.find(([applies, lesson]) => applies && !lessons.has(lesson))?.[1] ?? null;
}

function hasTools({ tools, messages }: RequestBody): boolean {
  return tools !== undefined || messages.some(({ role }) => role === "tool");
}

/** What a message is about comes first in it; what would mend it comes later. */
function firstMentioned(text: string, names: readonly OptionalParameter[]): OptionalParameter | undefined {
  const places = names.map((name) => ({ name, at: placeOf(text, name) })).filter(({ at }) => at >= 0);
  return places.sort((a, b) => a.at - b.at)[0]?.name;
}

function mentions(text: string, name: string): boolean {
  return placeOf(text, name) >= 0;
}

function placeOf(text: string, name: string): number {
  return text.search(new RegExp(`(?<![\\w])${name}(?![\\w])`, "i"));
}
