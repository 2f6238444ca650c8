import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe } from "node:test";
import pg from "pg";

export type StoreKind = "sqlite" | "postgres";

/** An empty database of its own. */
export type TestStore = { url: string; remove(): Promise<void> };

/**
 * Declares the suite once for each store. PostgreSQL is skipped, and says so, without TEST_DATABASE_URL.
 * @throws when that is missing in CI, for CI must not skip.
 */
export function describeStores(
  name: string,
  suite: (open: () => Promise<TestStore>, kind: StoreKind) => void,
): void {
  describe(`${name} (SQLite)`, () => suite(createSqlite, "sqlite"));
  const url = process.env.TEST_DATABASE_URL;
  if (!url && process.env.CI) throw new Error("CI tests PostgreSQL, too: source .ci/postgres first");
  const skip = url
    ? false
    : "PostgreSQL skipped: set TEST_DATABASE_URL, or source .ci/postgres, to test it, too";
  if (skip) console.log(skip);
  describe(`${name} (PostgreSQL)`, { skip }, () => suite(() => createPostgres(url ?? ""), "postgres"));
}

async function createSqlite(): Promise<TestStore> {
  const folder = await mkdtemp(join(tmpdir(), "calls-"));
  return {
    url: `file:${join(folder, "data", "calls.db")}`,
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

async function createPostgres(server: string): Promise<TestStore> {
  const name = `calls_${randomUUID().replaceAll("-", "")}`;
  await runOn(server, `create database ${name}`);
  // Not by `URL`: one with a socket's folder has no host, which it does not take.
  const url = server.replace(/^(postgres(?:ql)?:\/\/[^/]*\/)[^?]*/, `$1${name}`);
  return { url, remove: () => runOn(server, `drop database ${name} with (force)`) };
}

async function runOn(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
