import assert from "node:assert/strict";
import test, { describe } from "node:test";
import { Mailbox } from "../../lib/nodes/mailbox.ts";
import { deferred } from "../support/nodes.ts";

const refuse = () => false;

describe("a mailbox", () => {
  test("handles one entry at a time, in order, and never in the caller's own step", async () => {
    const log: string[] = [];
    const gate = deferred();
    const mailbox = new Mailbox<string>(
      async (entry) => {
        log.push(`${entry} begins`);
        if (entry === "a") await gate.promise;
        log.push(`${entry} ends`);
      },
      10,
      refuse,
    );
    mailbox.open();
    mailbox.push("a");
    mailbox.push("b");
    assert.deepEqual(log, []);
    await Promise.resolve();
    assert.deepEqual(log, ["a begins"]);
    gate.resolve();
    await mailbox.close();
    assert.deepEqual(log, ["a begins", "a ends", "b begins", "b ends"]);
  });

  test("starts again after it has run empty", async () => {
    const seen: number[] = [];
    const idle = [deferred(), deferred()];
    const mailbox = new Mailbox<number>(
      (entry) => {
        seen.push(entry);
        idle[entry]?.resolve();
      },
      10,
      refuse,
    );
    mailbox.open();
    for (const entry of [0, 1]) {
      mailbox.push(entry);
      await idle[entry]?.promise;
    }
    assert.deepEqual(seen, [0, 1]);
  });

  test("that is full asks what to drop, and refuses when nothing may go", () => {
    const handled: string[] = [];
    const mailbox = new Mailbox<string>(
      (entry) => void handled.push(entry),
      2,
      (queue) => {
        const index = queue.indexOf("droppable");
        if (index >= 0) queue.splice(index, 1);
        return index >= 0;
      },
    );
    mailbox.open();
    assert.deepEqual(
      ["kept", "droppable", "kept too", "refused"].map((entry) => mailbox.push(entry)),
      [true, true, true, false],
    );
    assert.equal(
      mailbox.count(() => true),
      2,
    );
    assert.equal(
      mailbox.count((entry) => entry === "droppable"),
      0,
    );
  });

  test("can be cleared of what nobody wants any more", async () => {
    const handled: string[] = [];
    const mailbox = new Mailbox<string>((entry) => void handled.push(entry), 10, refuse);
    mailbox.open();
    for (const entry of ["chunk", "transcript", "chunk"]) mailbox.push(entry);
    mailbox.discard((entry) => entry === "chunk");
    await mailbox.close();
    assert.deepEqual(handled, ["transcript"]);
  });

  test("that is closed takes nothing more and finishes what it has", async () => {
    const handled: string[] = [];
    const mailbox = new Mailbox<string>((entry) => void handled.push(entry), 10, refuse);
    mailbox.open();
    mailbox.push("before");
    const closed = mailbox.close();
    assert.equal(mailbox.push("after"), false);
    await closed;
    assert.deepEqual(handled, ["before"]);
  });

  test("holds no more than four megabytes, however few entries that is", async () => {
    const handled: number[] = [];
    const dropOldest = (queue: number[]) => queue.shift() !== undefined;
    const mailbox = new Mailbox<number>(
      (entry) => {
        handled.push(entry);
      },
      1_000,
      dropOldest,
      (entry) => entry * 1024,
    );
    for (const kilobytes of [1_000, 1_001, 1_002, 1_003, 1_004]) assert.ok(mailbox.push(kilobytes));
    assert.ok(mailbox.push(5_000), "one that is too large by itself still has its place");
    mailbox.open();
    await mailbox.close();
    assert.deepEqual(handled, [5_000]);

    const stubborn = new Mailbox<number>(
      () => {},
      1_000,
      refuse,
      (entry) => entry * 1024,
    );
    assert.ok(stubborn.push(4_000));
    assert.equal(stubborn.push(1_000), false);
  });
});
