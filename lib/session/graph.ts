import { GraphError } from "../errors.ts";
import type { AgentNode } from "../nodes/agent-node.ts";

export type Edge = readonly [parent: AgentNode, child: AgentNode];

/** A checked graph: who is fed by the bus, and who is below whom. */
export type Graph = {
  readonly roots: readonly AgentNode[];
  readonly childrenOf: ReadonlyMap<AgentNode, readonly AgentNode[]>;
};

/** Checks nodes and edges. Throws {@link GraphError}, naming the nodes, before anything has started. */
export function buildGraph(nodes: readonly AgentNode[], edges: readonly Edge[]): Graph {
  if (nodes.length === 0)
    throw new GraphError("no_nodes", "The session has no nodes: call addNode() before start()");
  const names = new Set<string>();
  for (const { name } of nodes) {
    if (names.has(name))
      throw new GraphError("duplicate_name", `Two nodes are named ${name}: give each its own name`);
    names.add(name);
  }
  const childrenOf = new Map<AgentNode, AgentNode[]>(nodes.map((node) => [node, []]));
  const withParent = new Set<AgentNode>();
  for (const [parent, child] of edges) {
    for (const end of [parent, child]) {
      if (!childrenOf.has(end)) {
        throw new GraphError(
          "unknown_node",
          `An edge names ${end.name}, which is not in the session: addNode() it first`,
        );
      }
    }
    childrenOf.get(parent)?.push(child);
    withParent.add(child);
  }
  refuseCycle(nodes, childrenOf);
  return { roots: nodes.filter((node) => !withParent.has(node)), childrenOf };
}

function refuseCycle(nodes: readonly AgentNode[], childrenOf: Graph["childrenOf"]): void {
  const done = new Set<AgentNode>();
  const visit = (node: AgentNode, path: readonly AgentNode[]): void => {
    if (path.includes(node)) {
      const names = [...path.slice(path.indexOf(node)), node].map(({ name }) => name);
      throw new GraphError("cycle", `The edges form a cycle: ${names.join(" → ")}`);
    }
    if (done.has(node)) return;
    for (const child of childrenOf.get(node) ?? []) visit(child, [...path, node]);
    done.add(node);
  };
  for (const node of nodes) visit(node, []);
}
