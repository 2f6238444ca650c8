/** Longest quotation of the caller in a message, characters. */
const MAX_QUOTE = 300;

/** Escalation reasons as a sentence ends with them. */
const REASONS: Readonly<Record<string, string>> = {
  frustration_threshold_exceeded: "the caller is upset",
  human_request: "the caller asked for a person",
  model: "the agent decided so",
  supervisor: "a supervisor decided so",
};

const ACTIONS = {
  cold_transfer: "The caller is being transferred",
  warm_transfer: "The caller is being transferred, with a briefing",
  none: "The caller should be handed over, but there is no number to transfer to",
} as const;

/** What a message says beside its first line. */
export type MessageContext = {
  agent: string | null;
  callId: string | null;
  /** The caller's last words as far as they may be shown; null for none. */
  lastWords: string | null;
  /** To the call in the console. */
  link: string;
};

/** The first line about a coaching alert. */
export function alertLine(message: string): string {
  return `Alert: ${plain(message)}`;
}

/** The first line about an escalation. */
export function escalationLine(reason: string, action: keyof typeof ACTIONS): string {
  return `Escalation: ${ACTIONS[action]} (${REASONS[reason] ?? plain(reason.replaceAll("_", " "))}).`;
}

/** The body that Slack, Teams and Mattermost all take: one field, `text`. */
export function chatMessage(firstLine: string, { agent, callId, lastWords, link }: MessageContext): string {
  const call = [agent, callId].flatMap((part) => (part === null ? [] : plain(part))).join(" · ");
  const quote = lastWords === null || lastWords === "" ? [] : [`The caller: “${plain(lastWords)}”`];
  return JSON.stringify({ text: [firstLine, ...(call === "" ? [] : [call]), ...quote, link].join("\n") });
}

/**
 * Words that a chat shows as they are. What a caller says must not make a link, a mention of everybody or a list:
 * the signs that do so are replaced by others that look like them.
 */
function plain(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  const cut = line.length > MAX_QUOTE ? `${line.slice(0, MAX_QUOTE - 1)}…` : line;
  return cut.replace(/[<>&@[\]*`~|\\]/g, (sign) => LOOK_ALIKES[sign] ?? "");
}

const LOOK_ALIKES: Readonly<Record<string, string>> = {
  "<": "‹",
  ">": "›",
  "&": "＆",
  "@": "＠",
  "[": "⟦",
  "]": "⟧",
};
