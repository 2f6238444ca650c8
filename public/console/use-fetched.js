// @ts-check
import { useEffect, useState } from "/assets/vendor/htm.js";
import { ApiError, getJson } from "./api.js";

/** How often an answer is asked for again that is not the last word, ms. */
const AGAIN_MS = 2_000;

/**
 * What these addresses answer; loaded again when one of them changes. While it is loading, the last answer stays.
 * @param {readonly string[]} paths
 * @param {(problem: string) => void} onUnauthorised
 * @param {(answers: any[]) => boolean} [isFinal] whether these answers will not change any more
 */
export function useFetched(paths, onUnauthorised, isFinal = () => true) {
  const [answers, setAnswers] = useState(/** @type {any[] | null} */ (null));
  const [error, setError] = useState(/** @type {ApiError | null} */ (null));
  const [tries, setTries] = useState(0);
  useEffect(() => {
    const loading = new AbortController();
    let timer = 0;
    Promise.all(paths.map((path) => getJson(path, loading.signal))).then(
      (loaded) => {
        setAnswers(loaded);
        setError(null);
        if (!isFinal(loaded)) timer = setTimeout(() => setTries(tries + 1), AGAIN_MS);
      },
      (failure) => {
        if (loading.signal.aborted) return;
        if (!(failure instanceof ApiError)) throw failure;
        if (failure.wantsToken) onUnauthorised(failure.message);
        setError(failure);
      },
    );
    return () => {
      loading.abort();
      clearTimeout(timer);
    };
  }, [...paths, tries]);
  return { answers, error, retry: () => setTries(tries + 1) };
}
