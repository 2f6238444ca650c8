// @ts-check
import { html } from "/assets/vendor/htm.js";
import { keepToken, readToken } from "./token.js";

/**
 * The form shown when the server asks for a token.
 * @param {{ onToken: () => void, what: string, problem: string }} props `what` the token has to open, and why the one
 * there is, if any, does not
 */
export function SignIn({ onToken, what, problem }) {
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
    <p class="muted">Enter one that opens ${what}. Whoever runs the server can give you one. This tab keeps it until you close it.</p>
    ${problem && html`<p class="notice alert" role="alert">${wrong && "The server did not accept that token."} ${problem}</p>`}
    <label for="token">Token</label>
    <input class="field" id="token" name="token" type="password" autocomplete="off" required />
    <button class="button primary">Continue</button>
  </form>`;
}
