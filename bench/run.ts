import { mkdir, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { Load, MockOpenAi } from "./helpers.ts";
import { baseline, findPython, Peer, type PeerName } from "./peers.ts";
import { markdown, type Result } from "./report.ts";
import { type Bench, type Figures, SCENARIOS, type Scenario } from "./scenarios.ts";
import { spread } from "./statistics.ts";

const USAGE = `npm run bench -- [options]
  --only=NAME,…   scenarios: ${SCENARIOS.map(({ name }) => name).join(", ")}
  --peers=NAME,…  server, baseline (the checkout that BENCH_BASELINE names), pass-through, floor, python
  --rounds=N      rounds of every scenario, in which the peers take turns (5; with --quick 1)
  --quick         short windows and fewer calls: shows that it runs, its figures say little
  --profile       also writes a CPU profile of the server for every scenario`;

const { values: options } = parseArgs({
  options: {
    only: { type: "string" },
    peers: { type: "string" },
    rounds: { type: "string" },
    quick: { type: "boolean", default: false },
    profile: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
const RESULTS = new URL("results/", import.meta.url);

if (options.help) console.log(USAGE);
else await main();

async function main(): Promise<void> {
  const rounds = Number(options.rounds ?? (options.quick ? 1 : 5));
  const names = options.only?.split(",");
  const unknown = names?.filter((name) => !SCENARIOS.some((scenario) => scenario.name === name)) ?? [];
  if (unknown.length > 0 || !(rounds >= 1)) throw new Error(`cannot run this\n${USAGE}`);
  const scenarios = SCENARIOS.filter(({ name }) => names?.includes(name) ?? true);
  const python = findPython() !== null;
  if (!python)
    console.error("No Python with smallestai 5.14.0: that peer is left out. See docs/performance.md.");
  const wanted = (name: PeerName) =>
    (options.peers?.split(",").includes(name) ?? true) &&
    (name !== "python" || python) &&
    (name !== "baseline" || baseline !== null);

  const mock = await MockOpenAi.start();
  const load = await Load.start();
  await mkdir(RESULTS, { recursive: true });
  const startedAt = new Date().toISOString();
  const results: Result[] = [];
  for (const scenario of scenarios) {
    const peers = scenario.peers.filter(wanted);
    const bench: Bench = {
      mock,
      load,
      quick: options.quick,
      start: (name, extra) =>
        Peer.start(name, { baseUrl: mock.baseUrl, ...extra, ...profileOf(name, scenario) }),
    };
    console.error(`${scenario.title} …`);
    results.push(await run(scenario, peers, Math.min(rounds, scenario.rounds ?? rounds), bench));
  }
  load.stop();
  mock.stop();

  const machine = `${cpus().length} × ${cpus()[0]?.model ?? "unknown"}, Node ${process.versions.node}`;
  const report = { startedAt, machine, rounds, quick: options.quick, results };
  const stem = startedAt.replaceAll(/[:.]/g, "-");
  await writeFile(new URL(`${stem}.json`, RESULTS), JSON.stringify(report, null, 1));
  const table = markdown(report);
  await writeFile(new URL(`${stem}.md`, RESULTS), table);
  console.log(table);
}

/** The peers take turns in every round, so that what disturbs the machine disturbs them alike. */
async function run(scenario: Scenario, names: PeerName[], rounds: number, bench: Bench): Promise<Result> {
  const collected = new Map<PeerName, Figures[]>(names.map((name) => [name, []]));
  const { warm, cold, env = {} } = scenario;
  const running: Peer[] = [];
  if (warm) {
    for (const name of names) running.push(await bench.start(name, { env }));
    // Not counted: the first time, the code is still being compiled.
    for (const peer of running) await warm({ ...bench, quick: true }, peer);
  }
  for (let round = 0; round < rounds; round += 1) {
    if (warm) for (const peer of running) collected.get(peer.name)?.push(await warm(bench, peer));
    if (cold) for (const name of names) collected.get(name)?.push(await cold(bench, name, env));
  }
  await Promise.all(running.map((peer) => peer.stop()));
  const peers = names.map((name) => ({ name, metrics: summarise(collected.get(name) ?? []) }));
  return { name: scenario.name, title: scenario.title, peers };
}

function summarise(rounds: Figures[]): Result["peers"][number]["metrics"] {
  const labels = Object.keys(rounds[0] ?? {});
  return labels.map((label) => ({ label, ...spread(rounds.map((figures) => figures[label] ?? Number.NaN)) }));
}

function profileOf(name: PeerName, scenario: Scenario): { profileTo?: string } {
  if (!options.profile || name !== "server") return {};
  return { profileTo: new URL(`profiles/${scenario.name}`, RESULTS).pathname };
}
