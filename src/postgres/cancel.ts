import { connect as connectSocket } from "node:net";

/** The protocol's number for "this is a CancelRequest". */
const CANCEL_REQUEST_CODE = 80_877_102;
const CANCEL_REQUEST_BYTES = 16;
/** Milliseconds. Whoever cancels is on the way out and must not hang on a dead network. */
const TIMEOUT = 2_000;

/** What the server gave a session at its start, and asks for to cancel it. */
export interface CancelKey {
  processId: number;
  secretKey: number;
}

/**
 * Asks the server to cancel what a session runs, over a connection of its own, as the protocol has it.
 *
 * Best effort: resolves when the request was delivered or could not be, never rejects.
 */
export function requestCancel(host: string, port: number, key: CancelKey): Promise<void> {
  const request = Buffer.alloc(CANCEL_REQUEST_BYTES);
  request.writeInt32BE(CANCEL_REQUEST_BYTES, 0);
  request.writeInt32BE(CANCEL_REQUEST_CODE, 4);
  request.writeInt32BE(key.processId, 8);
  request.writeInt32BE(key.secretKey, 12);
  return new Promise((resolve) => {
    const socket = host.startsWith("/")
      ? connectSocket(`${host}/.s.PGSQL.${port}`)
      : connectSocket(port, host);
    socket.setTimeout(TIMEOUT, () => socket.destroy());
    socket.on("error", () => undefined);
    socket.once("close", () => resolve());
    // The server answers nothing, and closes when it has signalled the session.
    socket.end(request);
    socket.resume();
  });
}
