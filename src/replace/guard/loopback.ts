/** The ends of a TCP connection, as one side sees them; undefined or null where it sees none. */
export interface ConnectionEnds {
  serverHost: string | null | undefined;
  serverPort: number | null | undefined;
  clientHost: string | null | undefined;
  clientPort: number | null | undefined;
}

const LOOPBACK = /^(127\.\d+\.\d+\.\d+|::1)$/;
const IPV4_IN_IPV6 = /^::ffff:(?=\d+\.)/;

/**
 * Whether a connection stays on this machine and goes straight to the server: both sides see the same two ends, and both
 * are loopback. Pure.
 *
 * The server's end alone does not tell: behind `ssh -L 5432:localhost:5432` the server, too, says 127.0.0.1 and 5432. But
 * the client that it sees is the forwarder, whose port is not ours.
 */
export function isDirectLoopback(ours: ConnectionEnds, theirs: ConnectionEnds): boolean {
  const server = plainAddress(ours.serverHost);
  const client = plainAddress(ours.clientHost);
  return (
    LOOPBACK.test(server) &&
    LOOPBACK.test(client) &&
    server === plainAddress(theirs.serverHost) &&
    client === plainAddress(theirs.clientHost) &&
    ours.serverPort === theirs.serverPort &&
    ours.clientPort === theirs.clientPort
  );
}

function plainAddress(address: string | null | undefined): string {
  return (address ?? "").replace(IPV4_IN_IPV6, "");
}
