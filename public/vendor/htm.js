// @ts-check

import htm from "/assets/vendor/htm-core.js";
import { h } from "/assets/vendor/preact.js";

export {
  Component,
  render,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from "/assets/vendor/preact.js";

/**
 * Markup as a template. htm would keep every part without a value in it for the life of the page, and with it the first
 * tree that it stood in: after some hundred turns of a call that was nearly all that had ever been drawn.
 */
export const html = htm.bind(
  /** @this {unknown[]} @param {unknown} type @param {object | null} props @param {...import("../types/preact.d.ts").Node} children */
  function build(type, props, ...children) {
    // htm's own sign that this part must be made anew.
    this[0] = 3;
    return h(type, props, ...children);
  },
);
