import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { agreementOf, type Rated, RatedCounts } from "../../lib/calls/review/agreement.ts";
import { fc } from "../support/property.ts";

const rated = (item: string, one: string, other: string, times: number): Rated[] => [
  { item, one, other, times },
];

describe("agreement", () => {
  test("is Cohen's kappa, of two classes and of three", () => {
    const table = [
      [50, 20, 14],
      [26, 36, 18],
      [12, 10, 14],
    ];
    const pairs = table.flatMap((row, a) => row.flatMap((n, b) => rated("q", `${a}`, `${b}`, n)));
    const rows = table.map((row) => row.reduce((sum, n) => sum + n, 0) / 200);
    const columns = [0, 1, 2].map((b) => table.reduce((sum, row) => sum + (row[b] ?? 0), 0) / 200);
    const chance = rows.reduce((sum, share, n) => sum + share * (columns[n] ?? 0), 0);
    const expected = (0.5 - chance) / (1 - chance);
    assert.deepEqual(agreementOf(pairs), { answers: 200, equal: 0.5, kappa: Number(expected.toFixed(2)) });
    const yesNo = [
      ...rated("q", "yes", "yes", 20),
      ...rated("q", "yes", "no", 5),
      ...rated("q", "no", "yes", 10),
      ...rated("q", "no", "no", 15),
    ];
    assert.deepEqual(agreementOf(yesNo), { answers: 50, equal: 0.7, kappa: 0.4 });
  });

  test("over several items is pooled: two that never vary are worth nothing, however equal", () => {
    const same = [...rated("a", "yes", "yes", 10), ...rated("b", "5", "5", 10)];
    assert.deepEqual(agreementOf(same), { answers: 20, equal: 1, kappa: null });
    // Taken as one item, the two would look like full agreement beyond chance.
    assert.equal(agreementOf(same.map((one) => ({ ...one, item: "all" }))).kappa, 1);
    const mixed = [...same, ...rated("c", "yes", "no", 1), ...rated("c", "no", "yes", 1)];
    // c: po 0, pe 0.5; over all: po 20/22, pe (20 + 1)/22.
    assert.equal(agreementOf(mixed).kappa, -1);
  });

  test("is the same for answers counted one by one", () => {
    const counts = new RatedCounts();
    const all = [
      ...rated("a", "yes", "no", 3),
      ...rated("b", "yes", "yes", 2),
      ...rated("b", "no", "yes", 1),
    ];
    for (const { item, one, other, times } of all) {
      for (let n = 0; n < times; n += 1) counts.add(item, one, other);
    }
    assert.deepEqual(counts.all, all);
  });

  test("is 1 for equal answers that vary, about 0 for answers given at random, and the same from both sides", () => {
    assert.equal(agreementOf([...rated("q", "1", "1", 3), ...rated("q", "5", "5", 2)]).kappa, 1);
    assert.deepEqual(agreementOf([]), { answers: 0, equal: null, kappa: null });
    const answer = fc.constantFrom("yes", "no", "not_applicable");
    const one = fc.record({
      item: fc.constantFrom("a", "b"),
      one: answer,
      other: answer,
      times: fc.integer({ min: 1, max: 3 }),
    });
    fc.assert(
      fc.property(fc.array(one, { minLength: 1, maxLength: 40 }), (all) => {
        const there = agreementOf(all);
        const back = agreementOf(all.map(({ one: a, other: b, ...rest }) => ({ ...rest, one: b, other: a })));
        assert.deepEqual(there, back);
        assert.ok(there.kappa === null || (there.kappa <= 1 && there.kappa >= -1), String(there.kappa));
        assert.equal(there.equal === 1 && there.kappa !== null ? there.kappa : 1, 1);
      }),
    );
    const independent = ["yes", "no"].flatMap((a) => ["yes", "no"].flatMap((b) => rated("q", a, b, 5)));
    assert.equal(agreementOf(independent).kappa, 0);
  });
});
