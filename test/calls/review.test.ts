import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { setVerdictLabel } from "../../lib/calls/review/verdict-labels.ts";
import { deleteCallsBefore } from "../../lib/calls/store/write.ts";
import { assistantTurn, callRecord, userTurn } from "../support/call-records.ts";
import { type ReviewServer, startReviewServer } from "../support/review-server.ts";
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
