import { connect as connectSocket, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { listen } from "./ports.ts";

/** Something on this machine that passes bytes on, as `ssh -L`, a proxy or a container's port does. */
export interface Tunnel extends AsyncDisposable {
  host: string;
  port: number;
}

/** Opens a port, or a Unix socket, that leads to the server at `to`; its host may be the folder of a Unix socket. */
export async function openTunnel(
  to: { host: string; port: number },
  options: { socketPath?: string } = {},
): Promise<Tunnel> {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = to.host.startsWith("/")
      ? connectSocket(join(to.host, `.s.PGSQL.${to.port}`))
      : connectSocket(to.port, to.host);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        sockets.delete(one);
        other.end();
      });
      one.pipe(other);
    }
  });
  const port = options.socketPath === undefined ? await listen(server) : await listenAt(options.socketPath);
  return {
    host: "127.0.0.1",
    port,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };

  function listenAt(path: string): Promise<number> {
    return new Promise((resolve, reject) => {
      server.once("error", reject).listen(path, () => resolve(0));
    });
  }
}
