import { Agent, createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import { listen } from "./ports.ts";

/** What a rule gets to see of a request to the S3 server. */
export interface ProxiedRequest {
  method: string;
  /** Path and query, as they were sent. */
  url: string;
  /** What the client wants, by its S3 name. */
  operation: Operation;
  headers: IncomingMessage["headers"];
  /** How many requests of this operation came, with this one. */
  count: number;
  /** Of UploadPart. */
  partNumber: number | undefined;
}

export type Operation =
  | "CreateMultipartUpload"
  | "UploadPart"
  | "CompleteMultipartUpload"
  | "AbortMultipartUpload"
  | "ListMultipartUploads"
  | "ListObjects"
  | "PutObject"
  | "GetObject"
  | "HeadObject"
  | "DeleteObject";

/** What the proxy does in place of passing the request on. */
export type Fault =
  /** Answers by itself, in S3's XML. With `status` 200 it is the error in a body that CompleteMultipartUpload knows. */
  | { kind: "answer"; status: number; code: string; message?: string }
  /** Breaks the connection after some bytes of the request's body. */
  | { kind: "reset-request"; afterBytes: number }
  /** Passes the request on, and breaks the connection after some bytes of the answer's body. */
  | { kind: "reset-answer"; afterBytes: number }
  /** Passes the request on, and falls silent after some bytes of the answer's body. */
  | { kind: "stall-answer"; afterBytes: number }
  /** Passes the request on and loses the answer. */
  | { kind: "lose-answer" }
  /** Never says a word. */
  | { kind: "stall" };

/** Undefined: the request passes on unchanged. */
export type FaultRule = (request: ProxiedRequest) => Fault | undefined;

export interface S3Proxy extends AsyncDisposable {
  endpoint: string;
  /** All requests that came, in their order. */
  requests: readonly ProxiedRequest[];
}

/**
 * Stands before an S3 server and does to its clients what networks and other vendors do. The Host header passes on
 * unchanged, since signatures cover it.
 */
export async function startS3Proxy(target: string, rule: FaultRule): Promise<S3Proxy> {
  const requests: ProxiedRequest[] = [];
  const agent = new Agent({ keepAlive: true });
  const server = createServer((incoming, outgoing) => {
    const seen = describeRequest(incoming, requests);
    requests.push(seen);
    const fault = rule(seen);
    if (fault?.kind === "answer") answer(incoming, outgoing, fault);
    else if (fault?.kind === "stall") incoming.resume();
    else if (fault?.kind === "reset-request") resetAfter(incoming, fault.afterBytes);
    else pass(incoming, outgoing, new URL(target), agent, fault);
  });
  const port = await listen(server);
  return {
    endpoint: `http://127.0.0.1:${port}`,
    requests,
    [Symbol.asyncDispose]: () => {
      agent.destroy();
      server.closeAllConnections();
      return new Promise((resolve) => void server.close(() => resolve()));
    },
  };
}

function describeRequest(incoming: IncomingMessage, before: readonly ProxiedRequest[]): ProxiedRequest {
  const { method = "", url = "", headers } = incoming;
  const operation = operationOf(method, new URL(url, "http://s3"));
  const partNumber = new URL(url, "http://s3").searchParams.get("partNumber");
  return {
    method,
    url,
    operation,
    headers,
    count: before.filter((earlier) => earlier.operation === operation).length + 1,
    partNumber: partNumber === null ? undefined : Number(partNumber),
  };
}

function operationOf(method: string, { pathname, searchParams }: URL): Operation {
  const isBucket = pathname.split("/").filter(Boolean).length < 2;
  if (isBucket) return searchParams.has("uploads") ? "ListMultipartUploads" : "ListObjects";
  const isUpload = searchParams.has("uploadId");
  switch (method) {
    case "POST":
      return isUpload ? "CompleteMultipartUpload" : "CreateMultipartUpload";
    case "PUT":
      return isUpload ? "UploadPart" : "PutObject";
    case "DELETE":
      return isUpload ? "AbortMultipartUpload" : "DeleteObject";
    case "HEAD":
      return "HeadObject";
    default:
      return "GetObject";
  }
}

/** After the whole request was read: otherwise the client would see a broken pipe in place of the answer. */
function answer(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { status, code, message = code }: Fault & { kind: "answer" },
): void {
  incoming.resume().once("end", () => {
    const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message></Error>`;
    outgoing.writeHead(status, { "content-type": "application/xml" }).end(body);
  });
}

function resetAfter(incoming: IncomingMessage, afterBytes: number): void {
  let received = 0;
  incoming.on("data", (chunk: Buffer) => {
    received += chunk.byteLength;
    if (received >= afterBytes) incoming.socket.resetAndDestroy();
  });
  incoming.once("end", () => incoming.socket.resetAndDestroy());
}

function pass(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  target: URL,
  agent: Agent,
  fault: Fault | undefined,
): void {
  // This server has told the client to continue, so the next must not be asked.
  const { expect: _expect, ...headers } = incoming.headers;
  const { method = "GET", url: path = "/" } = incoming;
  const onward = request({ host: target.hostname, port: target.port, method, path, headers, agent });
  onward.on("error", () => outgoing.destroy());
  onward.on("response", (response) => {
    if (fault?.kind === "lose-answer") {
      response.resume().once("end", () => incoming.socket.resetAndDestroy());
      return;
    }
    outgoing.writeHead(response.statusCode ?? 500, response.headers);
    if (fault?.kind !== "reset-answer" && fault?.kind !== "stall-answer") {
      response.pipe(outgoing);
      return;
    }
    let sent = 0;
    response.on("data", (chunk: Buffer) => {
      const rest = chunk.subarray(0, fault.afterBytes - sent);
      sent += rest.byteLength;
      // Destroyed once the bytes are on their way: those that arrive must be kept.
      const isEnough = sent >= fault.afterBytes && fault.kind === "reset-answer";
      outgoing.write(rest, () => isEnough && incoming.socket.destroy());
    });
  });
  outgoing.once("close", () => outgoing.writableFinished || onward.destroy());
  incoming.pipe(onward);
}
