import assert from "node:assert/strict";
import test, { describe } from "node:test";
import { CLI_4_PORT, type Cli, type CliVersion, skipWithoutCli, startCli } from "./support/cli.ts";
import { type MockLlm, type Reply, startMockLlm } from "./support/mock-llm.ts";
import { freePort, type ServerProcess, startServerProcess } from "./support/server-process.ts";

const GREETING = "Hello! I'm here to help. What can I assist you with today?";
const SAMPLE = [
  "I've been waiting for my order for 3 weeks and nobody will help me!",
  "This is ridiculous! I want a refund now!",
  "I can't believe how terrible this service is!",
] as const;
const ESCALATION =
  "I can hear this has been frustrating, and I'm sorry. Let me connect you with a supervisor.";
const LATCH = "A supervisor will take it from here.";

/** A server for this client, which of 4.x must be on the one port that it dials. */
async function withServer(
  version: CliVersion,
  env: Record<string, string>,
  run: (server: ServerProcess) => Promise<void>,
): Promise<void> {
  const port = await freePort(version === "4" ? CLI_4_PORT : 0);
  const server = await startServerProcess({ port, env: { TRANSFER_NUMBER: "+15550100", ...env } });
  try {
    await run(server);
  } finally {
    await server.stop();
  }
}

async function talk(
  version: CliVersion,
  server: ServerProcess,
  run: (cli: Cli) => Promise<void>,
): Promise<void> {
  const cli = await startCli(version === "4" ? { version } : { version, url: server.wsUrl });
  try {
    assert.equal(cli.greeting, GREETING);
    await run(cli);
    assert.equal(await cli.exit(), 0);
  } finally {
    await cli.kill();
  }
}

/** The sample conversation: two answers, the hand-off in the third turn, the fixed line in the fourth. */
async function holdSample(
  cli: Cli,
  server: ServerProcess,
  answers: readonly [RegExp, RegExp],
): Promise<void> {
  const [first, second, third] = SAMPLE;
  assert.match((await cli.ask(first)).text, answers[0]);
  assert.match((await cli.ask(second)).text, answers[1]);
  assert.equal((await cli.ask(third)).text, ESCALATION);
  assert.equal((await cli.ask("Hello?")).text, LATCH);
  for (const line of [
    /^\[SentimentAnalyzer\] Detected (negative|frustrated) sentiment \(frustration count: 1\)$/,
    /^\[SentimentAnalyzer\] Detected (negative|frustrated) sentiment \(frustration count: 2\)$/,
    /^\[SentimentAnalyzer\] Detected (negative|frustrated) sentiment \(frustration count: 3\)$/,
    /^\[Auto-escalation triggered\]$/,
  ]) {
    await server.nextLine(({ msg }) => line.test(`${msg}`));
  }
}

/** Verdicts after 300 ms, first tokens after 200 ms. */
function script(llm: MockLlm): void {
  llm.onSentiment((_request, utterance): Reply => {
    const upset = SAMPLE.some((words) => words === utterance);
    return { kind: "text", text: upset ? "frustrated" : "neutral", firstTokenAfter: 300 };
  });
  llm.onChat(({ utterance, body }): Reply => {
    const hasResult = body.messages.at(-1)?.role === "tool";
    if (utterance === "fail") return { kind: "error", status: 401 };
    if (utterance === "mood?" && !hasResult) {
      return {
        kind: "toolCalls",
        calls: [{ name: "get_customer_sentiment", arguments: "{}" }],
        firstTokenAfter: 200,
      };
    }
    return { kind: "text", text: `You said ${utterance}`, firstTokenAfter: 200 };
  });
}

for (const version of ["4", "5"] as const) {
  describe(`the command line client ${version}.x`, { skip: skipWithoutCli(version) }, () => {
    test("holds the sample conversation with the embedded model, which also calls tools", async () => {
      await withServer(version, {}, async (server) => {
        await talk(version, server, (cli) =>
          holdSample(cli, server, [/order number/, /refund|order number/]),
        );
        await talk(version, server, async (cli) => {
          assert.equal((await cli.ask("How do I sound to you?")).text, "To me you sound calm right now.");
          assert.match((await cli.ask("Where is my order?")).text, /order number/);
          assert.equal((await cli.ask("Goodbye!")).text, "Thank you for contacting us. Goodbye!");
        });
      });
    });

    test("holds the sample conversation with a slow model, and gets over a failure of it", async () => {
      const llm = await startMockLlm();
      script(llm);
      try {
        const env = { OPENAI_BASE_URL: llm.baseUrl, OPENAI_API_KEY: "sk-test" };
        await withServer(version, env, async (server) => {
          await talk(version, server, (cli) =>
            holdSample(cli, server, [/^You said I've been/, /^You said This/]),
          );
          await talk(version, server, async (cli) => {
            assert.equal((await cli.ask("mood?")).text, "You said mood?");
            assert.match((await cli.ask("fail")).text, /^I'm sorry, I'm having trouble/);
            assert.equal((await cli.ask("again")).text, "You said again");
            assert.equal((await cli.ask("and again")).text, "You said and again");
          });
        });
      } finally {
        await llm.close();
      }
    });
  });
}
