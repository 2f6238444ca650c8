/** A server counts as gone when its sign of life has been the same that many times in a row, after the first. */
export const MISSED_BEATS = 4;

/**
 * Tells which of several servers are gone, from the sign of life that each changes at every beat. What counts is how
 * often this server has looked in vain, and not what any clock says: while the database is away nobody can give a
 * sign, a machine that was asleep has looked once, and clocks differ.
 */
export class Sightings {
  #seen = new Map<string, { sign: string; missed: number }>();

  /** Once a beat. @param signs the present sign of each server, by its id. @returns the ids of those that are gone. */
  look(signs: ReadonlyMap<string, string>): string[] {
    const before = this.#seen;
    this.#seen = new Map(
      [...signs].map(([id, sign]) => {
        const known = before.get(id);
        return [id, { sign, missed: known?.sign === sign ? known.missed + 1 : 0 }];
      }),
    );
    return [...this.#seen].filter(([, { missed }]) => missed >= MISSED_BEATS).map(([id]) => id);
  }

  /** This server could not look: then perhaps the others could not give a sign either. */
  reset(): void {
    this.#seen.clear();
  }
}
