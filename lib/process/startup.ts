import { AgentServerError, describeError } from "../errors.ts";

/**
 * Makes one step of the start. When it fails for a reason that whoever starts the server can mend, that reason is
 * printed in one line and the process ends with code 1; any other error is a fault of ours and is thrown.
 * @param hint what to do about a failure of the system or the database, whose own words do not say it.
 */
export async function orExit<T>(step: () => T | Promise<T>, hint = ""): Promise<T> {
  try {
    return await step();
  } catch (error) {
    const ours = error instanceof AgentServerError;
    if (!ours && !(error instanceof Error && "code" in error)) throw error;
    // There may be no logger yet, and a stack trace would hide the one line that matters.
    console.error(ours ? error.message : `${describeError(error).reason}. ${hint}`);
    process.exit(1);
  }
}
