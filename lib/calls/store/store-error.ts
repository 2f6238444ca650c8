import { AgentServerError } from "../../errors.ts";

/** The store of calls could not do what was asked of it. */
export class StoreError extends AgentServerError {
  /** `refused`: it does not take what was to be written. */
  readonly code: "closed" | "failed" | "refused" | "bad_url" | "bad_row";

  constructor(code: StoreError["code"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
