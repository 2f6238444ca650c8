import { AgentServerError } from "../errors.ts";

/** What a viewer or a supervisor asked for cannot be done. */
export class LiveError extends AgentServerError {
  readonly code:
    | "handed_off"
    | "no_transfer_number"
    | "too_many_notes"
    | "not_live"
    | "supervision_off"
    | "bad_request"
    | "too_many_viewers";
  /** The HTTP status that says the same. */
  readonly statusCode: 400 | 403 | 404 | 409 | 503;

  constructor(code: LiveError["code"], message: string) {
    super(message);
    this.code = code;
    this.statusCode = STATUS[code];
  }
}

const STATUS = {
  bad_request: 400,
  supervision_off: 403,
  not_live: 404,
  handed_off: 409,
  no_transfer_number: 409,
  too_many_notes: 409,
  too_many_viewers: 503,
} as const;
