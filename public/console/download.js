// @ts-check
import { ApiError, request } from "./api.js";

/**
 * Saves what a route gives as a file. By a request and not by a link, which would have to carry the token.
 * @param {string} path @param {string} name
 * @throws {ApiError}
 */
export async function download(path, name) {
  const response = await request(path);
  // Without this mark, Excel does not take a CSV for UTF-8.
  const mark = name.endsWith(".csv") ? ["\ufeff"] : [];
  const address = URL.createObjectURL(new Blob([...mark, await wholeOf(response)]));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}

/** A part of the calls must not be taken for all. @param {Response} response @throws {ApiError} */
async function wholeOf(response) {
  try {
    return await response.blob();
  } catch {
    throw new ApiError(0, "The connection broke before the file was complete.");
  }
}
