import { createHash } from "node:crypto";
import { appendFile, mkdir, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import { z } from "zod";
import { describeError } from "../errors.ts";
import { type Change, changeSchema } from "./store/change.ts";

/** A file is followed by the next at so many bytes; it is read as a whole. */
const FILE_BYTES = 1_000_000;
/** How long changes are gathered before they go to the disk, ms: so much a process that is killed loses. */
const GATHER_MS = 200;
/** Pause after a failure to write, ms. */
const RETRY_AFTER_MS = 1_000;
/** Most bytes in memory of a disk that does not take them. */
const MAX_UNWRITTEN_BYTES = 16_000_000;

/** A change and when it was made, epoch ms. */
export type Entry = { at: number; change: Change };
const lineSchema = z.tuple([z.number(), changeSchema]);

type Line = { entry: Entry; text: string; bytes: number };
type File = { path: string; bytes: number; oldestAt: number };

/** The oldest part of the backlog; it stays there until `done`. */
export type Part = { entries: Entry[]; done(): Promise<void> };

export type BacklogOptions = {
  /** Made when it is needed. */
  folder: string;
  /** Most bytes in it, for this process. */
  maxBytes: number;
  /** Tells the files of one database from those of another; see {@link databaseKey}. */
  key: string;
  /** The server process, by the name that `instances` has for it. */
  owner: string;
  log: Logger;
};

/**
 * What has to be written while the database does not take it: lines in files of this machine, named
 * `DATABASE.SERVER.NUMBER.jsonl`. They outlive the process, and one that comes after it takes them over.
 */
export class Backlog {
  readonly #options: BacklogOptions;
  /** Oldest first; then come the lines in memory. */
  #files: File[] = [];
  #unwritten: Line[] = [];
  #unwrittenBytes = 0;
  #number = 0;
  /** The file that grows; null: the next line begins a new one. */
  #growing: File | null = null;
  #writing: Promise<void> | null = null;
  #appending: Promise<void> = Promise.resolve();
  readonly #closing = new AbortController();
  #isFailing = false;

  constructor(options: BacklogOptions) {
    this.#options = options;
  }

  get isEmpty(): boolean {
    return this.#files.length === 0 && this.#unwritten.length === 0;
  }

  get folder(): string {
    return resolve(this.#options.folder);
  }

  /** Bytes on the disk and on the way there. */
  get bytes(): number {
    return this.#files.reduce((sum, { bytes }) => sum + bytes, this.#unwrittenBytes);
  }

  /** When its oldest change was made, epoch ms; null if it is empty. */
  get oldestAt(): number | null {
    return this.#files[0]?.oldestAt ?? this.#unwritten[0]?.entry.at ?? null;
  }

  /** Adds to its end. An end of a call is always taken: there is only one for each. @returns false if it is full. */
  push(entry: Entry): boolean {
    const text = `${JSON.stringify([entry.at, entry.change])}\n`;
    const bytes = Buffer.byteLength(text);
    const isFull =
      this.bytes + bytes > this.#options.maxBytes || this.#unwrittenBytes + bytes > MAX_UNWRITTEN_BYTES;
    if (isFull && entry.change.do !== "end") return false;
    this.#unwritten.push({ entry, text, bytes });
    this.#unwrittenBytes += bytes;
    this.#writing ??= this.#write().finally(() => {
      this.#writing = null;
    });
    return true;
  }

  /** The oldest part of it, or null if it is empty. */
  async take(): Promise<Part | null> {
    // When it is over, the next may have begun.
    for (let last = null; last !== this.#appending; ) {
      last = this.#appending;
      await last;
    }
    const [file] = this.#files;
    if (!file) return this.#takeUnwritten();
    if (file === this.#growing) this.#growing = null;
    return {
      entries: await this.#read(file),
      done: async () => {
        this.#files = this.#files.filter((each) => each !== file);
        await rm(file.path, { force: true });
      },
    };
  }

  /** Takes over the files of servers that are not `alive`. @returns the ids of those servers. */
  async adopt(alive: ReadonlySet<string>): Promise<string[]> {
    const { folder, key, owner } = this.#options;
    // It is made when it is needed.
    const names = await readdir(folder).catch(() => []);
    const left = names.flatMap((name) => {
      const [database, server, number, type] = name.split(".");
      const isLeft = database === key && server && server !== owner && !alive.has(server) && type === "jsonl";
      return isLeft ? [{ name, server, number: Number(number) }] : [];
    });
    left.sort((a, b) => a.server.localeCompare(b.server) || a.number - b.number);
    const adopted = new Set<string>();
    for (const { name, server } of left) {
      const path = this.#nextPath();
      // Another server may have been faster.
      const isOurs = await rename(join(folder, name), path).then(
        () => true,
        () => false,
      );
      if (!isOurs) continue;
      const { size, mtimeMs } = await stat(path);
      this.#growing = null;
      this.#files.push({ path, bytes: size, oldestAt: mtimeMs });
      adopted.add(server);
    }
    return [...adopted];
  }

  /** Brings what is in memory to the disk, without waiting for one that fails. @returns how many are lost by that. */
  async close(): Promise<number> {
    this.#closing.abort();
    await this.#writing;
    return this.#unwritten.length;
  }

  async #write(): Promise<void> {
    const { signal } = this.#closing;
    await delay(GATHER_MS, undefined, { signal }).catch(() => {});
    while (this.#unwritten.length > 0) {
      const lines = this.#unwritten.slice(0, this.#countFor(FILE_BYTES));
      this.#appending = this.#append(lines).then(
        () => {
          this.#isFailing = false;
          this.#forget(lines);
        },
        (error: unknown) => this.#fail(error),
      );
      await this.#appending;
      if (!this.#isFailing) continue;
      if (signal.aborted) return;
      await delay(RETRY_AFTER_MS, undefined, { signal }).catch(() => {});
    }
  }

  async #append(lines: readonly Line[]): Promise<void> {
    const [first] = lines;
    if (!first) return;
    let file = this.#growing;
    if (!file || file.bytes >= FILE_BYTES) {
      await mkdir(this.#options.folder, { recursive: true });
      file = { path: this.#nextPath(), bytes: 0, oldestAt: first.entry.at };
    }
    // The words of calls: for nobody else on this machine.
    await appendFile(file.path, lines.map(({ text }) => text).join(""), { mode: 0o600 }).catch(
      async (error: unknown) => {
        // Half a line may be there; what follows begins a new file.
        this.#growing = null;
        if (file.bytes === 0) await rm(file.path, { force: true }).catch(() => {});
        throw error;
      },
    );
    if (file.bytes === 0) this.#files.push(file);
    file.bytes += lines.reduce((sum, { bytes }) => sum + bytes, 0);
    this.#growing = file;
  }

  #fail(error: unknown): void {
    if (!this.#isFailing) {
      this.#options.log.warn(
        { ...describeError(error), folder: this.folder },
        "What waits for the store of calls cannot be kept on the disk and stays in memory",
      );
    }
    this.#isFailing = true;
  }

  #takeUnwritten(): Part | null {
    const lines = this.#unwritten.slice(0, this.#countFor(FILE_BYTES));
    if (lines.length === 0) return null;
    return { entries: lines.map(({ entry }) => entry), done: async () => this.#forget(lines) };
  }

  /** How many of the lines in memory are that many bytes; one at least. */
  #countFor(bytes: number): number {
    let sum = 0;
    const end = this.#unwritten.findIndex((line) => {
      sum += line.bytes;
      return sum > bytes;
    });
    return end < 0 ? this.#unwritten.length : Math.max(1, end);
  }

  #forget(lines: readonly Line[]): void {
    const gone = new Set(lines);
    this.#unwritten = this.#unwritten.filter((line) => !gone.has(line));
    this.#unwrittenBytes = this.#unwritten.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  async #read({ path }: File): Promise<Entry[]> {
    const { log } = this.#options;
    const text = await readFile(path, "utf8").catch((error: unknown) => {
      log.warn({ ...describeError(error), path }, "What waited for the store of calls cannot be read");
      return "";
    });
    const lines = text.split("\n").filter((line) => line !== "");
    const entries = lines.flatMap((line) => {
      const parsed = lineSchema.safeParse(parseJson(line));
      return parsed.success ? [{ at: parsed.data[0], change: parsed.data[1] }] : [];
    });
    // A disk that was full, or a process that was killed, leaves half a line.
    const broken = lines.length - entries.length;
    if (broken > 0) log.warn({ path, broken }, "Lines that wait for the store of calls cannot be read");
    return entries;
  }

  #nextPath(): string {
    const { folder, key, owner } = this.#options;
    this.#number += 1;
    return join(folder, `${key}.${owner}.${this.#number}.jsonl`);
  }
}

/** What stands for a database in the name of a file, whatever the password is at the moment. */
export function databaseKey(url: string): string {
  const place = url.startsWith("file:") ? resolve(url.slice("file:".length)) : url.replace(/:[^:@/]*@/, "@");
  return createHash("sha256").update(place).digest("hex").slice(0, 12);
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}
