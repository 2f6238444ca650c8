import type { Node } from "./preact.d.ts";

/** htm's one function: bound to what makes an element, it makes a template tag of it. */
declare const htm: {
  bind(
    build: (this: unknown[], type: unknown, props: object | null, ...children: Node[]) => Node,
  ): (strings: TemplateStringsArray, ...values: unknown[]) => Node;
};
export default htm;
