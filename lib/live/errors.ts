import { AgentServerError } from "../errors.ts";
import type { SupervisionErrorCode } from "../nodes/supervised.ts";

/** The HTTP status that says the same as a code. */
const STATUS = {
  bad_request: 400,
  not_live: 404,
  handed_off: 409,
  no_transfer_number: 409,
  too_many_notes: 409,
  not_possible: 409,
  too_many_viewers: 503,
  no_suggestion: 503,
  no_answer: 504,
} as const satisfies Record<SupervisionErrorCode, number> & Record<string, number>;

export type LiveErrorCode = keyof typeof STATUS;

/** What a viewer or a supervisor asked for cannot be done. */
export class LiveError extends AgentServerError {
  readonly code: LiveErrorCode;
  readonly statusCode: number;

  constructor(code: LiveErrorCode, message: string) {
    super(message);
    this.code = code;
    this.statusCode = STATUS[code];
  }
}

export function isLiveErrorCode(value: unknown): value is LiveErrorCode {
  return typeof value === "string" && Object.hasOwn(STATUS, value);
}

export function notLive(): LiveError {
  return new LiveError("not_live", "this call is not live: GET /live/calls lists the calls that are");
}
