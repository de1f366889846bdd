import { once } from "node:events";
import { connect } from "node:net";
import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { Secret } from "../../../src/config/secret.ts";
import { heartbeatRoutes } from "../../../src/http/heartbeat.ts";
import { startServer, type ServerOptions } from "../../../src/http/server.ts";
import { statusRoutes } from "../../../src/http/status-routes.ts";
import { silentReporter } from "../../../src/observe/reporter.ts";
import { readStatus } from "../../../src/status/read-status.ts";
import { openFileStorage } from "../../../src/storage/file.ts";
import { loadText } from "../../support/config-file.ts";
import { converse, statusesIn, type Client } from "../../support/raw-socket.ts";
import { hoursAgo, NOW } from "../../support/status-facts.ts";
import { storeManifest } from "../../support/stored-history.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const TOKEN = "s3ntinel-token-0123456789";
const PATHS = ["/", "/freshness", "/metrics", "/__heartbeat__", "/__lbheartbeat__", "/__version__"];

/** More than the server gives a request. */
const PATIENCE = 10_000;

interface Served {
  port: number;
  warned: string[];
}

/** All that a daemon serves, behind a token. */
async function serve(options: Partial<ServerOptions> = {}): Promise<Served> {
  const storage = openFileStorage(await temporaryFolder("bad-input"));
  await storeManifest(storage, hoursAgo(1));
  const config = await loadText(
    "databases: { production: { url: postgres://x/y, environment: production } }",
  );
  const now = (): number => NOW;
  const warned: string[] = [];
  const onProblem = (error: unknown): void => void warned.push(String(error));
  const routes = [
    ...heartbeatRoutes({
      checks: [],
      version: { version: "1.2.3" },
      now,
      onProblem: (_, error) => onProblem(error),
    }),
    ...statusRoutes({
      storage: "s3://bucket",
      version: "1.2.3",
      now,
      onProblem,
      readStatus: (at, signal) => readStatus(storage, config, ["production"], at, { signal }),
    }),
  ];
  const server = await startServer(routes, {
    host: "127.0.0.1",
    port: 0,
    credentials: { token: new Secret(TOKEN), basic: undefined },
    reporter: { ...silentReporter, warn: (message) => void warned.push(message) },
    ...options,
  });
  onTestFinished(() => server[Symbol.asyncDispose]());
  return { port: server.port, warned };
}

/** Connections of this process, at both of their ends. */
function openConnections(): number {
  return process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length;
}

async function expectWell({ port, warned }: Served, connectionsBefore: number): Promise<void> {
  const asked = {
    chunks: ["GET /__lbheartbeat__ HTTP/1.0\r\nHost: localhost\r\n\r\n"],
    ending: "wait",
  } as const;
  expect(statusesIn((await converse(port, asked, PATIENCE)).said)).toEqual([200]);
  await expect.poll(openConnections, { timeout: PATIENCE }).toBeLessThanOrEqual(connectionsBefore);
  expect(warned).toEqual([]);
}

const GET = "GET / HTTP/1.1\r\nHost: localhost\r\n";

