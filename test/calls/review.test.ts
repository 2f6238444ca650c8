import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { saveScorecard } from "../../lib/calls/review/scorecards.ts";
import { setVerdictLabel } from "../../lib/calls/review/verdict-labels.ts";
import { reviewsWire } from "../../lib/calls/review/wire.ts";
import { deleteCallsBefore, setSummary } from "../../lib/calls/store/write.ts";
import { callListWire, callWire, reportWire } from "../../lib/calls/wire.ts";
import { assistantTurn, callRecord, userTurn } from "../support/call-records.ts";
import { type Reviewer, type ReviewServer, startReviewServer } from "../support/review-server.ts";
import { describeStores, type TestStore } from "../support/stores.ts";

const turns = [
  assistantTurn(1, 0),
  userTurn(2, 1_000, "negative"),
  assistantTurn(3, 2_000),
  userTurn(4, 3_000, null),
];

describeStores("a verdict", (create) => {
  let store: TestStore;
  let server: ReviewServer;

  beforeEach(async () => {
    store = await create();
    server = await startReviewServer(store, [
      callRecord({ sessionId: "one", turns }),
      callRecord({ sessionId: "two", turns }),
      callRecord({ sessionId: "live", turns, endedAt: null, endReason: null }),
    ]);
  });
  afterEach(async () => {
    await server.close();
    await store.remove();
  });

  /** Who says what of which turn. */
  const said = async (id: string) =>
    (await server.review("wall", id)).verdicts.map(({ turn, verdict, by }) => `${turn} ${by} ${verdict}`);

  test("is labelled by a supervisor, by name, once, and again when they think better of it", async () => {
    const before = Date.now();
    const { verdicts, you, can_review } = await server.change("anna", "PUT", "/calls/one/review/verdicts/2", {
      verdict: "negative",
    });
    assert.deepEqual([you, can_review], ["anna", true]);
    const managers = await Promise.all(
      (["anna", "wall", ""] as const).map(async (who) => (await server.review(who, "one")).can_manage),
    );
    assert.deepEqual(managers, [false, false, true]);
    assert.ok(Date.parse(verdicts[0]?.at ?? "") >= before);
    await server.change("bob", "PUT", "/calls/one/review/verdicts/2", { verdict: "neutral" });
    assert.deepEqual(await said("one"), ["2 anna negative", "2 bob neutral"]);
    await server.change("anna", "PUT", "/calls/one/review/verdicts/2", { verdict: "frustrated" });
    await server.change("anna", "PUT", "/calls/one/review/verdicts/4", { verdict: "positive" });
    assert.deepEqual(
      new Set(await said("one")),
      new Set(["2 anna frustrated", "2 bob neutral", "4 anna positive"]),
    );
    await server.change("anna", "PUT", "/calls/one/review/verdicts/2", { verdict: null });
    assert.deepEqual(await said("one"), ["2 bob neutral", "4 anna positive"]);
    assert.deepEqual(await said("two"), []);
  });

  test("is labelled under the name that is given, where the token is everybody's, and under one's own, whatever is given", async () => {
    await server.change("", "PUT", "/calls/one/review/verdicts/2", { verdict: "neutral", as: " Cleo " });
    await server.change("bob", "PUT", "/calls/one/review/verdicts/2", { verdict: "neutral", as: "anna" });
    assert.deepEqual(await said("one"), ["2 Cleo neutral", "2 bob neutral"]);
  });

  test("is labelled by nobody who may not, and nowhere but in the caller's turns", async () => {
    const path = "/calls/one/review/verdicts/2";
    for (const who of ["wall", "desk"] as const) {
      assert.equal((await server.refused(who, "PUT", path, { verdict: "neutral" }))[0], 403, who);
      assert.equal((await server.review(who, "one")).can_review, false, who);
    }
    assert.deepEqual(
      await server.refused("anna", "PUT", "/calls/one/review/verdicts/1", { verdict: "neutral" }),
      [400, "turn: expected a turn of the caller"],
    );
    assert.deepEqual(
      await server.refused("anna", "PUT", "/calls/none/review/verdicts/2", { verdict: "neutral" }),
      [404, "There is no call none"],
    );
    assert.equal((await server.refused("anna", "GET", "/calls/none/review"))[0], 404);
    for (const [body, parameter] of [
      [{}, "verdict"],
      [{ verdict: "cross" }, "verdict"],
      [{ verdict: "neutral", why: 1 }, "why"],
      [{ verdict: "neutral", as: " " }, "as"],
      [{ verdict: "neutral", as: "n".repeat(61) }, "as"],
    ] as const) {
      const [status, message] = await server.refused("anna", "PUT", path, body);
      assert.deepEqual([status, message.split(":")[0]], [400, parameter]);
    }
    assert.deepEqual(await said("one"), []);
  });

  test("can be labelled while its call goes on", async () => {
    await server.change("anna", "PUT", "/calls/live/review/verdicts/2", { verdict: "neutral" });
    assert.deepEqual(await said("live"), ["2 anna neutral"]);
  });

  test("is deleted with its labels, by hand and by age, and takes none afterwards", async () => {
    for (const id of ["one", "two"]) {
      await server.change("anna", "PUT", `/calls/${id}/review/verdicts/2`, { verdict: "neutral" });
    }
    const kept = () => server.db.selectFrom("verdict_labels").select("session_id").execute();
    assert.equal((await server.ask("", "DELETE", "/calls/one")).status, 204);
    assert.deepEqual(await kept(), [{ session_id: "two" }]);
    const label = { turn: 2, verdict: "neutral", by: "anna", at: 1 } as const;
    assert.equal(await setVerdictLabel(server.db, "one", label), "no_call");
    await deleteCallsBefore(server.db, Date.now(), new AbortController().signal);
    assert.deepEqual(await kept(), []);
  });
});

