// @ts-check

/** What a call is called on the page: the platform's id, or the beginning of ours. @param {{ id: string, callId: string | null }} call */
export function nameOf({ id, callId }) {
  return callId ?? `Call ${id.slice(0, 8)}`;
}
