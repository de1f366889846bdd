import { Agent, createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import { listen } from "./ports.ts";

/** What a rule gets to see of a request to the search engine. */
export interface SearchProxied {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: IncomingMessage["headers"];
  body: Buffer;
  /** How many requests of this method and path came, with this one. */
  count: number;
}

/** What the proxy does in place of passing the request on. */
export type SearchFault =
  /** Answers by itself. */
  | { kind: "answer"; status: number; body: object | string; headers?: Record<string, string> }
  /** Breaks the connection without a word. */
  | { kind: "reset" }
  /** Passes the request on, and breaks the connection after some bytes of the answer's body. */
  | { kind: "reset-answer"; afterBytes: number }
  /** Passes the request on, and falls silent after some bytes of the answer's body. */
  | { kind: "stall-answer"; afterBytes: number }
  /** Answers for ever. */
  | { kind: "endless" }
  /** Never says a word. */
  | { kind: "stall" };

/** Undefined: the request passes on unchanged. */
export type SearchFaultRule = (
  request: SearchProxied,
) => SearchFault | undefined | Promise<SearchFault | undefined>;

export interface SearchProxy extends AsyncDisposable {
  url: string;
  /** All requests that came, in their order. */
  requests: readonly SearchProxied[];
  /** Bytes of endless answers that were sent. */
  readonly bytesSent: number;
}

/** Stands before a real search engine and does to its clients what networks, gateways and full engines do. */
export async function startSearchProxy(target: string, rule: SearchFaultRule): Promise<SearchProxy> {
  const requests: SearchProxied[] = [];
  const agent = new Agent({ keepAlive: true });
  let bytesSent = 0;

  const handle = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
    const { method = "GET", url = "/", headers } = incoming;
    const { pathname: path, searchParams: query } = new URL(url, "http://search");
    const count = requests.filter((one) => one.method === method && one.path === path).length + 1;
    const seen = { method, path, query, headers, body: Buffer.concat(chunks), count };
    requests.push(seen);
    const fault = await rule(seen);
    switch (fault?.kind) {
      case "answer": {
        const isText = typeof fault.body === "string";
        const type = isText ? "text/html" : "application/json";
        outgoing.writeHead(fault.status, { "content-type": type, ...fault.headers });
        outgoing.end(isText ? fault.body : JSON.stringify(fault.body));
        return;
      }
      case "reset":
        incoming.socket.resetAndDestroy();
        return;
      case "stall":
        return;
      case "endless":
        outgoing.writeHead(200, { "content-type": "application/json" });
        sendForever(outgoing);
        return;
      default:
        pass(seen, url, outgoing, fault);
    }
  };

  const sendForever = (outgoing: ServerResponse): void => {
    const chunk = Buffer.alloc(64 * 1024, " ");
    const send = (): void => {
      while (!outgoing.destroyed) {
        bytesSent += chunk.byteLength;
        if (!outgoing.write(chunk)) {
          outgoing.once("drain", send);
          return;
        }
      }
    };
    send();
  };

  const pass = (
    { method, headers, body }: SearchProxied,
    path: string,
    outgoing: ServerResponse,
    fault: (SearchFault & { afterBytes: number }) | undefined,
  ): void => {
    const { hostname: host, port } = new URL(target);
    const { authorization: _authorization, ...others } = headers;
    const onward = request({ host, port, method, path, headers: others, agent });
    onward.on("error", () => outgoing.destroy());
    onward.on("response", (response) => {
      outgoing.writeHead(response.statusCode ?? 500, response.headers);
      if (fault === undefined) {
        response.pipe(outgoing);
        return;
      }
      let sent = 0;
      response.on("data", (chunk: Buffer) => {
        const rest = chunk.subarray(0, fault.afterBytes - sent);
        sent += rest.byteLength;
        const isEnough = sent >= fault.afterBytes && fault.kind === "reset-answer";
        outgoing.write(rest, () => isEnough && outgoing.socket?.resetAndDestroy());
      });
    });
    onward.end(body);
  };

  const server = createServer((incoming, outgoing) => {
    handle(incoming, outgoing).catch(() => outgoing.destroy());
  });
  const port = await listen(server);
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    get bytesSent() {
      return bytesSent;
    },
    [Symbol.asyncDispose]: () => {
      agent.destroy();
      server.closeAllConnections();
      return new Promise((resolve) => void server.close(() => resolve()));
    },
  };
}