describeStores("a call", (create) => {
  let store: TestStore;
  let server: ReviewServer;

  const start = async (env: Record<string, string> = {}) => {
    server = await startReviewServer(
      store,
      [callRecord({ sessionId: "one", turns }), callRecord({ sessionId: "two", turns })],
      env,
    );
  };
  beforeEach(async () => {
    store = await create();
  });
  afterEach(async () => {
    await server.close();
    await store.remove();
  });
  const CARD = "/calls/one/review/scorecard";
  const REMARKS = "/calls/one/review/remarks";
  const found = async (query: string) => {
    const { calls } = callListWire.parse((await server.ask("wall", "GET", `/calls?${query}`)).body);
    return calls.map(({ session_id }) => session_id).sort();
  };

  test("is scored by several people, each once, by the form", async () => {
    await start();
    const { form } = await server.review("wall", "one");
    assert.ok(form.questions.some(({ id }) => id === "empathy"));
    await server.change("anna", "PUT", CARD, {
      answers: { greeting: "yes", empathy: "2" },
      comment: "So so",
    });
    await server.change("bob", "PUT", CARD, { answers: { empathy: "not_applicable" } });
    await server.change("anna", "PUT", CARD, { answers: { greeting: "yes", empathy: "3" } });
    const { scorecards } = await server.review("wall", "one");
    const brief = scorecards.map(({ by, source, score, comment, answers }) => [
      by,
      source,
      score,
      comment,
      answers,
    ]);
    assert.deepEqual(
      new Map(brief.map((card) => [card[0], card])),
      new Map([
        ["bob", ["bob", "person", null, "", { empathy: "not_applicable" }]],
        ["anna", ["anna", "person", 67, "", { greeting: "yes", empathy: "3" }]],
      ]),
    );
    assert.ok(scorecards.every(({ form: name }) => name === form.name));
    await server.change("bob", "PUT", CARD, { answers: null });
    assert.deepEqual(
      (await server.review("wall", "one")).scorecards.map(({ by }) => by),
      ["anna"],
    );
    for (const [body, message] of [
      [{ answers: { empathy: "yes" } }, /^answers: empathy takes 1, 2, 3, 4, 5, not_applicable$/],
      [{ answers: { wit: "5" } }, /^answers: there is no question wit$/],
      [{ answers: { empathy: "6" } }, /^answers: /],
      [{ comment: "no answers" }, /^answers: /],
      [{ answers: {}, comment: "c".repeat(5_001) }, /^comment: /],
    ] as const) {
      const [status, text] = await server.refused("anna", "PUT", CARD, body);
      assert.equal(status, 400);
      assert.match(text, message);
    }
    assert.equal((await server.refused("wall", "PUT", CARD, { answers: {} }))[0], 403);
    assert.equal(
      (await server.refused("anna", "PUT", "/calls/none/review/scorecard", { answers: {} }))[0],
      404,
    );
  });

  test("gets labels, by which it is found, and notes, on itself and on turns; who wrote one deletes it", async () => {
    await start();
    await server.change("anna", "POST", REMARKS, { kind: "note", text: " Said it\ntwice ", turn: 3 });
    await server.change("anna", "POST", REMARKS, { kind: "label", text: "vip", turn: 2 });
    await server.change("bob", "POST", REMARKS, { kind: "label", text: "vip" });
    const { remarks } = await server.review("wall", "one");
    const brief = remarks.map(({ by, kind, text, turn }) => `${by} ${kind} ${turn} ${text}`).sort();
    assert.deepEqual(brief, ["anna label 2 vip", "anna note 3 Said it\ntwice", "bob label null vip"]);
    assert.deepEqual(await found("tag=vip"), ["one"]);
    assert.deepEqual(await found("tag=VIP"), []);

    const idOf = (who: string, kind: string) =>
      remarks.find((one) => one.by === who && one.kind === kind)?.id;
    const [status] = await server.refused("bob", "DELETE", `${REMARKS}/${idOf("anna", "label")}`);
    assert.equal(status, 404);
    await server.change("anna", "DELETE", `${REMARKS}/${idOf("anna", "label")}`, {});
    assert.deepEqual(await found("tag=vip"), ["one"], "bob's is still there");
    // An admin deletes anybody's.
    await server.change("", "DELETE", `${REMARKS}/${idOf("bob", "label")}`, { as: "Cleo" });
    assert.deepEqual(await found("tag=vip"), []);
    for (const [body, parameter] of [
      [{ kind: "note", text: " " }, "text"],
      [{ kind: "note", text: "n".repeat(2_001) }, "text"],
      [{ kind: "label", text: "l".repeat(61) }, "text"],
      [{ kind: "joke", text: "ha" }, "kind"],
      [{ kind: "note", text: "ha", turn: 5 }, "turn"],
    ] as const) {
      const [code, message] = await server.refused("anna", "POST", REMARKS, body);
      assert.deepEqual([code, message.split(":")[0]], [400, parameter]);
    }
    assert.equal((await server.refused("desk", "POST", REMARKS, { kind: "note", text: "ha" }))[0], 403);
  });

  test("takes 500 remarks and not one more", async () => {
    await start();
    const row = { session_id: "one", turn: null, author: "a", kind: "note", text: "t", at: 1 };
    const rows = Array.from({ length: 500 }, (_, n) => ({ ...row, id: `remark-${n}` }));
    await server.db.insertInto("remarks").values(rows).execute();
    const [status, message] = await server.refused("anna", "POST", REMARKS, { kind: "note", text: "more" });
    assert.deepEqual(
      [status, message],
      [400, "text: this call has as many remarks as are kept: delete some"],
    );
  });

  test("that is deleted takes its scores, labels and notes along", async () => {
    await start();
    for (const id of ["one", "two"]) {
      await server.change("anna", "PUT", `/calls/${id}/review/scorecard`, { answers: { empathy: "4" } });
      await server.change("anna", "POST", `/calls/${id}/review/remarks`, { kind: "label", text: "vip" });
      await server.change("anna", "POST", `/calls/${id}/review/remarks`, {
        kind: "note",
        text: "Note",
        turn: 2,
      });
    }
    assert.equal((await server.ask("", "DELETE", "/calls/one")).status, 204);
    for (const table of ["scorecards", "remarks", "tags"] as const) {
      const left = await server.db.selectFrom(table).select("session_id").execute();
      assert.deepEqual(new Set(left.map(({ session_id }) => session_id)), new Set(["two"]), table);
    }
    assert.equal((await server.refused("anna", "POST", REMARKS, { kind: "note", text: "late" }))[0], 404);
    assert.equal((await server.refused("anna", "PUT", CARD, { answers: { empathy: "4" } }))[0], 404);
    await deleteCallsBefore(server.db, Date.now(), new AbortController().signal);
    for (const table of ["scorecards", "remarks", "tags"] as const) {
      assert.deepEqual(await server.db.selectFrom(table).selectAll().execute(), [], table);
    }
  });

  test("gets words as RECORD_TEXT keeps them: masked, or none", async () => {
    await start({ RECORD_TEXT: "redacted" });
    const note = "Write to ann@example.com or call +49 30 1234567";
    await server.change("anna", "POST", REMARKS, { kind: "note", text: note });
    await server.change("anna", "POST", REMARKS, { kind: "label", text: "+49 30 1234567" });
    await server.change("anna", "PUT", CARD, { answers: {}, comment: note });
    const { remarks, scorecards, keeps_words } = await server.review("anna", "one");
    const masked = "Write to [e-mail] or call [phone]";
    assert.deepEqual(new Set(remarks.map(({ text }) => text)), new Set([masked, "[phone]"]));
    assert.deepEqual([scorecards[0]?.comment, keeps_words], [masked, true]);
    const stored = JSON.stringify([
      await server.db.selectFrom("remarks").selectAll().execute(),
      await server.db.selectFrom("scorecards").selectAll().execute(),
      await server.db.selectFrom("tags").selectAll().execute(),
    ]);
    assert.ok(!/example\.com|1234567/.test(stored));
    await server.close();

    await store.remove();
    store = await create();
    await start({ RECORD_TEXT: "none" });
    assert.equal((await server.review("anna", "one")).keeps_words, false);
    for (const kind of ["note", "label"]) {
      const [status, message] = await server.refused("anna", "POST", REMARKS, { kind, text: "Words" });
      assert.deepEqual([status, message], [400, "text: no words are kept (RECORD_TEXT=none)"]);
    }
    assert.equal((await server.refused("anna", "PUT", CARD, { answers: {}, comment: "Words" }))[0], 400);
    await server.change("anna", "PUT", CARD, { answers: { empathy: "5" } });
    assert.equal((await server.review("anna", "one")).scorecards[0]?.score, 100);
  });
});

