// @ts-check
import { authHeader, readToken } from "../shared/token.js";

/** An answer of the server that is not the one asked for. `status` 0: there was no answer. */
export class ApiError extends Error {
  /** @param {number} status @param {string} message */
  constructor(status, message) {
    super(message);
    this.status = status;
  }

  /** Whether another token would help. */
  get wantsToken() {
    return this.status === 401 || this.status === 403 || this.status === 429;
  }
}

/**
 * @param {string} path
 * @param {RequestInit} [init]
 * @returns {Promise<Response>} one whose status is 2xx
 * @throws {ApiError}
 */
export async function request(path, init = {}) {
  let response;
  try {
    response = await fetch(path, { ...init, headers: { ...authHeader(), ...init.headers } });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new ApiError(0, "The server cannot be reached.");
  }
  if (response.ok) return response;
  throw new ApiError(response.status, await messageOf(response));
}

/**
 * @param {string} path
 * @param {AbortSignal} signal
 * @returns {Promise<any>} the documented answer of the route
 * @throws {ApiError}
 */
export async function getJson(path, signal) {
  const response = await request(path, { signal });
  return response.json();
}

/**
 * @param {string} path
 * @param {object} [body]
 * @returns {Promise<any>} the documented answer of the route
 * @throws {ApiError}
 */
export function post(path, body) {
  return sendJson("POST", path, body);
}

/**
 * @param {string} method
 * @param {string} path
 * @param {object} [body]
 * @returns {Promise<any>} the documented answer of the route
 * @throws {ApiError}
 */
export async function sendJson(method, path, body) {
  const json = { headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  const response = await request(path, { method, ...(body && json) });
  return response.json();
}

/** @param {Response} response */
async function messageOf(response) {
  // What it then says is for programs.
  if (response.status === 401 && readToken() === null) return "";
  try {
    const { message, parameter } = await response.json();
    if (typeof message === "string") return withoutName(message, parameter);
  } catch {
    // Not JSON: a proxy has answered in the server's place.
  }
  return `The server answered ${response.status}.`;
}

/** The name of a parameter is for programs. @param {string} message @param {unknown} parameter */
function withoutName(message, parameter) {
  const name = `${parameter}: `;
  if (!message.startsWith(name)) return message;
  const rest = message.slice(name.length);
  return `${rest.charAt(0).toUpperCase()}${rest.slice(1)}.`;
}
