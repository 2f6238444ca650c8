/**
 * A query's parameter as both databases take it: PostgreSQL has no NUL character, and would refuse the whole batch.
 * Each one's compiler sends all parameters through here, so that nobody who writes or reads has to think of it.
 */
export function storable(parameter: unknown): unknown {
  return typeof parameter === "string" ? parameter.replaceAll("\0", "\uFFFD") : parameter;
}
