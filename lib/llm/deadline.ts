/**
 * Runs `work` with a signal that is aborted after `ms`, or with `signal`, and does not wait for work that ignores it.
 * The timer is gone when the work is done.
 */
export async function withDeadline<T>(
  signal: AbortSignal,
  ms: number,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal.throwIfAborted();
  const controller = new AbortController();
  const timer = setTimeout(
    () => controller.abort(new DOMException(`no result within ${ms} ms`, "TimeoutError")),
    ms,
  );
  // Not AbortSignal.any: work may leave a listener behind, and one on such a signal is kept as long as `signal` lives.
  const follow = () => controller.abort(signal.reason);
  signal.addEventListener("abort", follow, { once: true });
  try {
    return await unlessAborted(work(controller.signal), controller.signal);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", follow);
  }
}

/** The promise's result, or a rejection with the signal's reason as soon as it is aborted. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    // In any case the promise is listened to: its own failure, too late for anybody, must not end the process.
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
