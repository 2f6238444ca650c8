// @ts-check

/** @typedef {{ id: number | null, type: string, data: any }} StreamEvent */

/** Reads server-sent events out of a text that arrives in pieces. Every `data` of ours is one line of JSON. */
export class EventStreamParser {
  #rest = "";

  /** @param {string} text @returns {StreamEvent[]} the events that are now complete */
  push(text) {
    const blocks = (this.#rest + text).split("\n\n");
    this.#rest = blocks.pop() ?? "";
    return blocks.map(parseBlock).filter((event) => event !== null);
  }
}

/** @param {string} block @returns {StreamEvent | null} null for a heartbeat */
function parseBlock(block) {
  /** @type {Map<string, string>} */
  const fields = new Map();
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1).trimStart());
  }
  const data = fields.get("data");
  if (data === undefined) return null;
  const id = fields.get("id");
  return {
    id: id === undefined ? null : Number(id),
    type: fields.get("event") ?? "message",
    data: JSON.parse(data),
  };
}
