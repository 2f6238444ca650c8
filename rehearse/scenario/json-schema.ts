import { z } from "zod";
import { scenarioSchema } from "./schema.ts";

/** The JSON schema of a scenario file, for editors: one scenario, or a list of them with defaults above it. */
export function scenarioFileSchema(): object {
  const { $schema, ...one } = z.toJSONSchema(scenarioSchema, { io: "input", unrepresentable: "any" });
  const { properties = {}, required: _required, ...shape } = one;
  return {
    $schema,
    title: "Scenarios of a voice agent's rehearsal",
    ...shape,
    properties: {
      ...properties,
      scenarios: { type: "array", minItems: 1, items: { $ref: "#/$defs/scenario" } },
    },
    $defs: { scenario: { ...shape, properties, required: ["name"] } },
  };
}
