import type pg from "pg";

/** Events older than this are of no use to a viewer; the call's record has them all. ms */
const KEEP_MS = 60 * 60_000;
/** Locks: one while tables are made, one that lets events be stored one batch after the other. */
const MAKING_TABLES = 7_310_001;
export const STORING_EVENTS = 7_310_002;
/** The channel on which the latest event's id is told. */
export const EVENTS = "live_events";

/** Makes the tables of the live stream, unless they are there. */
export async function makeLiveTables(pool: pg.Pool): Promise<void> {
  const client = await pool.connect();
  try {
    await client.query("begin");
    // Two servers that start together would both make them, and one would fail.
    await client.query("select pg_advisory_xact_lock($1)", [MAKING_TABLES]);
    await client.query(`
      create table if not exists live_events (
        id bigserial primary key,
        instance text not null,
        session_id text not null,
        type text not null,
        body text not null,
        stored_at timestamptz not null default now()
      )`);
    // The server's own number for it: a batch whose answer was lost is sent again, and stored once.
    await client.query("alter table live_events add column if not exists number bigint");
    await client.query(
      "create unique index if not exists live_events_once on live_events (instance, number)",
    );
    await client.query("create index if not exists live_events_by_session on live_events (session_id, type)");
    await client.query("create index if not exists live_events_by_time on live_events (stored_at)");
    await client.query(`
      create table if not exists live_orders (
        id bigserial primary key,
        session_id text not null,
        command text not null,
        answer text,
        ordered_at timestamptz not null default now()
      )`);
    await client.query(`
      create table if not exists live_instances (
        id text primary key,
        seen_at timestamptz not null default now()
      )`);
    await client.query("commit");
  } catch (error) {
    await client.query("rollback");
    throw error;
  } finally {
    client.release();
  }
}

/** Deletes what nobody will ask for: old events of calls that have ended, and orders. */
export async function deleteOldLiveRows(pool: pg.Pool): Promise<void> {
  await pool.query(
    `delete from live_events e
     where stored_at < now() - $1 * interval '1 ms'
       and exists (select from live_events x where x.session_id = e.session_id and x.type = 'call.ended')`,
    [KEEP_MS],
  );
  await pool.query("delete from live_orders where ordered_at < now() - interval '1 minute'");
}

/** Says that this server is there. */
export async function sayAlive(pool: pg.Pool, instance: string): Promise<void> {
  await pool.query(
    "insert into live_instances (id) values ($1) on conflict (id) do update set seen_at = now()",
    [instance],
  );
}

/** When each server has said so, by its id. */
export async function instances(pool: pg.Pool): Promise<Map<string, string>> {
  const { rows } = await pool.query<{ id: string; seen: string }>(
    "select id, seen_at::text as seen from live_instances",
  );
  return new Map(rows.map(({ id, seen }) => [id, seen]));
}

/** Takes a server off the list. @returns false if somebody else has, or it has said again that it is there. */
export async function forgetInstance(pool: pg.Pool, instance: string, seen: string): Promise<boolean> {
  const { rowCount } = await pool.query(
    "delete from live_instances where id = $1 and seen_at = $2::timestamptz",
    [instance, seen],
  );
  return rowCount === 1;
}

/** Tells those of these calls once more, from their beginning, whose end another server has told. */
export async function reopenCalls(pool: pg.Pool, sessionIds: readonly string[]): Promise<void> {
  await pool.query(
    `with my_turn as materialized (select pg_advisory_xact_lock($1)),
     told as (
       delete from live_events e using my_turn
       where e.session_id = any($2)
         and exists (select from live_events x where x.session_id = e.session_id and x.type = 'call.ended')
       returning id, instance, session_id, type, body
     ),
     again as (
       insert into live_events (instance, session_id, type, body)
       select instance, session_id, type, body from told where type <> 'call.ended' order by id
       returning id
     )
     select pg_notify('${EVENTS}', max(id)::text) from again having max(id) is not null`,
    [STORING_EVENTS, sessionIds],
  );
}

/** The calls of a server that have begun and not ended, with the time they began. */
export async function openCallsOf(
  pool: pg.Pool,
  instance: string,
): Promise<{ sessionId: string; startedMs: number }[]> {
  const { rows } = await pool.query<{ session_id: string; started_ms: string }>(
    `select session_id, extract(epoch from stored_at) * 1000 as started_ms from live_events e
     where instance = $1 and type = 'call.started'
       and not exists (select from live_events x where x.session_id = e.session_id and x.type = 'call.ended')`,
    [instance],
  );
  return rows.map(({ session_id, started_ms }) => ({ sessionId: session_id, startedMs: Number(started_ms) }));
}
