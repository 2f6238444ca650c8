/** What the pages use of preact; htm brings it without its types. */
export type Node = object | string | number | boolean | null | undefined | Node[];
export type Setter<T> = (next: T | ((previous: T) => T)) => void;

export function h(type: unknown, props: object | null, ...children: Node[]): Node;
export function render(node: Node, parent: Element): void;
export function useState<T>(initial: T | (() => T)): [T, Setter<T>];
export function useEffect(effect: () => unknown, inputs?: readonly unknown[]): void;
export function useLayoutEffect(effect: () => unknown, inputs?: readonly unknown[]): void;
export function useMemo<T>(make: () => T, inputs: readonly unknown[]): T;
export function useRef<T>(initial: T): { current: T };

export class Component<P = object> {
  readonly props: P;
  /** The element that it was drawn as. */
  readonly base: Element;
  shouldComponentUpdate(next: P): boolean;
  /** What the page is like before it is changed; `componentDidUpdate` gets it. */
  getSnapshotBeforeUpdate(): unknown;
  forceUpdate(): void;
  componentDidUpdate(before: P, state: unknown, snapshot: unknown): void;
  render(props: P): Node;
}
