import { noteSent, REPORT_WINDOW, reportSpoken } from "../session/spoken.ts";
import type { ToolUse } from "./record.ts";

/** Tools of one answer that are kept. */
const MAX_TOOLS = 50;

/** Something the agent says: an answer on its way, or a line. */
export type Line = {
  number: number;
  offsetMs: number;
  requestId: string | null;
  /** As spoken if the client has reported it, else as sent so far. */
  text: string;
  reported: boolean;
  ended: boolean;
  firstChunkMs: number | null;
  replyMs: number | null;
  interrupted: boolean;
  tools: Map<string, ToolUse>;
};

/**
 * The agent's latest lines. It keeps the conversation's rule: what the agent said is what the client reports as spoken,
 * else what was sent.
 */
export class Lines {
  #latest: Line[] = [];

  begin(line: Pick<Line, "number" | "offsetMs" | "requestId">): Line {
    const begun: Line = {
      ...line,
      text: "",
      reported: false,
      ended: false,
      firstChunkMs: null,
      replyMs: null,
      interrupted: false,
      tools: new Map(),
    };
    this.#latest = [...this.#latest.slice(1 - REPORT_WINDOW), begun];
    return begun;
  }

  /** Ends an answer: `sent` is all that was sent of it. */
  end(line: Line, sent: string): void {
    noteSent(line, sent);
    line.ended = true;
  }

  /**
   * What the client says was spoken.
   * @returns the line it is about, with its text replaced; `unchanged` if it was as sent; null if it is about none of them.
   */
  report(text: string): Line | "unchanged" | null {
    return reportSpoken(this.#latest, text);
  }
}

/** Notes that an answer uses a tool, or how that went. */
export function noteTool(line: Line, id: string, use: ToolUse): void {
  if (line.tools.has(id) || line.tools.size < MAX_TOOLS) line.tools.set(id, use);
}
