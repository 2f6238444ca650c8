// @ts-check
import { html } from "/assets/vendor/htm.js";
import { keepToken, readToken } from "./token.js";

/**
 * The form shown when the server asks for its token.
 * @param {{ onToken: () => void }} props
 */
export function SignIn({ onToken }) {
  const wrong = readToken() !== null;
  /** @param {SubmitEvent} event */
  const submit = (event) => {
    event.preventDefault();
    const field = /** @type {HTMLFormElement} */ (event.currentTarget).elements.namedItem("token");
    if (!(field instanceof HTMLInputElement) || field.value.trim() === "") return;
    keepToken(field.value.trim());
    onToken();
  };
  return html`<form class="sign-in" onSubmit=${submit}>
    <h2>This server asks for a token</h2>
    <p class="muted">It is the value of <code>AUTH_TOKEN</code> on the server. It stays in this tab.</p>
    ${wrong && html`<p class="notice alert" role="alert">The server did not accept that token.</p>`}
    <label for="token">Token</label>
    <input class="field" id="token" name="token" type="password" autocomplete="off" required />
    <button class="button primary">Continue</button>
  </form>`;
}
