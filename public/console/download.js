// @ts-check
import { request } from "./api.js";

/**
 * Saves what a route gives as a file. By a request and not by a link, which would have to carry the token.
 * @param {string} path @param {string} name
 */
export async function download(path, name) {
  const response = await request(path);
  const address = URL.createObjectURL(await response.blob());
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  URL.revokeObjectURL(address);
}
