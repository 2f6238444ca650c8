/** The wait after the nth failed try, ms: doubling from `firstMs` to `maxMs`. */
export function doubling(firstMs: number, maxMs: number): (tries: number) => number {
  return (tries) => Math.min(maxMs, firstMs * 2 ** (tries - 1));
}
