import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import test from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import { closeSocket } from "../../lib/socket/outbox.ts";

test("closing a socket that the peer has closed already starts no timer", async (t) => {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  t.after(() => server.close());
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const accepted = once(server, "connection");
  const client = new WebSocket(`ws://127.0.0.1:${port}`);
  const [[socket]] = await Promise.all([accepted, once(client, "open")]);
  assert.ok(socket instanceof WebSocket);
  const closed = once(socket, "close");
  client.close();
  await closed;
  const setTimer = t.mock.method(globalThis, "setTimeout");
  closeSocket(socket, 1000, "");
  assert.equal(setTimer.mock.callCount(), 0);
});