describe("what is no request of ours", () => {
  test.for<[string, string | Uint8Array, number[]]>([
    ["a request of HTTP/0.9", "GET /\r\n\r\n", [421]],
    ["a proxy's CONNECT", "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n", []],
    [
      "an upgrade",
      `${GET}Connection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n\r\n`,
      [401],
    ],
    ["HTTP/2's preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [400]],
    ["a TLS handshake", Buffer.from("16030100a5010000a10303", "hex"), [400]],
    ["null bytes in the path", "GET /\0freshness HTTP/1.1\r\nHost: localhost\r\n\r\n", [400]],
    ["null bytes in a header", `${GET}X: a\0b\r\n\r\n`, [400]],
    ["no host", "GET / HTTP/1.1\r\n\r\n", [400]],
    ["a header of 9 kB", `${GET}X: ${"x".repeat(9_000)}\r\n\r\n`, [431]],
    ["a path of 9 kB", `GET /${"x".repeat(9_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`, [431]],
    ["3,000 headers", `${GET}${"a: b\r\n".repeat(3_000)}\r\n`, [431]],
    ["a folded header", `${GET}X: a\r\n b\r\nConnection: close\r\n\r\n`, [400]],
    [
      "a body of two lengths",
      `${GET}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      [400],
    ],
    [
      "another length than the one before",
      `${GET}Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef`,
      [400],
    ],
    ["a length that is none", `${GET}Content-Length: -1\r\n\r\n`, [400]],
    ["an encoding that nobody knows", `${GET}Transfer-Encoding: gzip\r\n\r\nabc`, [400]],
    ["an expectation that nobody meets", `${GET}Expect: a-pony\r\nConnection: close\r\n\r\n`, [417]],
    ["a line that never ends", Buffer.alloc(1_000_000, "x"), [400]],
  ])("%s gets an answer of 4xx, or none, and no connection stays", async ([, bytes, statuses]) => {
    const before = openConnections();
    const served = await serve();
    const { said, isEnded } = await converse(served.port, { chunks: [bytes], ending: "wait" }, PATIENCE);
    expect(isEnded).toBe(true);
    expect(statusesIn(said)).toEqual(statuses);
    expect(said).not.toContain("s3ntinel");
    await expectWell(served, before + 1);
  });

  test("a chunk that is none, behind a request that is one, ends the connection", async () => {
    const before = openConnections();
    const served = await serve();
    const request = `POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc`;
    const { said, isEnded } = await converse(served.port, { chunks: [request], ending: "wait" }, PATIENCE);
    expect(isEnded).toBe(true);
    expect(statusesIn(said).every((status) => status === 401 || status === 400)).toBe(true);
    await expectWell(served, before + 1);
  });
});

describe("whoever takes their time", () => {
  test.for<[string, string]>([
    ["says nothing", ""],
    ["stops in the middle of a header", "GET / HTTP/1.1\r\nHo"],
    ["stops before a request's last line", GET],
    ["stops in the middle of a body", `${GET}Content-Length: 10\r\n\r\nabc`],
    ["begins a chunk and does not go on", `${GET}Transfer-Encoding: chunked\r\n\r\nffff\r\nabc`],
  ])("and %s loses the connection when the time is over", async ([, bytes]) => {
    const before = openConnections();
    const served = await serve({ requestTimeout: 300 });
    const { said, isEnded } = await converse(served.port, { chunks: [bytes], ending: "wait" }, PATIENCE);
    expect(isEnded).toBe(true);
    // Who was refused before all had come has that answer as the last one.
    expect(statusesIn(said).every((status) => status === 408 || status === 401)).toBe(true);
    await expectWell(served, before + 1);
  });

  test("and sends a header's byte now and then gets no more of it", async () => {
    const before = openConnections();
    const served = await serve({ requestTimeout: 300 });
    const socket = connect(served.port, "127.0.0.1");
    socket.on("error", () => undefined).resume();
    const dripping = setInterval(() => socket.write("x"), 20);
    socket.write(GET);
    const isClosed = once(socket, "close").then(() => true);
    expect(await isClosed).toBe(true);
    clearInterval(dripping);
    await expectWell(served, before + 1);
  });

  test("and does not read the answers asked for loses the connection, too", async () => {
    const before = openConnections();
    const served = await serve({ stallTimeout: 300 });
    const socket = connect(served.port, "127.0.0.1");
    onTestFinished(() => void socket.destroy());
    socket.on("error", () => undefined).pause();
    // More answers than sockets hold.
    socket.write(`${GET}Authorization: Bearer ${TOKEN}\r\n\r\n`.repeat(4_000));
    await expect.poll(openConnections, { timeout: PATIENCE }).toBe(before + 2);
    // This end hears nothing of it.
    await expect.poll(openConnections, { timeout: PATIENCE }).toBe(before + 1);
    socket.destroy();
    await expectWell(served, before + 1);
  });
});

/** Bytes that are a request, nearly one, or none at all. */
const METHODS = ["GET", "HEAD", "POST", "OPTIONS", "CONNECT", "TRACE", "get", "G\0T", "DELETE", "PRI"];
const TARGETS = [
  ...PATHS,
  "*",
  "//",
  "/../",
  "/%00",
  "/%",
  "http://localhost/",
  "example.com:1",
  "",
  "/?a=%zz",
];
const VERSIONS = ["HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/9.9", "http/1.1", ""];
const HEADERS = [
  "Host: localhost",
  "Host: evil.example",
  `Authorization: Bearer ${TOKEN}`,
  "Authorization: Bearer wrong",
  "Authorization: Basic !!!",
  "Authorization: ",
  "Connection: close",
  "Connection: Upgrade",
  "Upgrade: h2c",
  "Transfer-Encoding: chunked",
  "Content-Length: 3",
  "Content-Length: 99999999999999999999",
  "Expect: 100-continue",
  "Range: bytes=0-",
  "Accept-Encoding: \u0000",
  ": x",
  "X",
  `Cookie: ${"x".repeat(9_000)}`,
];
const PIECES = ["\r\n", "\r\n\r\n", "0\r\n\r\n", "ffffffffffffffff\r\n", "abc", "\0", "\uFEFF", "\n"];

const request = fc
  .tuple(
    fc.constantFrom(...METHODS),
    fc.constantFrom(...TARGETS),
    fc.constantFrom(...VERSIONS),
    fc.array(fc.constantFrom(...HEADERS), { maxLength: 6 }),
  )
  .map(([method, target, version, headers]) =>
    [`${method} ${target} ${version}`, ...headers, "", ""].join("\r\n"),
  );

const client: fc.Arbitrary<Client> = fc.record({
  chunks: fc.array(
    fc.oneof(
      { weight: 6, arbitrary: request },
      { weight: 2, arbitrary: fc.constantFrom(...PIECES) },
      { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }) },
      // A request that is cut anywhere.
      {
        weight: 2,
        arbitrary: fc.tuple(request, fc.nat(120)).map(([text, length]) => text.slice(0, length)),
      },
    ),
    { minLength: 1, maxLength: 5 },
  ),
  ending: fc.constantFrom("end", "end", "end", "reset"),
});

test("whatever bytes come, by twenty clients at a time, no answer is 5xx, and nothing stays", async () => {
  const before = openConnections();
  const served = await serve({ requestTimeout: 500 });
  await fc.assert(
    fc.asyncProperty(fc.array(client, { minLength: 20, maxLength: 20 }), async (clients) => {
      const conversations = await Promise.all(clients.map((one) => converse(served.port, one, PATIENCE)));
      for (const { said, isEnded } of conversations) {
        expect(isEnded).toBe(true);
        expect(statusesIn(said).filter((status) => status >= 500)).toEqual([]);
        expect(said).not.toContain("s3ntinel");
      }
    }),
    { numRuns: 60, interruptAfterTimeLimit: 8_000 },
  );
  await expectWell(served, before + 1);
});

test("a thousand requests at once, of all kinds, are all answered", async () => {
  const before = openConnections();
  const served = await serve();
  const paths = [...PATHS, "/nothing"];
  const asked = Array.from({ length: 1_000 }, async (_, number) => {
    const path = paths[number % paths.length] ?? "/";
    const authorization = number % 3 === 0 ? "Bearer wrong" : `Bearer ${TOKEN}`;
    const method = number % 5 === 0 ? "POST" : "GET";
    const text = `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${authorization}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`;
    return converse(served.port, { chunks: [text], ending: "wait" }, 30_000);
  });
  const statuses = (await Promise.all(asked)).flatMap(({ said }) => statusesIn(said));
  expect(statuses).toHaveLength(1_000);
  expect(new Set(statuses)).toEqual(new Set([200, 401, 404, 405]));
  await expectWell(served, before + 1);
});
