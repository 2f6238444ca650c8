import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { describe } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { z } from "zod";

const RUN = fileURLToPath(new URL("../bench/run.ts", import.meta.url));
const reportSchema = z.object({
  results: z.array(
    z.object({
      name: z.string(),
      peers: z.array(
        z.object({
          name: z.string(),
          metrics: z.array(z.object({ label: z.string(), median: z.number().nullable() })),
        }),
      ),
    }),
  ),
});

describe("the bench", () => {
  test("measures every peer in Node and writes a table and its figures", async (t) => {
    const out = await mkdtemp(join(tmpdir(), "voice-bench-test-"));
    t.after(() => rm(out, { recursive: true, force: true }));
    const args = ["--smoke", `--out=${out}`, "--peers=server,pass-through,floor"];
    const only = "--only=talk-20,interrupt,idle-1000";
    const { stdout } = await promisify(execFile)(process.execPath, ["--import", "tsx", RUN, ...args, only]);
    assert.match(stdout, /\| CPU per chunk, µs \| /);

    const written = (await readdir(out)).find((name) => name.endsWith(".json"));
    assert.ok(written);
    const { results } = reportSchema.parse(JSON.parse(await readFile(join(out, written), "utf8")));
    assert.deepEqual(
      results.map(({ name }) => name),
      ["talk-20", "interrupt", "idle-1000"],
    );
    for (const { peers } of results) {
      assert.deepEqual(
        peers.map(({ name }) => name),
        ["server", "pass-through", "floor"],
      );
    }
    const median = (scenario: string, peer: string, label: string) =>
      results
        .find(({ name }) => name === scenario)
        ?.peers.find(({ name }) => name === peer)
        ?.metrics.find((metric) => metric.label === label)?.median;
    for (const peer of ["server", "pass-through", "floor"]) {
      assert.ok(Number(median("talk-20", peer, "chunks per second")) > 0, `${peer} sent no chunks`);
      assert.equal(median("interrupt", peer, "upstream closed after an interrupt, %"), 100);
    }
  });
});
