// @ts-check
import { html } from "/assets/vendor/htm.js";
import { CallView } from "./call-view.js";
import { LiveList } from "./live-list.js";
import { Empty, Loading } from "./states.js";

/**
 * The live calls on the left, the one that is watched on the right; on a phone one at a time.
 * @param {{ live: ReturnType<typeof import("./use-live.js").useLive>, selected: string | null, onUnauthorised: () => void }} props
 */
export function LiveView({ live: { state, feed }, selected, onUnauthorised }) {
  const waiting = feed.status === "loading" && state.calls.size === 0;
  return html`<div class="split ${selected === null ? "list-only" : "with-call"}">
    <section class="list-pane" aria-label="Live calls">
      ${waiting ? html`<${Loading} what="the live calls" />` : html`<${LiveList} calls=${state.calls} selected=${selected} />`}
    </section>
    <section class="call-pane" aria-label="Watched call">
      ${
        selected === null
          ? html`<${Empty} title="No call chosen">Choose a call to see its transcript as it happens.<//>`
          : html`<${CallView}
              key=${selected}
              id=${selected}
              onUnauthorised=${onUnauthorised}
            />`
      }
    </section>
  </div>`;
}
