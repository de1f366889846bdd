import { createServer, type IncomingHttpHeaders, type RequestListener, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { listen } from "./ports.ts";

/** What somebody sent. */
export interface Received {
  method: string;
  /** Path and query. */
  url: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** How a receiver answers; the number counts its requests from 1. */
export type Answer = (response: ServerResponse, count: number) => void;

export interface HttpReceiver extends AsyncDisposable {
  origin: string;
  received: readonly Received[];
  /** Connections that are open now. */
  connections(): Promise<number>;
}

export function answerOk(response: ServerResponse): void {
  response.end("ok");
}

export function answerWith(status: number, body = "", headers: Record<string, string> = {}): Answer {
  return (response) => void response.writeHead(status, headers).end(body);
}

/** Takes everything, and never says a word. */
export function hang(): void {}

export function reset(response: ServerResponse): void {
  response.socket?.resetAndDestroy();
}

/** An answer whose text never ends, as fast as it goes. */
export function answerEndlessly(status: number): Answer {
  return (response) => {
    response.writeHead(status);
    pour(response);
  };
}

/** An answer of which a byte comes now and then, and never the last one. */
export function drip(response: ServerResponse): void {
  response.writeHead(500);
  const timer = setInterval(() => response.write("x"), 20);
  response.once("close", () => clearInterval(timer));
}

/** Listens on this machine, writes down what comes, and answers as it is told. */
export async function startReceiver(
  answer: Answer,
  tls?: { key: Buffer; cert: Buffer },
): Promise<HttpReceiver> {
  const received: Received[] = [];
  const listener: RequestListener = (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("error", () => undefined);
    request.on("end", () => {
      const { method = "", url = "", headers } = request;
      received.push({ method, url, headers, body: Buffer.concat(chunks).toString("utf8") });
      answer(response, received.length);
    });
  };
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  const port = await listen(server);
  return {
    origin: `${tls === undefined ? "http" : "https"}://${tls === undefined ? "127.0.0.1" : "localhost"}:${port}`,
    received,
    connections: () =>
      new Promise((resolve, reject) => {
        server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
      }),
    [Symbol.asyncDispose]: () => {
      server.closeAllConnections();
      return new Promise((resolve) => void server.close(() => resolve()));
    },
  };
}

function pour(response: ServerResponse): void {
  const chunk = Buffer.alloc(64 * 1024, "x");
  const more = (): void => {
    while (!response.destroyed && response.write(chunk));
  };
  response.on("drain", more);
  more();
}
