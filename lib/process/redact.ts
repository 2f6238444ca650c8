/** Shorter ones are words such as "none" or "ollama", and hiding them would make lines unreadable. */
const MIN_SECRET_CHARS = 8;
const HIDDEN = "[redacted]";

/** What looks like a secret wherever it stands in a line, with what is put in its place. */
const PATTERNS: readonly (readonly [RegExp, string])[] = [
  // Values of telling keys, at any depth of the line's JSON.
  [
    /("(?:authorization|cookie|token|api_?key|user_?number|agent_?number)":)"(?:[^"\\]|\\.)*"/gi,
    `$1"${HIDDEN}"`,
  ],
  [/([?&]token=)[^&\s"'\\]+/gi, `$1${HIDDEN}`],
  [/\b(Bearer\s+)[^\s"'\\]+/gi, `$1${HIDDEN}`],
  // The password of an address.
  [/(:\/\/[^\s"'\\/@:]*:)[^\s"'\\/]+@/g, `$1${HIDDEN}@`],
  [/\bsk-[\w-]{8,}/g, HIDDEN],
  // A telephone number in international form.
  [/\+\d{7,15}\b/g, HIDDEN],
];

/**
 * Makes a filter for finished log lines. It looks at the text and not at the object, because paths of keys have an
 * exact depth, and a secret may also stand in a message, an address or the text of an error.
 * @param secrets hidden wherever they occur, also as JSON or a URL spells them.
 */
export function createRedactor(secrets: readonly string[]): (line: string) => string {
  const spellings = secrets
    .filter((secret) => secret.length >= MIN_SECRET_CHARS)
    .flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)]);
  return (line) => {
    let shown = line;
    for (const spelling of spellings) shown = shown.replaceAll(spelling, HIDDEN);
    for (const [pattern, replacement] of PATTERNS) shown = shown.replace(pattern, replacement);
    return shown;
  };
}
