import { z } from "zod";

const MAX_NAME = 60;

/** What somebody who looks at calls says they are called. */
export const personName = z.string().trim().min(1).max(MAX_NAME);
