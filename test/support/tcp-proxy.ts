import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/**
 * A way to a server of this machine that can be cut, and mended, at will.
 * @param target its port, or the path of its socket.
 */
export async function startTcpProxy(target: number | string) {
  const open = new Set<Socket>();
  let isCut = false;
  let swallows = false;
  const server = createServer((near) => {
    if (isCut) {
      near.destroy();
      return;
    }
    const far = typeof target === "number" ? connect(target, "127.0.0.1") : connect(target);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(from);
      from.on("error", () => to.destroy());
      from.on("close", () => {
        open.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
    if (swallows) swallow(near, far);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    /** Takes what comes, on connections old and new, and passes nothing on; nobody is told. */
    swallow() {
      swallows = true;
      for (const socket of open) swallow(socket);
    },
    /** Breaks every connection and refuses new ones. */
    cut() {
      isCut = true;
      for (const socket of open) socket.destroy();
    },
    /** Lets new connections pass; those that were cut or swallowed stay as they are. */
    mend() {
      isCut = false;
      swallows = false;
    },
    async close() {
      this.cut();
      server.close();
      await once(server, "close");
    },
  };
}

function swallow(...sockets: Socket[]): void {
  for (const socket of sockets) {
    socket.unpipe();
    // Read on, so that the other side believes that its bytes have arrived.
    socket.resume();
  }
}
