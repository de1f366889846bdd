import { request } from "node:http";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { describe, expect, onTestFinished, test } from "vitest";
import { Secret } from "../../../src/config/secret.ts";
import type { HttpCredentials } from "../../../src/config/config.ts";
import { startServer, type Route, type ServerOptions } from "../../../src/http/server.ts";
import { sharedAnswer } from "../../../src/http/shared-answer.ts";
import { silentReporter } from "../../../src/observe/reporter.ts";

const CREDENTIALS: HttpCredentials = {
  token: new Secret("sentinel-token"),
  basic: { user: "ops", password: new Secret("sentinel:password") },
};

function says(path: string, changes: Partial<Route> = {}): Route {
  const answer = { status: 200, type: "text/plain", body: `this is ${path}` };
  return { path, isOpen: false, answer: () => Promise.resolve(answer), ...changes };
}

async function serve(routes: readonly Route[], options: Partial<ServerOptions> = {}): Promise<number> {
  const server = await startServer(routes, {
    host: "127.0.0.1",
    port: 0,
    credentials: undefined,
    reporter: silentReporter,
    ...options,
  });
  onTestFinished(() => server[Symbol.asyncDispose]());
  return server.port;
}

interface Told {
  status: number | undefined;
  headers: Record<string, unknown>;
  body: string;
}

function ask(
  port: number,
  path: string,
  { method = "GET", headers = {} }: { method?: string; headers?: Record<string, string> } = {},
): Promise<Told> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: "127.0.0.1", port, path, method, headers, agent: false }, (response) => {
      void text(response).then((body) =>
        resolve({ status: response.statusCode, headers: response.headers, body }),
      );
    });
    asked.on("error", reject);
    asked.end();
  });
}

describe("a path", () => {
  test("is answered to GET and HEAD, whatever the query, and nothing of it is kept or framed", async () => {
    const port = await serve([says("/freshness")]);
    const told = await ask(port, "/freshness?x=1");
    expect(told).toMatchObject({
      status: 200,
      body: "this is /freshness",
      headers: { "cache-control": "no-store", "x-frame-options": "DENY" },
    });
    expect(told.headers["content-security-policy"]).toContain("default-src 'none'");
    expect(await ask(port, "/freshness", { method: "HEAD" })).toMatchObject({ status: 200, body: "" });
  });

  test.each(["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])("is not there for %s", async (method) => {
    const port = await serve([says("/freshness")]);
    expect(await ask(port, "/freshness", { method })).toMatchObject({
      status: 405,
      headers: { allow: "GET, HEAD" },
    });
  });

  test.each([
    "/",
    "/freshness/",
    "//freshness",
    "/../freshness",
    "/%66reshness",
    "/freshness%00",
    "/__proto__",
    "*",
  ])("that nobody made is none: %s", async (path) => {
    const port = await serve([says("/freshness")]);
    expect(await ask(port, path)).toMatchObject({ status: 404 });
  });
});

describe("credentials", () => {
  const basic = (value: string): string => `Basic ${Buffer.from(value).toString("base64")}`;

  test.each([
    ["the token", "Bearer sentinel-token", 200],
    ["the password", basic("ops:sentinel:password"), 200],
    ["no token", undefined, 401],
    ["a wrong token", "Bearer sentinel-toke", 401],
    ["the token as a password", basic("ops:sentinel-token"), 401],
    ["another user", basic("root:sentinel:password"), 401],
    ["no colon", basic("ops"), 401],
    ["an empty one", "Bearer ", 401],
    ["another scheme", "Digest sentinel-token", 401],
  ])("%s", async (_, header, status) => {
    const port = await serve([says("/")], { credentials: CREDENTIALS });
    const told = await ask(port, "/", header === undefined ? {} : { headers: { authorization: header } });
    expect(told.status).toBe(status);
    expect(JSON.stringify(told)).not.toContain("sentinel");
  });

  test("are asked of nobody for what is open, and for what is not there of everybody", async () => {
    const port = await serve([says("/__lbheartbeat__", { isOpen: true })], { credentials: CREDENTIALS });
    expect((await ask(port, "/__lbheartbeat__")).status).toBe(200);
    expect((await ask(port, "/nothing")).status).toBe(401);
  });

  test("have to be set where other machines come", async () => {
    const options = { port: 0, credentials: undefined, reporter: silentReporter };
    await expect(startServer([], { ...options, host: "0.0.0.0" })).rejects.toMatchObject({ exit: "usage" });
  });
});

test("a name that only leads to this machine is refused on loopback", async () => {
  const port = await serve([says("/")]);
  expect((await ask(port, "/", { headers: { host: "evil.example" } })).status).toBe(421);
  for (const host of ["localhost", `127.0.0.1:${port}`, "[::1]:80"]) {
    expect((await ask(port, "/", { headers: { host } })).status).toBe(200);
  }
});

test("an answer that fails or takes too long is 503, and says nothing of why", async () => {
  const warned: string[] = [];
  const reporter = { ...silentReporter, warn: (message: string) => void warned.push(message) };
  const routes = [
    says("/fails", { answer: () => Promise.reject(new Error("s3://bucket denied")) }),
    says("/hangs", { answer: () => new Promise(() => undefined) }),
  ];
  const port = await serve(routes, { reporter, patience: 100 });
  for (const path of ["/fails", "/hangs"]) {
    const told = await ask(port, path);
    expect(told.status).toBe(503);
    expect(told.body).not.toContain("denied");
  }
  expect(warned).toEqual([
    "/fails could not be answered: s3://bucket denied",
    "/hangs could not be answered: it took longer than 0.1 s",
  ]);
});

test("a thousand requests at once are one look", async () => {
  let looks = 0;
  const look = sharedAnswer(
    async () => {
      looks += 1;
      return await Promise.resolve({ status: 200, type: "text/plain", body: "x".repeat(1000) });
    },
    60_000,
    () => performance.now(),
  );
  const port = await serve([says("/", { answer: look })]);
  const told = await Promise.all(Array.from({ length: 1000 }, () => ask(port, "/")));
  expect(new Set(told.map(({ status }) => status))).toEqual(new Set([200]));
  expect(looks).toBe(1);
});

test("bytes that are no request end their connection, and nothing else", async () => {
  const port = await serve([says("/")]);
  for (const bytes of [
    "\0\0\0\0",
    "GET / HTTP/1.1\r\nHost",
    `GET /${"x".repeat(20_000)} HTTP/1.1\r\n\r\n`,
    "GET / HTTP/9\r\n\r\n",
  ]) {
    const socket = connect(port, "127.0.0.1");
    socket.end(bytes);
    const said = await text(socket);
    expect(said).not.toContain("HTTP/1.1 5");
  }
  expect((await ask(port, "/")).status).toBe(200);
});

test("a failed look is not kept", async () => {
  let fails = true;
  const look = sharedAnswer(
    () => (fails ? Promise.reject(new Error("away")) : Promise.resolve("here")),
    60_000,
    () => 0,
  );
  await expect(look()).rejects.toThrow("away");
  fails = false;
  expect(await look()).toBe("here");
});
