// @ts-check
import { useEffect, useRef, useState } from "/assets/vendor/htm.js";
import { holdOrder } from "./held-order.js";

/**
 * @typedef {import("./attention.js").Group} Group
 * @typedef {import("./entries.js").Entry} Entry
 */

/**
 * The order of the rows, which does not change while the pointer or the focus is among them, nor while somebody reads
 * further down whose finger has left the screen.
 * @param {readonly Entry[]} entries @param {string} asked what the reader has asked for; another wish is met at once
 */
export function useHeldOrder(entries, asked) {
  const [held, setHeld] = useState(
    /** @type {{ ids: readonly string[], groups: ReadonlyMap<string, Group>, asked: string } | null} */ (
      null
    ),
  );
  const inside = useRef({ pointer: false, focus: false, touched: false });
  const now = held?.asked === asked ? held : null;
  const fresh = entries.map(({ call }) => call.id);
  const freshGroups = new Map(entries.map(({ call, group }) => [call.id, group]));
  const { shown, changed } = holdOrder(now?.ids ?? null, fresh);
  const groups = now?.groups ?? freshGroups;
  /** @param {Partial<typeof inside.current>} change */
  const move = (change) => {
    inside.current = { ...inside.current, ...change };
    const holds = Object.values(inside.current).includes(true);
    if (holds && !now) setHeld({ ids: shown, groups, asked });
    if (!holds && held) setHeld(null);
  };
  const atTop = useRef(() => {});
  atTop.current = () => move({ touched: false });
  useEffect(() => {
    const onScroll = () => inside.current.touched && isAtTop() && atTop.current();
    // On a phone the page scrolls, else the list: the one event does not bubble.
    addEventListener("scroll", onScroll, { capture: true, passive: true });
    return () => removeEventListener("scroll", onScroll, { capture: true });
  }, []);
  return {
    shown,
    groups,
    changed,
    take: () => setHeld(now && { ids: fresh, groups: freshGroups, asked }),
    watch: {
      onPointerEnter: () => move({ pointer: true }),
      onPointerLeave: (/** @type {PointerEvent} */ { pointerType }) =>
        move({ pointer: false, touched: pointerType === "touch" && !isAtTop() }),
      onFocusIn: () => move({ focus: true }),
      onFocusOut: (/** @type {FocusEvent & { currentTarget: Element }} */ { currentTarget, relatedTarget }) =>
        move({ focus: relatedTarget instanceof Node && currentTarget.contains(relatedTarget) }),
    },
  };
}

/** Whether the list is not scrolled down. */
export function isAtTop() {
  return scrollY <= 0 && (document.querySelector(".list-pane")?.scrollTop ?? 0) <= 0;
}
