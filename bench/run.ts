import { mkdir, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Load, MockOpenAi } from "./helpers.ts";
import { baseline, findPython, Peer, type PeerName } from "./peers.ts";
import { markdown, type Result } from "./report.ts";
import { type Bench, type Figures, SCENARIOS, type Scenario, type Size } from "./scenarios.ts";
import { spread } from "./statistics.ts";

const USAGE = `npm run bench -- [options]
  --only=NAME,…   scenarios: ${SCENARIOS.map(({ name }) => name).join(", ")}
  --peers=NAME,…  server, baseline (the checkout that BENCH_BASELINE names), pass-through, floor, python
  --rounds=N      rounds of every scenario, in which the peers take turns (5; with --quick or --smoke 1)
  --quick         short windows and fewer calls: tendencies only
  --smoke         shows that everything runs; its figures say nothing
  --out=FOLDER    where the results go; bench/results by default
  --profile       also writes a CPU profile of the server for every scenario`;

const { values: options } = parseArgs({
  options: {
    only: { type: "string" },
    peers: { type: "string" },
    rounds: { type: "string" },
    quick: { type: "boolean", default: false },
    smoke: { type: "boolean", default: false },
    out: { type: "string" },
    profile: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
const out = options.out ?? fileURLToPath(new URL("results", import.meta.url));
const size: Size = options.smoke ? "smoke" : options.quick ? "quick" : "full";
const started = new Map<string, Peer>();

// Every peer that runs has a listener that ends it with this process, and a signal alone would run none of them.
process.setMaxListeners(0);
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));

if (options.help) console.log(USAGE);
else await main();

async function main(): Promise<void> {
  const rounds = Number(options.rounds ?? (size === "full" ? 5 : 1));
  const names = options.only?.split(",");
  const unknown = names?.filter((name) => !SCENARIOS.some((scenario) => scenario.name === name)) ?? [];
  if (unknown.length > 0 || !(rounds >= 1)) throw new Error(`cannot run this\n${USAGE}`);
  const scenarios = SCENARIOS.filter(
    ({ name, cores = 1 }) => names?.includes(name) ?? cores <= cpus().length,
  );
  for (const { name, cores } of SCENARIOS)
    if (cores && cores > cpus().length)
      console.error(
        `${name} cannot be measured here: it needs ${cores} cores, this machine has ${cpus().length}.`,
      );
  const python = findPython() !== null;
  if (!python)
    console.error("No Python with smallestai 5.14.0: that peer is left out. See docs/performance.md.");
  const wanted = (name: PeerName) =>
    (options.peers?.split(",").includes(name) ?? true) &&
    (name !== "python" || python) &&
    (name !== "baseline" || baseline !== null);

  const mock = await MockOpenAi.start();
  const load = await Load.start();
  await mkdir(out, { recursive: true });
  const startedAt = new Date().toISOString();
  const results: Result[] = [];
  for (const scenario of scenarios) {
    const peers = scenario.peers.filter(wanted);
    const bench: Bench = {
      mock,
      load,
      size,
      start: (name, extra) =>
        Peer.start(name, { baseUrl: mock.baseUrl, ...extra, ...profileOf(name, scenario) }),
    };
    console.error(`${scenario.title} …`);
    results.push(await run(scenario, peers, Math.min(rounds, scenario.rounds ?? rounds), bench));
  }
  await stopAll();
  load.stop();
  mock.stop();

  const machine = `${cpus().length} × ${cpus()[0]?.model ?? "unknown"}, Node ${process.versions.node}`;
  const report = { startedAt, machine, rounds, size, results };
  const stem = startedAt.replaceAll(/[:.]/g, "-");
  await writeFile(join(out, `${stem}.json`), JSON.stringify(report, null, 1));
  const table = markdown(report);
  await writeFile(join(out, `${stem}.md`), table);
  console.log(table);
}

/** The peers take turns in every round, so that what disturbs the machine disturbs them alike. */
async function run(scenario: Scenario, names: PeerName[], rounds: number, bench: Bench): Promise<Result> {
  const collected = new Map<PeerName, Figures[]>(names.map((name) => [name, []]));
  const { warm, cold, env = {} } = scenario;
  const peers = warm ? await Promise.all(names.map((name) => running(name, env, bench))) : [];
  // Not counted: the first time, the code is still being compiled.
  if (warm && size !== "smoke") for (const peer of peers) await warm({ ...bench, size: "quick" }, peer);
  for (let round = 0; round < rounds; round += 1) {
    if (warm) for (const peer of peers) collected.get(peer.name)?.push(await warm(bench, peer));
    if (cold) for (const name of names) collected.get(name)?.push(await cold(bench, name, env));
  }
  // A profile is written when its process ends, and is of one scenario.
  if (options.profile) await stopAll();
  return {
    name: scenario.name,
    title: scenario.title,
    peers: names.map((name) => ({ name, metrics: summarise(collected.get(name) ?? []) })),
  };
}

/** The peer with these settings, which scenarios share. */
async function running(name: PeerName, env: Record<string, string>, bench: Bench): Promise<Peer> {
  const key = JSON.stringify([name, env]);
  const peer = started.get(key) ?? (await bench.start(name, { env }));
  started.set(key, peer);
  return peer;
}

async function stopAll(): Promise<void> {
  const peers = [...started.values()];
  started.clear();
  await Promise.all(peers.map((peer) => peer.stop()));
}

function summarise(rounds: Figures[]): Result["peers"][number]["metrics"] {
  const labels = Object.keys(rounds[0] ?? {});
  return labels.map((label) => ({ label, ...spread(rounds.map((figures) => figures[label] ?? Number.NaN)) }));
}

function profileOf(name: PeerName, scenario: Scenario): { profileTo?: string } {
  if (!options.profile || name !== "server") return {};
  return { profileTo: join(out, "profiles", scenario.name) };
}
