import { execFileSync, spawn } from "node:child_process";
import { on, once } from "node:events";
import { readdir } from "node:fs/promises";
import type { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";

export type DiskFault = "full" | "broken" | "slow";

/** How each is done by `strace`, which stands between a process and the system. */
const INJECT: Record<DiskFault, string> = {
  full: "inject=pwrite64,ftruncate,fallocate:error=ENOSPC",
  broken: "inject=pwrite64,fdatasync,fsync:error=EIO",
  // Of every page and every sync, µs.
  slow: "inject=pwrite64,fdatasync,fsync:delay_enter=300000",
};

/** Whether `strace` is there. */
export function canBreakDisks(): boolean {
  try {
    execFileSync("strace", ["-V"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/**
 * Lets the threads of a process, but not its main one, find a bad disk under these files from now on.
 * @returns what mends it. @throws when the process may not be traced.
 */
export async function breakDisk(pid: number, files: readonly string[], fault: DiskFault) {
  const threads = (await readdir(`/proc/${pid}/task`)).filter((id) => id !== String(pid));
  const args = [...threads.flatMap((id) => ["-p", id]), ...files.flatMap((file) => ["-P", file])];
  const strace = spawn("strace", ["-o", "/dev/null", ...args, "-e", INJECT[fault]], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const closed = once(strace, "close");
  await attached(strace.stderr, threads.length);
  return async () => {
    strace.kill("SIGINT");
    await closed;
    // Until then the process is still held.
    await delay(0);
  };
}

async function attached(stderr: Readable, threads: number): Promise<void> {
  let output = "";
  let settled = 0;
  // Not by `for await`, whose end would close the pipe.
  stderr.setEncoding("utf8");
  for await (const [text] of on(stderr, "data", { close: ["end"] })) {
    output += text;
    // A thread may have ended meanwhile.
    settled = output.match(/attached|No such process/g)?.length ?? 0;
    if (settled >= threads) break;
  }
  if (settled < threads) throw new Error(`strace cannot attach: ${output}`);
  // Nobody reads on, and it must not wait for that.
  stderr.resume();
}
