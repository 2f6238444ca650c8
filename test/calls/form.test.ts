import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import {
  ANSWERS,
  type Answer,
  choicesOf,
  formSchema,
  loadForm,
  misfit,
  type ScoringForm,
  scoreOf,
} from "../../lib/calls/review/form.ts";
import { ConfigError } from "../../lib/errors.ts";
import { fc } from "../support/property.ts";

const form: ScoringForm = {
  name: "A form",
  questions: [
    { id: "hello", text: "Hello?", type: "yes_no", weight: 1 },
    { id: "right", text: "Right?", type: "scale", weight: 3 },
  ],
};

describe("a scoring form", () => {
  test("gives what was reached of what could be, by weight, without what does not apply", () => {
    for (const [answers, score] of [
      [{ hello: "yes", right: "5" }, 100],
      [{ hello: "no", right: "1" }, 0],
      [{ hello: "yes", right: "1" }, 25],
      [{ hello: "no", right: "4" }, 56],
      [{ hello: "not_applicable", right: "3" }, 50],
      [{ right: "3" }, 50],
      [{ hello: "not_applicable" }, null],
      [{}, null],
    ] satisfies [Record<string, Answer>, number | null][]) {
      assert.equal(scoreOf(form, answers), score, JSON.stringify(answers));
    }
  });

  test("never gives less for a better answer", () => {
    const question = fc.record({
      id: fc.stringMatching(/^[a-z]{1,8}$/),
      text: fc.constant("?"),
      type: fc.constantFrom("yes_no" as const, "scale" as const),
      weight: fc.integer({ min: 1, max: 10 }),
    });
    const questions = fc.uniqueArray(question, { minLength: 1, maxLength: 6, selector: ({ id }) => id });
    fc.assert(
      fc.property(questions, fc.infiniteStream(fc.nat()), (asked, numbers) => {
        const one: ScoringForm = { name: "f", questions: asked };
        const pick = (choices: readonly Answer[]) => choices[(numbers.next().value ?? 0) % choices.length];
        const answers = Object.fromEntries(asked.map((q) => [q.id, pick(choicesOf(q)) ?? "no"]));
        assert.equal(misfit(one, answers), null);
        const before = scoreOf(one, answers);
        assert.ok(before === null || (before >= 0 && before <= 100));
        for (const { id, type } of asked) {
          if (answers[id] === "not_applicable") continue;
          const better = scoreOf(one, { ...answers, [id]: type === "yes_no" ? "yes" : "5" });
          assert.ok((better ?? 0) >= (before ?? 0));
        }
      }),
    );
  });

  test("names the answer that does not fit it", () => {
    assert.equal(misfit(form, { hello: "5" }), "hello takes yes, no, not_applicable");
    assert.equal(misfit(form, { right: "yes" }), "right takes 1, 2, 3, 4, 5, not_applicable");
    assert.equal(misfit(form, { other: "yes" }), "there is no question other");
    assert.equal(ANSWERS.length, 8);
  });

  test("is there without a file", () => {
    const shipped = loadForm(undefined);
    assert.ok(shipped.questions.length > 3);
    assert.deepEqual(formSchema.parse(shipped), shipped);
  });

  test("comes from a file of YAML or JSON, and what is wrong with that is one line that names it", async (t) => {
    const folder = await mkdtemp(join(tmpdir(), "form-"));
    t.after(() => rm(folder, { recursive: true }));
    const file = join(folder, "form.yaml");
    const load = async (text: string) => {
      await writeFile(file, text);
      return loadForm(file);
    };
    assert.deepEqual(await load(JSON.stringify(form)), form);
    const yaml = "name: Mine\nquestions: # two\n  - { id: a, text: A?, type: scale }\n";
    assert.deepEqual((await load(yaml)).questions, [{ id: "a", text: "A?", type: "scale", weight: 1 }]);
    const question = '{"id":"a","text":"A?","type":"scale"}';
    for (const [text, message] of [
      ["", /form\.yaml: it: /],
      ["name: [", /form\.yaml is not YAML: /],
      ["name: Mine", /questions: /],
      [`{"name":"Mine","questions":[]}`, /questions: /],
      [`{"name":"Mine","questions":[${question},${question}]}`, /questions: two questions have the same id$/],
      [
        `{"name":"Mine","questions":[${question.replace('"a"', '"A b"')}]}`,
        /questions\.0\.id: expected small/,
      ],
      [`{"name":"Mine","questions":[${question.replace("scale", "stars")}]}`, /questions\.0\.type: /],
      [`{"name":"Mine","questions":[${question.replace("}", ',"weight":0}')}]}`, /questions\.0\.weight: /],
      [`{"name":"Mine","questions":[${question.replace("}", ',"wight":2}')}]}`, /questions\.0: .*wight/],
    ] as const) {
      await assert.rejects(load(text), (error: unknown) => {
        assert.ok(error instanceof ConfigError);
        assert.match(error.message, message);
        return error.message.startsWith("SCORING_FORM: ") && !error.message.includes("\n");
      });
    }
    assert.throws(
      () => loadForm("/nowhere.yaml"),
      /^ConfigError: SCORING_FORM: \/nowhere.yaml cannot be read: /,
    );
  });
});
