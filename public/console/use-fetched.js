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
  const key = paths.join(" ");
  const [found, setFound] = useState(
    /** @type {{ key: string, answers: any[] | null }} */ ({ key, answers: null }),
  );
  const [error, setError] = useState(/** @type {ApiError | null} */ (null));
  const [tries, setTries] = useState(0);
  useEffect(() => {
    const loading = new AbortController();
    let timer = 0;
    Promise.all(paths.map((path) => getJson(path, loading.signal))).then(
      (loaded) => {
        setFound({ key, answers: loaded });
        setError(null);
        if (!isFinal(loaded)) timer = setTimeout(() => setTries(tries + 1), AGAIN_MS);
      },
      (failure) => {
        if (loading.signal.aborted) return;
        if (!(failure instanceof ApiError)) throw failure;
        if (failure.wantsToken) onUnauthorised(failure.message);
        // Beside what was asked for and failed, the answer to something else would mislead.
        setFound((last) => (last.key === key ? last : { key, answers: null }));
        setError(failure);
      },
    );
    return () => {
      loading.abort();
      clearTimeout(timer);
    };
  }, [...paths, tries]);
  return { answers: found.answers, error, retry: () => setTries(tries + 1) };
}
