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

/** What this address answers, whatever its status. */
export async function getJson(url: string, headers: Record<string, string> = {}): Promise<unknown> {
  return (await fetch(url, { headers })).json();
}
