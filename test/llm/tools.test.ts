import assert from "node:assert/strict";
import test, { describe } from "node:test";
import { z } from "zod";
import { ToolSet, tool } from "../../lib/llm/tools.ts";
import type { AgentEvent, Draft } from "../../lib/wire/events.ts";
import { deferred } from "../support/nodes.ts";

const context = { signal: new AbortController().signal, turnId: "turn-1", variables: {}, caller: null };
const call = (name: string, args = "{}") => ({ id: `id-${name}`, name, arguments: args, extra: {} });
const none = z.object({});

/** Runs calls; gives the results and the names of the log events in order. */
async function run(tools: ToolSet, ...calls: ReturnType<typeof call>[]) {
  const logged: string[] = [];
  const publish = (event: Draft<AgentEvent>) => {
    if (event.type === "agent.log") logged.push(event.name);
  };
  const results = await tools.run(calls, context, publish);
  return { logged, results: results.map(({ content }) => content), ids: results.map((r) => r.tool_call_id) };
}

describe("the tools of a node", () => {
  test("run side by side, and their results keep the order of the calls", async () => {
    const secondHasRun = deferred<string>();
    const tools = new ToolSet([
      // It can only end once the other one runs.
      tool({ name: "first", description: "", parameters: none, handler: () => secondHasRun.promise }),
      tool({
        name: "second",
        description: "",
        parameters: none,
        handler: () => {
          secondHasRun.resolve("after the second");
          return "at once";
        },
      }),
    ]);
    const { results, ids, logged } = await run(tools, call("first"), call("second"));
    assert.deepEqual(results, ["after the second", "at once"]);
    assert.deepEqual(ids, ["id-first", "id-second"]);
    assert.deepEqual(logged, ["tool_call_start", "tool_call_start", "tool_call_end", "tool_call_end"]);
  });

  test("get checked arguments, the signal and the turn", async () => {
    let seen: unknown;
    const tools = new ToolSet([
      tool({
        name: "look",
        description: "",
        parameters: z.object({ order: z.number() }),
        handler: (args, given) => {
          seen = { args, given };
        },
      }),
    ]);
    const { results } = await run(tools, call("look", '{"order":7,"extra":1}'));
    assert.deepEqual(seen, { args: { order: 7 }, given: context });
    assert.deepEqual(results, ["null"]);
  });

  test("that throw give a result the model can read, and the others theirs", async () => {
    const tools = new ToolSet([
      tool({
        name: "broken",
        description: "",
        parameters: none,
        handler: () => {
          throw new Error("the order system is down");
        },
      }),
      tool({ name: "fine", description: "", parameters: none, handler: () => ({ ok: true }) }),
      tool({ name: "rejecting", description: "", parameters: none, handler: () => Promise.reject("bare") }),
    ]);
    const { results, logged } = await run(tools, call("broken"), call("fine"), call("rejecting"));
    assert.deepEqual(results, [
      '{"error":"the order system is down"}',
      '{"ok":true}',
      '{"error":"the tool failed"}',
    ]);
    assert.equal(logged.filter((name) => name === "tool_call_error").length, 2);
  });

  test("are declared in strict mode, every argument required", () => {
    const { schemas } = new ToolSet([
      tool({
        name: "look",
        description: "Looks.",
        parameters: z.object({ order: z.number() }),
        handler: () => 1,
      }),
    ]);
    const [schema] = schemas;
    assert.ok(schema?.type === "function");
    assert.equal(schema.function.strict, true);
    assert.deepEqual(schema.function.parameters?.required, ["order"]);
  });
});
