/** What the pages use of htm and preact; the packages' own types need preact itself, which is not installed. */
export type Node = object | string | number | boolean | null | undefined | Node[];
export type Setter<T> = (next: T | ((previous: T) => T)) => void;

export function html(strings: TemplateStringsArray, ...values: unknown[]): Node;
export function render(node: Node, parent: Element): void;
export function useState<T>(initial: T | (() => T)): [T, Setter<T>];
export function useEffect(effect: () => unknown, inputs?: readonly unknown[]): void;
export function useLayoutEffect(effect: () => unknown, inputs?: readonly unknown[]): void;
export function useMemo<T>(make: () => T, inputs: readonly unknown[]): T;
export function useRef<T>(initial: T): { current: T };

export class Component<P = object> {
  readonly props: P;
  shouldComponentUpdate(next: P): boolean;
  render(props: P): Node;
}