describeStores("reviews of many calls", (create) => {
  let store: TestStore;
  let server: ReviewServer;
  const startedAt = Date.UTC(2026, 0, 15, 10);
  const SPAN = "from=2026-01-15&to=2026-01-16";

  beforeEach(async () => {
    store = await create();
    const said = (sessionId: string, text: string, verdict: "positive" | "negative", at = startedAt) =>
      callRecord({ sessionId, startedAt: at, turns: [userTurn(1, 0, verdict, { text })] });
    server = await startReviewServer(store, [
      said("one", "My parcel is late, I want a refund", "negative"),
      said("two", "Thanks, the parcel is here", "positive", startedAt + 1),
      said("three", "What is the weather?", "negative", startedAt + 2),
      said("before", "My parcel is late", "negative", startedAt - 86_400_000),
    ]);
  });
  afterEach(async () => {
    await server.close();
    await store.remove();
  });
  const score = (who: Reviewer, id: string, answers: Record<string, string>) =>
    server.change(who, "PUT", `/calls/${id}/review/scorecard`, { answers });
  const label = (who: Reviewer, id: string, verdict: string) =>
    server.change(who, "PUT", `/calls/${id}/review/verdicts/1`, { verdict });
  const reviews = async (query = SPAN) => {
    const { status, body } = await server.ask("wall", "GET", `/quality/reviews?${query}`);
    assert.equal(status, 200, JSON.stringify(body));
    return reviewsWire.parse(body);
  };

  test("tell scores, outcomes, topics, labels, and how far people agree with one another and the model", async () => {
    await score("anna", "one", { greeting: "yes", empathy: "4" });
    await score("bob", "one", { greeting: "yes", empathy: "2" });
    await score("anna", "two", { greeting: "no", empathy: "5" });
    await score("bob", "two", { greeting: "no", handover: "yes" });
    await score("bob", "before", { greeting: "no" });
    const form = (await server.review("wall", "one")).form.name;
    const proposal = {
      source: "model",
      by: "judge",
      form,
      reasons: {},
      comment: "",
      score: 50,
      at: 1,
    } as const;
    await saveScorecard(server.db, "one", { ...proposal, answers: { greeting: "yes", empathy: "4" } });
    await saveScorecard(server.db, "two", { ...proposal, answers: { greeting: "yes" } });
    await saveScorecard(server.db, "two", {
      ...proposal,
      by: "older",
      form: "Another form",
      answers: { greeting: "no" },
    });
    await server.change("anna", "POST", "/calls/two/review/remarks", { kind: "label", text: "vip" });
    await label("anna", "one", "negative");
    await label("bob", "one", "frustrated");
    await label("anna", "two", "positive");

    const { pairs, ...rest } = await reviews();
    // one: 83 by anna, 50 by bob; two: 67 by both.
    assert.deepEqual(rest.scored, { calls: 2, score: 67 });
    assert.deepEqual(
      pairs.map(({ one, other, other_is, answers, equal }) => [one, other, other_is, answers, equal]),
      [
        ["anna", "bob", "person", 3, 0.67],
        ["anna", "judge", "model", 3, 0.67],
        ["bob", "judge", "model", 3, 0.33],
      ],
    );
    // greeting: equal by both on two calls, half of it by chance; empathy: 4 and 2, which chance would not make equal.
    assert.equal(pairs[0]?.kappa, 0.5);
    assert.deepEqual([rest.people.answers, rest.people.kappa], [3, 0.5]);
    assert.deepEqual([rest.model.answers, rest.model.equal], [6, 0.5]);
    assert.deepEqual([rest.verdicts.given.answers, rest.verdicts.given.equal], [3, 0.67]);
    assert.deepEqual([rest.verdicts.people.answers, rest.verdicts.people.equal], [1, 0]);
    assert.deepEqual(rest.outcomes, { not_resolved: 2, resolved: 1 });
    assert.deepEqual(rest.topics, { delivery: 2, refund: 1 });
    assert.deepEqual(rest.labels, { vip: 1 });
    assert.deepEqual((await reviews("from=2020-01-01&to=2020-01-02")).pairs, []);
    assert.equal((await server.ask("wall", "GET", "/quality/reviews?form=2026-01-15")).status, 400);
  });

  test("stand in the list of calls, which can be sorted by them, and in the exports", async () => {
    await score("anna", "one", { greeting: "yes", empathy: "3" });
    await score("bob", "one", { greeting: "no" });
    await score("anna", "two", { greeting: "yes" });
    await score("anna", "before", { greeting: "not_applicable" });
    const proposal = {
      by: "gpt",
      source: "model",
      form: "Service call",
      answers: { greeting: "no" },
    } as const;
    for (const id of ["two", "three"]) {
      await saveScorecard(server.db, id, { ...proposal, reasons: {}, comment: "", score: 0, at: 1 });
    }
    const older = { ...proposal, by: "cleo", source: "person", form: "Another form" } as const;
    await saveScorecard(server.db, "before", { ...older, reasons: {}, comment: "", score: null, at: 1 });
    const listed = async (query: string) => {
      const { status, body } = await server.ask("wall", "GET", `/calls?${query}`);
      assert.equal(status, 200, JSON.stringify(body));
      const { calls, next_cursor } = callListWire.parse(body);
      return { calls: calls.map(({ session_id, review_score }) => [session_id, review_score]), next_cursor };
    };
    // 67 and 0, by two people; what a model proposes and what does not apply is no score.
    const one = ["one", 34];
    const two = ["two", 100];
    assert.deepEqual((await listed("")).calls, [["three", null], two, one, ["before", null]]);
    const first = await listed("sort=review&limit=1");
    assert.deepEqual(first.calls, [one]);
    const second = await listed(`sort=review&limit=1&cursor=${first.next_cursor}`);
    assert.deepEqual(second, { calls: [two], next_cursor: null });
    assert.deepEqual((await listed("sort=review&order=desc&q=parcel")).calls, [two, one]);

    const csv = (await server.text("", "/calls.csv")).split("\r\n").map((line) => line.split(","));
    assert.deepEqual(
      csv.slice(0, -1).map((cells) => [cells[0], ...cells.slice(-7)].join(" ")),
      [
        "session_id review_score answer_greeting answer_understanding answer_correctness answer_empathy answer_handover answer_closing",
        "three       ",
        "two 100 100     ",
        // Yes and no, by two people, and a 3.
        "one 34 50   50  ",
        // By a form of another name.
        "before       ",
      ],
    );
    const lines = (await server.text("", "/calls.jsonl?topic=refund")).trimEnd().split("\n");
    const [exported, ...more] = lines.map((line) => callWire.parse(JSON.parse(line)));
    assert.deepEqual(more, []);
    const cards = exported?.scorecards.map(({ by, score, answers }) => [by, score, answers]);
    assert.deepEqual([exported?.session_id, exported?.review_score], one);
    assert.deepEqual(
      new Map(cards?.map((card) => [card[0], card])),
      new Map([
        ["anna", ["anna", 67, { greeting: "yes", empathy: "3" }]],
        ["bob", ["bob", 0, { greeting: "no" }]],
      ]),
    );
    assert.deepEqual(
      callWire.parse((await server.ask("wall", "GET", "/calls/one")).body).scorecards,
      exported?.scorecards,
    );
  });

  test("are found by outcome and topic, until the calls are deleted", async () => {
    const found = async (query: string) => {
      const { calls } = callListWire.parse((await server.ask("wall", "GET", `/calls?${SPAN}&${query}`)).body);
      return calls.map(({ session_id }) => session_id).sort();
    };
    assert.deepEqual(await found("topic=delivery"), ["one", "two"]);
    assert.deepEqual(await found("topic=delivery&outcome=resolved"), ["two"]);
    assert.deepEqual(await found("outcome=handed_over"), []);
    assert.equal((await server.ask("wall", "GET", "/calls?outcome=lost")).status, 400);
    // A model knows better.
    const item = { identifier: "x", confidence: 1, reasoning: "" };
    await setSummary(server.db, "one", [
      { ...item, value: "escalated", type: "disposition" },
      { ...item, value: "late parcel, refund", type: "topics" },
    ]);
    assert.deepEqual(await found("topic=delivery"), ["two"]);
    assert.deepEqual(await found("topic=late parcel&outcome=handed_over"), ["one"]);
    const report = reportWire.parse((await server.ask("wall", "GET", "/calls/one/report")).body);
    assert.deepEqual(
      [report.outcome, report.topics],
      [
        { name: "handed_over", by: "model" },
        { names: ["late parcel", "refund"], by: "model" },
      ],
    );
    assert.equal((await server.ask("", "DELETE", "/calls/one")).status, 204);
    assert.deepEqual(await found("topic=late parcel"), []);
    await setSummary(server.db, "one", [{ ...item, value: "escalated", type: "disposition" }]);
    assert.deepEqual(await found("outcome=handed_over"), []);
    assert.deepEqual((await reviews()).outcomes, { not_resolved: 1, resolved: 1 });
  });
});
