import { readFile } from "node:fs/promises";
import type { SearchConfig, SearchConnection } from "../config/config.ts";
import { DataopsError, messageOf } from "../errors.ts";
import type { Reporter } from "../observe/reporter.ts";
import { DEFAULT_BACKOFF } from "./backoff.ts";
import type { Authentication } from "./client.ts";
import { DEFAULT_ATTEMPTS, retrying } from "./retrying.ts";
import type { SearchEngine } from "./search-engine.ts";

const CONNECT_TIMEOUT = 10_000;
/** A bulk request of an engine that merges segments may be without a byte for long. */
const IDLE_TIMEOUT = 120_000;

export interface OpenSearchOptions {
  /** Told of each try that is made again. */
  reporter?: Reporter | undefined;
  /** How often a request is tried in all; about a minute of it by default. */
  attempts?: number | undefined;
  /** Ends the wait for secrets that it needs. */
  signal?: AbortSignal | undefined;
}

/**
 * Opens a configured search engine, with retries. No request is made yet.
 *
 * @throws DataopsError `usage` where a variable that it needs is not set, or the file of its certificates cannot be read; what
 *   `SecretSource.read` throws
 */
export async function openSearchEngine(
  config: SearchConfig,
  { reporter, signal, attempts = DEFAULT_ATTEMPTS }: OpenSearchOptions = {},
): Promise<SearchEngine> {
  const { url, authentication, certificateFile } = await config.connection.resolve(signal);
  // Loaded only when needed: most commands never search.
  const [{ openSearchHttp }, { makeSearchEngine }] = await Promise.all([
    import("./client.ts"),
    import("./engine.ts"),
  ]);
  const certificates = certificateFile === undefined ? undefined : await readCertificates(certificateFile);
  const known = await withCredentials(authentication);
  const http = openSearchHttp({
    url,
    authentication: known,
    certificates,
    connectTimeout: CONNECT_TIMEOUT,
    idleTimeout: IDLE_TIMEOUT,
  });
  const engine = makeSearchEngine({
    url,
    http,
    isServerless: authentication.kind === "sigv4" && authentication.service === "aoss",
    onExpired: () => {
      if (known.kind === "sigv4") known.credentials.forget();
    },
  });
  return retrying(engine, { backoff: DEFAULT_BACKOFF, attempts, reporter });
}

async function withCredentials(authentication: SearchConnection["authentication"]): Promise<Authentication> {
  if (authentication.kind !== "sigv4") return authentication;
  const { awsCredentialChain } = await import("./aws-credentials.ts");
  return { ...authentication, credentials: awsCredentialChain() };
}

async function readCertificates(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new DataopsError("usage", `cannot read the certificates in ${file}: ${messageOf(error)}`, {
      hint: "correct search.<name>.ca: a PEM file with the certificates to trust",
      cause: error,
    });
  }
}
