import assert from "node:assert/strict";
import test, { type TestContext } from "node:test";
import { main } from "../../rehearse/main.ts";
import { pretendServer } from "../support/pretend-server.ts";
import { scenarioFile } from "../support/rehearsal.ts";

/** `npm run rehearse` in this process. */
async function rehearse(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const [out, err]: [string[], string[]] = [[], []];
  const code = await main(
    args,
    {},
    (text) => out.push(text),
    (text) => err.push(text),
  );
  return { code, stdout: out.join("\n"), stderr: err.join("\n") };
}

const asks = (t: TestContext, text: string) =>
  scenarioFile(
    t,
    `name: order\nturns:\n  - user: Where is B7?\n    expect:\n      - event: response\n        text_contains: ${text}\n`,
  );

test("all passed is 0, and a table says so", async (t) => {
  const url = await pretendServer(t);
  const { code, stdout } = await rehearse(await asks(t, "its way"), "--target", url, "--repeat", "3");
  assert.equal(code, 0, stdout);
  assert.match(stdout, /✓ {2}order +3\/3 +\d+ ms +1/);
  assert.match(stdout, /3 calls: 3 passed/);
});

test("an agent that behaves otherwise is 1, and the table says how", async (t) => {
  const url = await pretendServer(t);
  const { code, stdout } = await rehearse(await asks(t, "tomorrow"), "--target", url);
  assert.equal(code, 1);
  assert.match(stdout, /✗ {2}order +0\/1 .*expected response/);
  assert.match(stdout, /order, seed 1:\n {2}turn 1: expected response .*came: "Hello\."|came: "Your order/);
});

test("a rehearsal that fails is 2 and counts for nothing", async (t) => {
  const file = await asks(t, "its way");
  const nobody = await rehearse(file, "--target", "ws://127.0.0.1:9/ws");
  assert.equal(nobody.code, 2);
  assert.match(nobody.stdout, /! {2}order +0\/0 .*does not take calls/);
  const broken = await scenarioFile(t, "name: a\nturns:\n  - usr: hello\n");
  const bad = await rehearse(broken);
  assert.deepEqual([bad.code, bad.stderr], [2, `${broken}:3: turns.0.usr: there is no such field`]);
  for (const [args, why] of [
    [[], /Name a file or folder of scenarios/],
    [[file, "--repeat", "0"], /--repeat 0: expected a whole number, 1 or more/],
    [[file, "--loudly"], /--loudly/],
    [[file, "--target", "http://x"], /must begin with ws:\/\//],
    [[file, "--only", "nothing has this name"], /There are no scenarios there/],
    [[file, "--target", "ws://x", "--model", "a,b"], /--target has one already/],
    [[file, "--model", "a,b", "--prompt", "x"], /Two agents are compared/],
  ] as const) {
    const { code, stderr } = await rehearse(...args);
    assert.equal(code, 2, stderr);
    assert.match(stderr, why);
  }
});

test("a scenario that sets up its server is skipped on another's", async (t) => {
  const url = await pretendServer(t);
  const file = await scenarioFile(t, "name: a\nenv: { ESCALATION_THRESHOLD: 2 }\nturns: [{ user: hi }]\n");
  const { code, stdout } = await rehearse(file, "--target", url);
  assert.equal(code, 0);
  assert.match(stdout, /- {2}a +0\/0 .*skipped: sets the server's environment/);
});

test("a server that is started rehearses the README's conversation", async () => {
  const { code, stdout, stderr } = await rehearse(
    "scenarios/readme.yaml",
    "--only",
    "telephone",
    "--timeout",
    "60000",
  );
  assert.equal(code, 0, stdout + stderr);
  assert.match(stdout, /readme\/telephone +1\/1 +\d+ ms +3/);
});

test("the schema for editors and the help are printed", async () => {
  assert.match((await rehearse("--schema")).stdout, /"title": "Scenarios of a voice agent's rehearsal"/);
  assert.match((await rehearse("--help")).stdout, /npm run rehearse -- scenarios\//);
});
