import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { HttpCredentials } from "../config/config.ts";
import { DataopsError, messageOf } from "../errors.ts";
import { inTime } from "../in-time.ts";
import type { Reporter } from "../observe/reporter.ts";
import { isLoopback, isMeantForLoopback, mayEnter } from "./access.ts";

/** What a request gets. */
export interface Answer {
  status: number;
  /** `text/plain; charset=utf-8` */
  type: string;
  body: string;
  headers?: Readonly<Record<string, string>>;
}

/** One path. All are read only: GET and HEAD. */
export interface Route {
  /** `/freshness` */
  path: string;
  /** Whether nobody has to show credentials: for load balancers. */
  isOpen: boolean;
  /** Answers within the signal's time, or is given up. */
  answer: (signal: AbortSignal) => Promise<Answer>;
}

export interface ServerOptions {
  host: string;
  /** 0: any that is free. */
  port: number;
  /** Undefined only on a loopback address. */
  credentials: HttpCredentials | undefined;
  reporter: Reporter;
  /** Milliseconds that an answer may take; 10 s by default. */
  patience?: number | undefined;
  /** Milliseconds in which a request has to arrive whole; 10 s by default. */
  requestTimeout?: number | undefined;
  /** Milliseconds that a connection may be without a byte in either direction; 30 s by default, longer than an answer takes. */
  stallTimeout?: number | undefined;
}

export interface HttpServer extends AsyncDisposable {
  port: number;
}

/** Milliseconds. */
const PATIENCE = 10_000;
const REQUEST_TIMEOUT = 10_000;
const STALL_TIMEOUT = 30_000;
/** Milliseconds between looks for requests that are late: Node's own half a minute would be what they are given. */
const LATE_REQUESTS_INTERVAL = 1_000;
/** Bytes of a request's headers. */
const MAX_HEADER_SIZE = 8 * 1024;
const MAX_CONNECTIONS = 4096;

/** For every answer: nothing is loaded from elsewhere, framed, kept or guessed. */
const ALWAYS = {
  "Content-Security-Policy":
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
  "Referrer-Policy": "no-referrer",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Cache-Control": "no-store",
};

/**
 * Serves routes until it is disposed of.
 *
 * @throws DataopsError `usage` where nothing is asked of whoever reaches it from other machines, or the address is taken
 */
export async function startServer(routes: readonly Route[], options: ServerOptions): Promise<HttpServer> {
  const { host, port, credentials, requestTimeout = REQUEST_TIMEOUT } = options;
  if (credentials === undefined && !isLoopback(host)) {
    throw new DataopsError("usage", `${host} is reached from other machines, and asks nobody who they are`, {
      hint: "set a token or a password (`http.token`, `http.basic`), or listen on 127.0.0.1",
    });
  }
  const byPath = new Map(routes.map((route) => [route.path, route]));
  const server = createServer(
    {
      requestTimeout,
      headersTimeout: requestTimeout,
      connectionsCheckingInterval: Math.min(LATE_REQUESTS_INTERVAL, requestTimeout),
      maxHeaderSize: MAX_HEADER_SIZE,
    },
    (request, response) => void respond(request, response, byPath, options),
  );
  server.maxConnections = MAX_CONNECTIONS;
  // Whoever asks and does not read would otherwise have the connection for ever.
  server.timeout = options.stallTimeout ?? STALL_TIMEOUT;
  const { promise: listening, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  // Those that come at once wait for their turn here; beyond Node's own 511 they would hear nothing for seconds.
  server.listen({ host, port, backlog: MAX_CONNECTIONS }, resolve);
  await listening.catch((cause: unknown) => {
    throw new DataopsError("usage", `cannot listen on ${host}:${port}: ${messageOf(cause)}`, {
      hint: "choose another port (`PORT`), or end what uses this one",
      cause,
    });
  });
  server.on("error", (error) => options.reporter.warn(`the HTTP server: ${messageOf(error)}`));
  // eslint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on no pipe
  const { port: actual } = server.address() as AddressInfo;
  return {
    port: actual,
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise<void>((done) => void server.close(() => done()));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  routes: ReadonlyMap<string, Route>,
  options: ServerOptions,
): Promise<void> {
  // A body is of no use to anybody here.
  request.resume();
  response.on("error", () => undefined);
  const { status, type, body, headers } = await answer(request, routes, options);
  if (response.destroyed) return;
  response.writeHead(status, {
    ...ALWAYS,
    "Content-Type": type,
    "Content-Length": Buffer.byteLength(body),
    ...headers,
  });
  response.end(request.method === "HEAD" ? undefined : body);
}

async function answer(
  { method, url = "", headers }: IncomingMessage,
  routes: ReadonlyMap<string, Route>,
  { host, credentials, reporter, patience = PATIENCE }: ServerOptions,
): Promise<Answer> {
  if (isLoopback(host) && !isMeantForLoopback(headers.host)) return plain(421, "not meant for this address");
  const [path = ""] = url.split("?", 1);
  const route = routes.get(path);
  const isAllowed =
    route?.isOpen === true || credentials === undefined || mayEnter(headers.authorization, credentials);
  // Before anything else is told, so that nobody learns which paths there are.
  if (!isAllowed) return askForCredentials();
  if (route === undefined) return plain(404, "nothing is here");
  if (method !== "GET" && method !== "HEAD") return plain(405, "read only", { Allow: "GET, HEAD" });
  try {
    return await inTime(patience, (signal) => route.answer(signal));
  } catch (error) {
    reporter.warn(`${path} could not be answered: ${messageOf(error)}`);
    return plain(503, "not known at the moment", { "Retry-After": "30" });
  }
}

function askForCredentials(): Answer {
  return plain(401, "show a token or a password", {
    "WWW-Authenticate": 'Basic realm="dataops", charset="UTF-8"',
  });
}

function plain(status: number, text: string, headers?: Record<string, string>): Answer {
  const answer = { status, type: "text/plain; charset=utf-8", body: `${text}\n` };
  return headers === undefined ? answer : { ...answer, headers };
}
