import assert from "node:assert/strict";
import test, { after, before, describe } from "node:test";
import { LanguageDetector } from "../../examples/language-switching/language-detector.ts";
import { ProfanityFilter } from "../../examples/language-switching/profanity-filter.ts";
import { CLI_4_PORT, type CliVersion, skipWithoutCli, startCli } from "../support/cli.ts";
import { createStepGate, type MockLlm, startMockLlm } from "../support/mock-llm.ts";
import { deferred, ScriptedAgent } from "../support/nodes.ts";
import { fc } from "../support/property.ts";
import { startRuntime } from "../support/runtime-server.ts";
import { type ServerProcess, startServerProcess } from "../support/server-process.ts";
import { VoiceClient } from "../support/voice-client.ts";

const script = "example:language-switching";
const promptOf = (request: { body: { messages: { role: string; content?: unknown }[] } }) =>
  String(request.body.messages.find(({ role }) => role === "system")?.content);

describe("the language-switching example", () => {
  let llm: MockLlm;
  let server: ServerProcess;

  before(async () => {
    llm = await startMockLlm();
    server = await startServerProcess({ script, env: { OPENAI_BASE_URL: llm.baseUrl } });
  });
  after(async () => {
    assert.equal(await server.stop(), 0, server.output);
    await llm.close();
  });

  test("tells the model, turn by turn, which language to answer in, and logs it", async () => {
    llm.onChat(() => "…");
    const client = await VoiceClient.connect(server.wsUrl);
    client.join();
    assert.match(String((await client.next("agent.speak")).text), /^Hello/);
    const said: [string, RegExp][] = [
      ["Hi, I have a question about my invoice", /caller speaks english/],
      ["Hola, ¿dónde está mi pedido?", /caller speaks spanish/],
      ["ok", /caller speaks spanish/],
      ["Je voudrais annuler mon abonnement, s'il vous plaît", /caller speaks french/],
    ];
    for (const [words, language] of said) {
      await client.turn(words);
      assert.match(promptOf(await llm.nextRequest("chat")), language);
    }
    await server.nextLine(({ msg }) =>
      /^\[LanguageDetector\] Detected: spanish \(confidence: \d+%\)$/.test(String(msg)),
    );
    const logged = client.frames.filter(({ type, name }) => type === "agent.log" && name === "language");
    assert.deepEqual(
      logged.map(({ payload }) => (payload as { language: string }).language),
      ["english", "spanish", "french"],
    );
    await client.close();
  });

  test("lets the model ask for the language by a tool", async () => {
    llm.onChat(({ body }) =>
      body.messages.at(-1)?.role === "tool"
        ? "Sie sprechen Deutsch."
        : { kind: "toolCalls", calls: [{ name: "get_caller_language", arguments: "{}" }] },
    );
    const client = await VoiceClient.connect(server.wsUrl);
    assert.equal((await client.turn("Welche Sprache spreche ich gerade?")).text, "Sie sprechen Deutsch.");
    const result = llm.requests.at(-1)?.body.messages.at(-1);
    assert.match(String(result?.content), /"current":"german"/);
    await client.close();
  });

  test("beeps a profane word that comes in two chunks, and leaves the rest alone", async () => {
    llm.onChat(() => ({
      kind: "text",
      text: ["Oh da", "mn", ", that ", "shi", "pment is ", "la", "te. Merde"],
    }));
    const client = await VoiceClient.connect(server.wsUrl);
    assert.equal((await client.turn("Where is it?")).text, "Oh beep, that shipment is late. beep");
    await client.close();
  });

  test("lets no word of an answer out after its end when the caller interrupts", async () => {
    const steps = createStepGate();
    llm.onChat(({ utterance }) =>
      utterance === "And now?"
        ? "Yes?"
        : { kind: "text", text: ["Let me see ", "shi", "pping costs"], gate: steps.gate },
    );
    const client = await VoiceClient.connect(server.wsUrl);
    client.say("What does it cost?");
    steps.release(2);
    await client.next("agent.llm.response.chunk");
    client.interrupt();
    await client.next("agent.llm.response.end");
    steps.release(Number.POSITIVE_INFINITY);
    assert.equal((await client.turn("And now?")).text, "Yes?");
    const words = client.frames.filter(({ type }) => type === "agent.llm.response.chunk");
    assert.deepEqual(
      words.map(({ text }) => text),
      ["Let me see ", "Yes?"],
    );
    await client.close();
  });

  for (const version of ["4", "5"] as const satisfies CliVersion[]) {
    test(`serves smallestai ${version}.x`, { skip: skipWithoutCli(version) }, async (t) => {
      llm.onChat((request) => ({
        kind: "text",
        text: /spanish/.test(promptOf(request)) ? ["¡Mi", "er", "da, su pedido llega hoy!"] : "Hello there.",
      }));
      const env = { OPENAI_BASE_URL: llm.baseUrl };
      const own = version === "4" ? await startServerProcess({ script, env, port: CLI_4_PORT }) : null;
      t.after(() => own?.stop());
      const cli = await startCli(version === "4" ? { version } : { version, url: server.wsUrl });
      t.after(() => cli.kill());
      assert.match(cli.greeting, /in your own language/);
      assert.equal((await cli.ask("Good morning, can you hear me?")).text, "Hello there.");
      assert.equal((await cli.ask("Hola, ¿dónde está mi pedido?")).text, "¡beep, su pedido llega hoy!");
      assert.equal(await cli.exit(), 0);
    });
  }
});

