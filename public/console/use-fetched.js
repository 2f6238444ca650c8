// @ts-check
import { useEffect, useState } from "/assets/vendor/htm.js";
import { ApiError, getJson } from "./api.js";

/**
 * What these addresses answer; loaded again when one of them changes. While it is loading, the last answer stays.
 * @param {readonly string[]} paths
 * @param {() => void} onUnauthorised
 */
export function useFetched(paths, onUnauthorised) {
  const [answers, setAnswers] = useState(/** @type {any[] | null} */ (null));
  const [error, setError] = useState(/** @type {ApiError | null} */ (null));
  const [tries, setTries] = useState(0);
  useEffect(() => {
    const loading = new AbortController();
    Promise.all(paths.map((path) => getJson(path, loading.signal))).then(
      (loaded) => {
        setAnswers(loaded);
        setError(null);
      },
      (failure) => {
        if (loading.signal.aborted) return;
        if (!(failure instanceof ApiError)) throw failure;
        if (failure.status === 401) onUnauthorised();
        setError(failure);
      },
    );
    return () => loading.abort();
  }, [...paths, tries]);
  return { answers, error, retry: () => setTries(tries + 1) };
}
