// @ts-check
import { html, render, useEffect, useRef, useState } from "/assets/vendor/htm.js";
import { SignIn } from "../shared/sign-in.js";
import { borrowToken } from "../shared/token.js";
import { callingForHelp } from "./alarms.js";
import { CallsView } from "./calls-view.js";
import { DeskView } from "./desk-view.js";
import { entriesOf } from "./entries.js";
import { LiveView } from "./live-view.js";
import { QualityView } from "./quality-view.js";
import { ReportView } from "./report-view.js";
import { formatRoute, parseRoute } from "./route.js";
import { useLive } from "./use-live.js";

/** @typedef {import("./route.js").Route} Route */

const TABS = /** @type {const} */ ([
  ["live", "Live"],
  ["desk", "My call"],
  ["calls", "Recent calls"],
  ["quality", "Quality"],
]);

function App() {
  const [problem, setProblem] = useState(/** @type {string | null} */ (null));
  const [visit, setVisit] = useState(0);
  const asking = useRef(false);
  /** @param {string} why */
  const onUnauthorised = async (why) => {
    if (asking.current) return;
    asking.current = true;
    if (await borrowToken()) setVisit((before) => before + 1);
    else setProblem(why);
    asking.current = false;
  };
  return html`${
    problem !== null
      ? html`<header class="bar"><h1>Console</h1></header>
          <main><${SignIn} what="the console" problem=${problem} onToken=${() => setProblem(null)} /></main>`
      : html`<${Console} key=${visit} onUnauthorised=${onUnauthorised} />`
  }`;
}

/** @param {{ onUnauthorised: (problem: string) => void }} props */
function Console({ onUnauthorised }) {
  const route = useRoute();
  const live = useLive(null, onUnauthorised);
  const calls = live.state.calls.size;
  const calling = callingForHelp(entriesOf(live.state.calls)).length;
  useEffect(() => {
    document.title = calling > 0 ? `(${calling}) Console` : "Console";
  }, [calling]);
  return html`
    <a class="skip" href="#content" onClick=${skipToContent}>Skip to content</a>
    <header class="bar">
      <h1>Console</h1>
      <nav class="tabs" aria-label="Views">
        ${TABS.map(
          ([tab, name]) =>
            html`<a key=${tab} href=${formatRoute(tab)} aria-current=${route.tab === tab ? "page" : undefined}>
              ${name}${tab === "live" && calls > 0 && html` <b class="count">${calls}</b>`}
              ${tab === "live" && calling > 0 && html` <b class="count alert">${calling}<span class="need"> urgent</span></b>`}
            </a>`,
        )}
        <a href="/talk">Talk</a>
      </nav>
      <${Connection} feed=${live.feed} />
    </header>
    <main id="content" tabindex="-1" class=${route.tab}>
      <${View} route=${route} live=${live} onUnauthorised=${onUnauthorised} />
    </main>
  `;
}

/** @param {{ route: Route, live: ReturnType<typeof useLive>, onUnauthorised: (problem: string) => void }} props */
function View({ route: { tab, id, query }, live, onUnauthorised }) {
  switch (tab) {
    case "live":
      return html`<${LiveView} live=${live} selected=${id} onUnauthorised=${onUnauthorised} />`;
    case "desk":
      return html`<${DeskView} id=${id} live=${live.state} onUnauthorised=${onUnauthorised} />`;
    case "calls":
      return id === null
        ? html`<${CallsView} query=${query} onUnauthorised=${onUnauthorised} />`
        : html`<${ReportView} key=${id} id=${id} query=${query} onUnauthorised=${onUnauthorised} />`;
    case "quality":
      return html`<${QualityView} query=${query} onUnauthorised=${onUnauthorised} />`;
  }
}

/** @param {{ feed: { status: string, message: string } }} props */
function Connection({ feed: { status, message } }) {
  const lost = status === "disconnected";
  const text = lost ? "Reconnecting…" : status === "live" ? "Connected" : "Connecting…";
  return html`<p class="connection ${status}" role="status" title=${message}>
    <span aria-hidden="true"></span>${text}
    ${lost && html`<span class="visually-hidden">${message} The page catches up when the connection is back.</span>`}
  </p>`;
}

function useRoute() {
  const [route, setRoute] = useState(() => parseRoute(location.hash));
  useEffect(() => {
    const follow = () => setRoute(parseRoute(location.hash));
    window.addEventListener("hashchange", follow);
    return () => window.removeEventListener("hashchange", follow);
  }, []);
  return route;
}

/** The address after # is the view, so the browser's own jump would leave it. @param {Event} event */
function skipToContent(event) {
  event.preventDefault();
  document.getElementById("content")?.focus();
}

// The browser would set the place before the rows are there; the views know when they are.
history.scrollRestoration = "manual";
const root = document.getElementById("app");
if (root) render(html`<${App} />`, root);
