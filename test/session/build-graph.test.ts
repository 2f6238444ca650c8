import assert from "node:assert/strict";
import test, { describe } from "node:test";
import { GraphError } from "../../lib/errors.ts";
import { AgentNode } from "../../lib/nodes/agent-node.ts";
import { buildGraph } from "../../lib/session/graph.ts";

const a = new AgentNode({ name: "a" });
const b = new AgentNode({ name: "b" });
const c = new AgentNode({ name: "c" });
const d = new AgentNode({ name: "d" });

const fails = (code: GraphError["code"], message: RegExp) => (error: unknown) =>
  error instanceof GraphError && error.code === code && message.test(error.message);

describe("buildGraph", () => {
  test("takes nodes without a parent as roots and keeps the children in the order of the edges", () => {
    const { roots, childrenOf } = buildGraph(
      [a, b, c, d],
      [
        [a, c],
        [a, b],
        [b, c],
      ],
    );
    assert.deepEqual(roots, [a, d]);
    assert.deepEqual(childrenOf.get(a), [c, b]);
    assert.deepEqual(childrenOf.get(b), [c]);
    assert.deepEqual(childrenOf.get(c), []);
  });

  test("lets two ways lead to one node: that is no circle", () => {
    const edges = [
      [a, b],
      [a, c],
      [b, d],
      [c, d],
    ] as const;
    assert.deepEqual(buildGraph([a, b, c, d], edges).roots, [a]);
  });

  test("refuses what cannot work and names the nodes", () => {
    assert.throws(() => buildGraph([], []), fails("no_nodes", /addNode/));
    assert.throws(
      () => buildGraph([a, new AgentNode({ name: "a" })], []),
      fails("duplicate_name", /named a\b/),
    );
    assert.throws(() => buildGraph([a], [[a, b]]), fails("unknown_node", /names b\b/));
    assert.throws(() => buildGraph([a], [[a, a]]), fails("cycle", /a → a$/));
    assert.throws(
      () =>
        buildGraph(
          [a, b, c],
          [
            [a, b],
            [b, c],
            [c, b],
          ],
        ),
      fails("cycle", /: b → c → b$/),
    );
  });
});
