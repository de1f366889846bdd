import { expect, test } from "vitest";
import { isDirectLoopback, type ConnectionEnds } from "../../../src/replace/guard/loopback.ts";

const OURS: ConnectionEnds = {
  serverHost: "127.0.0.1",
  serverPort: 5432,
  clientHost: "127.0.0.1",
  clientPort: 50_000,
};
const IPV6: Partial<ConnectionEnds> = { serverHost: "::1", clientHost: "::1" };
const MAPPED: Partial<ConnectionEnds> = { serverHost: "::ffff:127.0.0.1", clientHost: "::ffff:127.0.0.1" };
const ELSEWHERE: Partial<ConnectionEnds> = { serverHost: "10.0.0.5", clientHost: "10.0.0.9" };

interface Case {
  because: string;
  ours?: Partial<ConnectionEnds>;
  theirs?: Partial<ConnectionEnds>;
  direct: boolean;
}

test.for<Case>([
  { because: "both sides see the same", direct: true },
  { because: "over IPv6", ours: IPV6, theirs: IPV6, direct: true },
  { because: "IPv4 through an IPv6 socket", ours: MAPPED, direct: true },
  { because: "another server, both sides see the same", ours: ELSEWHERE, theirs: ELSEWHERE, direct: false },
  {
    because: "ssh -L 5432:localhost:5432, seen from the far end",
    theirs: { clientPort: 41_234 },
    direct: false,
  },
  { because: "ssh -L 5432:10.0.0.5:5432", theirs: ELSEWHERE, direct: false },
  { because: "a forwarder on another port", ours: { serverPort: 15_432 }, direct: false },
  {
    because: "a container's port: the server has an address of its own",
    theirs: { serverHost: "172.17.0.2" },
    direct: false,
  },
  { because: "a container sees its gateway", theirs: { clientHost: "172.17.0.1" }, direct: false },
  {
    because: "the far end is a Unix socket",
    theirs: { serverHost: null, serverPort: null, clientHost: null, clientPort: null },
    direct: false,
  },
  {
    because: "neither side sees anything",
    ours: { serverHost: undefined, serverPort: undefined, clientHost: undefined, clientPort: undefined },
    theirs: { serverHost: null, serverPort: null, clientHost: null, clientPort: null },
    direct: false,
  },
])("direct $direct: $because", ({ ours, theirs, direct }) => {
  expect(isDirectLoopback({ ...OURS, ...ours }, { ...OURS, ...theirs })).toBe(direct);
});
