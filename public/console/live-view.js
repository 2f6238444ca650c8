// @ts-check
import { html, useEffect, useRef } from "/assets/vendor/htm.js";
import { CallView } from "./call-view.js";
import { LiveList } from "./live-list.js";
import { formatRoute } from "./route.js";
import { Empty, Loading } from "./states.js";
import { useMedia } from "./use-media.js";

/** Where live.css shows the list or a call, not both. */
const ONE_AT_A_TIME = "(max-width: 720px)";

/**
 * The live calls on the left, the one that is watched on the right; on a phone one at a time.
 * @param {{ live: ReturnType<typeof import("./use-live.js").useLive>, selected: string | null, onUnauthorised: (problem: string) => void }} props
 */
export function LiveView({ live: { state, feed }, selected, onUnauthorised }) {
  // A link may carry the platform's id of a call, which is what a caller's side knows.
  const named =
    selected === null ? undefined : [...state.calls.values()].find(({ callId }) => callId === selected);
  const address = named ? formatRoute("live", named.id) : null;
  useEffect(() => {
    if (address) location.replace(address);
  }, [address]);
  // A list that nobody has seen yet is not drawn; once it was, it keeps its rows and filters for whoever comes back.
  const listShown = !useMedia(ONE_AT_A_TIME) || selected === null;
  const listSeen = useRef(false);
  listSeen.current ||= listShown;
  const waiting = feed.status === "loading" && state.calls.size === 0;
  return html`<div class="split ${selected === null ? "list-only" : "with-call"}">
    <section class="list-pane" aria-label="Live calls">
      ${waiting ? html`<${Loading} what="the live calls" />` : html`<${LiveList} calls=${state.calls} you=${state.you} selected=${selected} lostAt=${feed.lostAt} seen=${listSeen.current} />`}
    </section>
    <section class="call-pane" aria-label="Watched call">
      ${selected === null && html`<${Empty} title="No call chosen">Choose a call to see its transcript as it happens.<//>`}
      ${
        selected !== null &&
        !waiting &&
        !named &&
        html`<${CallView} key=${selected} id=${selected} onUnauthorised=${onUnauthorised} />`
      }
    </section>
  </div>`;
}
