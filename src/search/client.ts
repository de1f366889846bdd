import type { IncomingMessage } from "node:http";
import { Client, Connection, type ClientOptions } from "@opensearch-project/opensearch";
import { AwsSigv4Signer } from "@opensearch-project/opensearch/aws-v3";
import type { Secret } from "../config/secret.ts";
import { readAnswer } from "./answer-body.ts";
import type { AwsCredentialSource } from "./aws-credentials.ts";
import { unreachable } from "./connection-failure.ts";

/** How an engine knows us. */
export type Authentication =
  | { kind: "none" }
  | { kind: "basic"; username: string; password: Secret }
  | { kind: "sigv4"; region: string; service: "es" | "aoss"; credentials: AwsCredentialSource };

export interface ClientSettings {
  /** Without credentials. */
  url: string;
  authentication: Authentication;
  /** Certificates to trust, PEM; undefined: the system's. */
  certificates: string | undefined;
  /** Milliseconds to wait for a connection. */
  connectTimeout: number;
  /** Milliseconds without a byte in either direction after which a request has failed. */
  idleTimeout: number;
}

export interface HttpRequest {
  method: "GET" | "POST" | "PUT" | "DELETE";
  /** Its parts are encoded already: `/products/_count`. */
  path: string;
  query?: Readonly<Record<string, string>>;
  /** JSON, made of an object; NDJSON, as bytes. */
  body?: object | Uint8Array;
  /** Bytes; a longer answer is none. */
  maxAnswerBytes: number;
  signal: AbortSignal | undefined;
}

/** What came back, whatever its status. */
export interface HttpAnswer {
  status: number;
  headers: IncomingMessage["headers"];
  body: Buffer;
}

export interface SearchHttp {
  /**
   * One request, one try.
   *
   * @throws SearchError `unreachable` where no whole answer came; the signal's reason
   */
  request(request: HttpRequest): Promise<HttpAnswer>;
  close(): Promise<void>;
}

/** A request may take as many times its idle timeout in all. */
const WHOLE_REQUEST = 5;

/** HTTP to one search engine, through OpenSearch's client: signatures, TLS, connections that are kept. */
export function openSearchHttp(settings: ClientSettings): SearchHttp {
  const client = new Client(clientOptions(settings));
  return {
    request: async (request) => {
      request.signal?.throwIfAborted();
      const deadline = AbortSignal.timeout(settings.idleTimeout * WHOLE_REQUEST);
      const signal = request.signal === undefined ? deadline : AbortSignal.any([request.signal, deadline]);
      try {
        return await send(client, request, settings, signal);
      } catch (error) {
        request.signal?.throwIfAborted();
        throw unreachable(settings.url, deadline.aborted ? deadline.reason : error);
      }
    },
    close: () => client.close(),
  };
}

async function send(
  client: Client,
  { method, path, query, body, maxAnswerBytes }: HttpRequest,
  { idleTimeout }: ClientSettings,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  const content =
    body === undefined ? {} : body instanceof Uint8Array ? { bulkBody: asBuffer(body) } : { body };
  // As a stream: the client itself would gather an answer of any length.
  const pending = client.transport.request(
    { method, path, querystring: { ...query }, ...content },
    { asStream: true, maxRetries: 0, requestTimeout: idleTimeout },
  );
  const abort = (): void => {
    pending.abort();
  };
  signal.addEventListener("abort", abort, { once: true });
  try {
    const { statusCode, headers, body: stream } = await pending;
    const answer = await readAnswer(stream, { maxBytes: maxAnswerBytes, idleTimeout, signal });
    return { status: statusCode ?? 0, headers: headers ?? {}, body: answer };
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

function clientOptions(settings: ClientSettings): ClientOptions {
  const { url, authentication, certificates } = settings;
  const options: ClientOptions = {
    node: url,
    maxRetries: 0,
    // Of one node, there is none to turn to while it rests.
    resurrectStrategy: "none",
    ...(certificates === undefined ? {} : { ssl: { ca: certificates } }),
  };
  if (authentication.kind === "sigv4") {
    const { Transport, Connection: Signing } = signerFor(authentication);
    return { ...options, Transport, Connection: ownConnection(Signing, settings) };
  }
  const plain = { ...options, Connection: ownConnection(Connection, settings) };
  if (authentication.kind === "none") return plain;
  const { username, password } = authentication;
  return { ...plain, auth: { username, password: password.reveal() } };
}

function signerFor({
  region,
  service,
  credentials,
}: Authentication & { kind: "sigv4" }): ReturnType<typeof AwsSigv4Signer> {
  return AwsSigv4Signer({
    region,
    service,
    // The signer keeps credentials that name no end for ever: told that they end now, it asks each time, and the source remembers.
    getCredentials: async () => {
      const { sessionToken, ...keys } = await credentials.get();
      const token = sessionToken === undefined ? {} : { sessionToken };
      return { ...keys, ...token, expiration: new Date() };
    },
  });
}

/** The client's connection, with an end to waiting for one, and silent: the client's own prints late errors to stdout. */
function ownConnection(Base: typeof Connection, { url, connectTimeout }: ClientSettings): typeof Connection {
  return class extends Base {
    override request(
      ...[params, callback]: Parameters<Connection["request"]>
    ): ReturnType<Connection["request"]> {
      const request = super.request(params, (error, response) => {
        // Whoever reads the answer hears of an error by it.
        if (response !== null) request.removeAllListeners("error").on("error", () => undefined);
        callback(error, response);
      });
      request.once("socket", (socket) => {
        if (!socket.connecting) return;
        const late = new Error(`no connection within ${connectTimeout / 1000} s`);
        const timer = setTimeout(() => request.destroy(late), connectTimeout);
        const isSecure = url.startsWith("https:");
        socket.once(isSecure ? "secureConnect" : "connect", () => clearTimeout(timer));
        socket.once("close", () => clearTimeout(timer));
      });
      return request;
    }
  };
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
