/** Fields of an event in a few words, as a scenario would spell them: what is empty is left out. */
export function sayFields(fields: Readonly<Record<string, unknown>>): string {
  return Object.entries(fields)
    .flatMap(([key, value]) => (isEmpty(value) ? [] : [`${key}: ${say(value)}`]))
    .join(", ");
}

function isEmpty(value: unknown): boolean {
  if (typeof value === "object" && value !== null) return Object.keys(value).length === 0;
  return value === undefined || value === null || value === "";
}

function say(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
