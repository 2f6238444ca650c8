import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe } from "node:test";
import pg from "pg";

export type StoreKind = "sqlite" | "postgres";

/** An empty database of its own. */
export type TestStore = { url: string; remove(): Promise<void> };

/** The PostgreSQL of the tests, where there is one. */
export const postgresUrl = process.env.TEST_DATABASE_URL;
if (!postgresUrl && process.env.CI) throw new Error("CI tests PostgreSQL, too: source .ci/postgres first");
/** For the tests that need it: false, or why they are skipped. Importing this throws in CI, which must not skip. */
export const skipWithoutPostgres = postgresUrl
  ? false
  : "PostgreSQL skipped: set TEST_DATABASE_URL, or source .ci/postgres, to test it, too";

/** Declares the suite once for each store. PostgreSQL is skipped, and says so, without TEST_DATABASE_URL. */
export function describeStores(
  name: string,
  suite: (open: () => Promise<TestStore>, kind: StoreKind) => void,
): void {
  describe(`${name} (SQLite)`, () => suite(createSqlite, "sqlite"));
  if (skipWithoutPostgres) console.log(skipWithoutPostgres);
  describe(`${name} (PostgreSQL)`, { skip: skipWithoutPostgres }, () => suite(createPostgres, "postgres"));
}

export async function createSqlite(): Promise<TestStore> {
  const folder = await mkdtemp(join(tmpdir(), "calls-"));
  return {
    url: `file:${join(folder, "data", "calls.db")}`,
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

export async function createPostgres(): Promise<TestStore> {
  const server = postgresUrl ?? "";
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
