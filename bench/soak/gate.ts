import { connect, createServer, type Socket } from "node:net";
import { listen } from "../../test/support/ports.ts";

/** `refuse` breaks every connection, `silent` takes all and passes nothing on. */
export type GateState = "open" | "refuse" | "silent";

/** The network before a server, which can fail. */
export interface Gate extends AsyncDisposable {
  port: number;
  set(state: GateState): void;
}

/** Passes bytes on to a port of this machine while it is open. */
export async function openGate(target: number): Promise<Gate> {
  const sockets = new Set<Socket>();
  let state: GateState = "open";
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
    return socket;
  };
  const server = createServer((near) => {
    keep(near);
    if (state === "refuse") near.resetAndDestroy();
    else if (state === "silent") near.resume();
    else {
      const far = keep(connect(target, "127.0.0.1"));
      near.pipe(far);
      far.pipe(near);
      near.on("close", () => far.destroy());
      far.on("close", () => near.destroy());
    }
  });
  return {
    port: await listen(server),
    set: (next) => {
      state = next;
      for (const socket of sockets) {
        if (next === "silent") socket.unpipe().resume();
        // What fell silent stays so: its client has to open another one.
        else if (next === "refuse") socket.resetAndDestroy();
      }
    },
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