describe("the profanity filter", () => {
  let client: VoiceClient;
  let close: () => Promise<void>;
  /** What the agent says next, as it is cut into chunks. */
  let pieces: readonly string[] = [];

  before(async () => {
    const server = await startRuntime(async (session) => {
      const agent = new ScriptedAgent(async function* () {
        yield* pieces;
      });
      const filter = new ProfanityFilter();
      session.addNode(agent);
      session.addNode(filter);
      session.addEdge(agent, filter);
      await session.start();
    });
    close = server.close;
    client = await VoiceClient.connect(server.wsUrl);
  });
  after(async () => {
    await client.close();
    await close();
  });

  const cases: [string, string[], string[]][] = [
    ["a word by itself", ["Damn"], ["beep"]],
    ["capitals and punctuation", ["SHIT! ", '"Fuck", '], ["beep! ", '"beep", ']],
    ["every split of a word", ["b", "u", "l", "l", "s", "h", "i", "t", "."], ["beep."]],
    [
      "a profane word inside a harmless one",
      ["Scunt", "horpe, mer", "der, ", "as", "sessment"],
      ["Scunt", "horpe, ", "merder, ", "assessment"],
    ],
    ["the end of a harmless word", ["tur", "damn", " it"], ["tur", "damn", " it"]],
    ["a word longer than any profane one", ["fuckingly"], ["fuckingly"]],
    ["letters beyond ASCII", ["Schei", "ße"], ["beep"]],
    ["another word that goes on", ["damn", "ation"], ["damnation"]],
    ["what is not a word", ["😀", " 3.14", "…"], ["😀", " 3.14", "…"]],
  ];
  for (const [what, said, expected] of cases) {
    test(`handles ${what}`, async () => {
      pieces = said;
      assert.deepEqual((await client.turn("hi")).chunks, expected);
    });
  }

  test("gives the same text however it is cut into chunks", async () => {
    const text =
      "Well damn, the shipment from Scunthorpe is bullshit; mierda! assess the crappy fuck-up, merde";
    const clean = "Well beep, the shipment from Scunthorpe is beep; beep! assess the crappy beep-up, beep";
    const cuts = fc.uniqueArray(fc.integer({ min: 1, max: text.length - 1 }), { maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(cuts, async (unsorted) => {
        const at = [0, ...unsorted.toSorted((a, b) => a - b), text.length];
        pieces = at.slice(1).map((end, index) => text.slice(at[index], end));
        assert.equal((await client.turn("hi", { report: false })).text, clean);
      }),
      { numRuns: 100 },
    );
  });
});

test("the language detector keeps the language of words too short to tell, and passes every event on", async (t) => {
  const ready = deferred<LanguageDetector>();
  const server = await startRuntime(async (session) => {
    const detector = new LanguageDetector();
    const agent = new ScriptedAgent(async function* () {
      yield detector.current;
    });
    session.addNode(detector);
    session.addNode(agent);
    session.addEdge(detector, agent);
    if (session.id !== "start-up-check") ready.resolve(detector);
    await session.start();
  });
  t.after(() => server.close());
  const client = await VoiceClient.connect(server.wsUrl);
  const languages: string[] = [];
  for (const words of ["ok", "Non funziona, ho bisogno di aiuto", "hm", "42", "A minha fatura está errada"]) {
    languages.push((await client.turn(words)).text);
  }
  assert.deepEqual(languages, ["english", "italian", "italian", "italian", "portuguese"]);
  assert.deepEqual(
    (await ready.promise).history.map(({ language }) => language),
    ["italian", "portuguese"],
  );
  await client.close();
});
