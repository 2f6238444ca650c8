// @ts-check
import { Component, html } from "/assets/vendor/htm.js";
import { isAtTop } from "./use-held-order.js";

/** How long a row takes to its new place, ms. */
const GLIDE_MS = 200;
const calm = matchMedia("(prefers-reduced-motion: reduce)");

/**
 * Children that change place glide there, so that an eye can follow them; what changes meanwhile is drawn afterwards.
 * They are known by their `data-glides`, also where they come back as another element, as a row does under another
 * heading.
 * @extends {Component<{ class: string, children?: import("../types/preact.d.ts").Node }>}
 */
export class GlidingList extends Component {
  #gliding = false;
  #changed = false;

  /** @override */
  shouldComponentUpdate() {
    this.#changed = true;
    return !this.#gliding;
  }

  /** @override */
  getSnapshotBeforeUpdate() {
    // Further down, the browser itself keeps what is read in its place.
    return calm.matches || document.hidden || !isAtTop() ? null : this.#places();
  }

  /** @override @param {unknown} _props @param {unknown} _state @param {ReturnType<GlidingList["getSnapshotBeforeUpdate"]>} before */
  componentDidUpdate(_props, _state, before) {
    this.#changed = false;
    const now = before && this.#places();
    if (!now) return;
    for (const [key, { child, top }] of now) {
      const way = (before.get(key)?.top ?? top) - top;
      // What stays out of sight has no need to glide.
      if (Math.abs(way) < 1 || Math.min(top, top + way) > innerHeight) continue;
      const glide = child.animate(
        { transform: [`translateY(${way}px)`, "none"] },
        { duration: GLIDE_MS, easing: "ease-out" },
      );
      // All end in the same frame. A change in that frame would be a jump, so it waits until that is painted.
      if (!this.#gliding) glide.onfinish = () => requestAnimationFrame(() => setTimeout(() => this.#end()));
      this.#gliding = true;
    }
  }

  #end() {
    this.#gliding = false;
    if (this.#changed && this.base.isConnected) this.forceUpdate();
  }

  /** Where each child stands in the window, px; null while the list is not shown. */
  #places() {
    if (this.base.clientHeight === 0) return null;
    const children = this.base.querySelectorAll("[data-glides]");
    return new Map(
      Array.from(children, (child) => [
        child.getAttribute("data-glides") ?? "",
        { child, top: child.getBoundingClientRect().top },
      ]),
    );
  }

  /** @override */
  render() {
    return html`<div class=${this.props.class}>${this.props.children}</div>`;
  }
}
