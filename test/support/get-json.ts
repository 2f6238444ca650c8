import { z } from "zod";

const callsSchema = z.object({
  calls: z.array(
    z.looseObject({
      agent: z.string().nullable(),
      agent_version: z.string().nullable(),
      model: z.string().nullable(),
      ended_at: z.string().nullable().default(null),
    }),
  ),
});

/** The calls that `/calls` or `/live/calls` lists. */
export async function getCalls(url: string) {
  return callsSchema.parse(await (await fetch(url)).json()).calls;
}
