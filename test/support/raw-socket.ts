import { connect } from "node:net";

export interface Conversation {
  /** What came back, byte by byte. */
  said: string;
  /** Whether the server ended it, before `patience` was over. */
  isEnded: boolean;
}

/** How a client behaves that may be no HTTP client at all. */
export interface Client {
  /** Sent one after the other. */
  chunks: readonly (string | Uint8Array)[];
  /** What it does after them: end its half, break the connection, or wait for the server. */
  ending: "end" | "reset" | "wait";
}

/** Says something to a port of this machine, and listens until the server ends it, or for `patience` milliseconds. */
export function converse(port: number, client: Client, patience: number): Promise<Conversation> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    let said = "";
    let isEnded = true;
    const timer = setTimeout(() => {
      isEnded = false;
      socket.destroy();
    }, patience);
    socket.on("data", (bytes: Buffer) => (said += bytes.toString("latin1")));
    socket.on("end", () => socket.end());
    // A server that has heard enough may break the connection.
    socket.on("error", () => undefined);
    socket.on("close", () => {
      clearTimeout(timer);
      resolve({ said, isEnded });
    });
    for (const chunk of client.chunks) socket.write(chunk);
    if (client.ending === "end") socket.end();
    if (client.ending === "reset") socket.once("connect", () => setImmediate(() => socket.resetAndDestroy()));
  });
}

/** The statuses of all answers in what a server said. */
export function statusesIn(said: string): number[] {
  return [...said.matchAll(/^HTTP\/1\.[01] (\d{3}) /gm)].map(([, status]) => Number(status));
}
