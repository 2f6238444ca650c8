// @ts-check
import { html } from "/assets/vendor/htm.js";
import { endName } from "../shared/names.js";
import { formatRoute } from "./route.js";

/**
 * What whoever watches a call has to know: that the line to the server is lost, or that the call has ended.
 * @param {{ call: import("./live-state.js").LiveCall, feed: ReturnType<typeof import("./use-live.js").useLive>["feed"] }} props
 */
export function CallNotices({ call, feed }) {
  if (call.ended)
    return html`<p class="notice" role="status">
      The call has ended: ${endName(call.ended.reason)}. <a href=${formatRoute("calls", call.id)}>Open its report</a>
    </p>`;
  if (feed.status !== "disconnected") return null;
  return html`<p class="notice warn">${feed.message} The page catches up when the connection is back.</p>`;
}
