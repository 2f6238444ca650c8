import assert from "node:assert/strict";
import test, { describe } from "node:test";
import { SpeechCleaner } from "../../lib/nodes/speech-cleaner.ts";
import { fc } from "../support/property.ts";

function clean(...pieces: string[]): string {
  const cleaner = new SpeechCleaner();
  return pieces.map((piece) => cleaner.push(piece)).join("") + cleaner.end();
}

const CASES: readonly (readonly [written: string, said: string])[] = [
  ["Your order ships on 24 December at 3.50 pm.", "Your order ships on 24 December at 3.50 pm."],
  ["**Great** news, it is *really* __here__.", "Great news, it is really here."],
  [
    "# Your options\n\n- a refund\n* a new one\n1. or both",
    "Your options\n\na refund\na new one\n1. or both",
  ],
  ["> quoted\n---\nafter", "quoted\nafter"],
  ["Run `npm start` now:\n```bash\nnpm start\n```\nDone", "Run npm start now:\nnpm start\nDone"],
  ["Hello 👋 there 👨‍👩‍👧‍👦! 🇩🇪 ❤️ ✅ Done", "Hello there ! Done"],
  ["See [our *help* page](https://example.com/a?b=1) for it.", "See our help page for it."],
  ["![a red shoe](https://example.com/shoe.png)", "a red shoe"],
  ["Go to https://www.example.com/orders/17?x=%20 today.", "Go to example.com today."],
  ["It is at www.example.com/a, <https://example.org/b>.", "It is at example.com, example.org."],
  ["Mail me: a_b@example.com", "Mail me: a_b@example.com"],
  ["The field order_id_old is 2 * 3, 2*3, ~5 and -4.", "The field order_id_old is 2 * 3, 2*3, ~5 and -4."],
  ["| plan | price |\n|---|---|\n| small | $5 |", "plan, price\nsmall, $5"],
  ["~~old~~ new \\*not bold\\*", "old new *not bold*"],
  ["[1] and [sic] stay", "[1] and [sic] stay"],
  ["- 5 degrees, -5 degrees\n-5 degrees", "5 degrees, -5 degrees\n-5 degrees"],
  ["Ω © ™ क्‍ष 日本語", "Ω © ™ क्‍ष 日本語"],
  ["1️⃣ first, 👍🏽 good", "1 first, good"],
];

describe("what a voice says of a model's text", () => {
  for (const [written, said] of CASES) {
    test(JSON.stringify(written), () => assert.equal(clean(written), said));
  }

  test("is the same words however the text is cut into pieces", () => {
    const fragment = fc.oneof(
      fc.constantFrom(...CASES.map(([written]) => written)),
      fc.constantFrom(
        "*",
        "**",
        "_",
        "`",
        "```",
        "~~",
        "#",
        "- ",
        "\n",
        " ",
        "|",
        "[",
        "](",
        ")",
        "!",
        "\\",
        "<",
      ),
      fc.constantFrom(
        "https://",
        "http",
        "www.",
        "w",
        "h",
        "a.b/c",
        "👋",
        "\u200D",
        "\uFE0F",
        "\u0301",
        "🇩",
        "1",
        ".",
      ),
      fc.string({ unit: "binary", maxLength: 8 }),
    );
    const text = fc.array(fragment, { maxLength: 12 }).map((parts) => parts.join(""));
    fc.assert(
      fc.property(text, fc.array(fc.nat({ max: 6 }), { minLength: 1, maxLength: 40 }), (written, lengths) => {
        const pieces: string[] = [];
        for (let at = 0, n = 0; at < written.length; n += 1) {
          const length = lengths[n % lengths.length] ?? 1;
          pieces.push(written.slice(at, at + length));
          at += length;
          if (n > 5_000) break;
        }
        if (pieces.join("") !== written) return;
        assert.equal(clean(...pieces), clean(written));
      }),
      { numRuns: 2_000 },
    );
  });

  test("lets plain words go at once, and holds back no more than the mark it waits for", () => {
    const cleaner = new SpeechCleaner();
    assert.equal(cleaner.push("It is"), "It is");
    assert.equal(cleaner.push(" **"), " ");
    assert.equal(cleaner.push("ready"), "ready");
    assert.equal(cleaner.push("**"), "");
    assert.equal(cleaner.push(" now."), " now.");
    assert.equal(cleaner.end(), "");
  });

  test("does not wait for ever for the end of a link or an address", () => {
    const long = "x".repeat(3_000);
    const cleaner = new SpeechCleaner();
    assert.ok(cleaner.push(`[${long}`).length > 2_000);
    const second = new SpeechCleaner();
    assert.ok(second.push(`https://${long}`).length > 2_000);
  });
});
