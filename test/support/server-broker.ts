import { createServer, type IncomingMessage } from "node:http";
import { messageOf } from "../../src/errors.ts";
import { listen } from "./ports.ts";
import { startPostgresContainer } from "./postgres-container.ts";
import { startPostgres, type PostgresServerDescription, type PostgresVersion } from "./postgres-servers.ts";
import { SEARCH_ENGINES } from "./search-programs.ts";
import {
  externalSearch,
  type SearchDescription,
  type SearchEngineName,
  startSearch,
} from "./search-servers.ts";
import { ServerUnavailable } from "./server-unavailable.ts";

/** Starts servers on request, each once, and stops them all at the end. Tests run in other processes: they ask by HTTP. */
export interface ServerBroker {
  url: string;
  stop(): Promise<void>;
}

/** What an S3 server is to tests. */
export interface S3Description {
  endpoint: string;
  region: string;
  accessKeyId: string;
  secretAccessKey: string;
}

/** What the broker answers: the description asked for, or why there is none. */
export type BrokerAnswer<T> = { server: T } | { unavailable: string } | { failed: string };

interface Started {
  description: PostgresServerDescription | S3Description | SearchDescription;
  createBucket?: (name: string) => Promise<unknown>;
  stop(): Promise<unknown>;
}

export async function startServerBroker(): Promise<ServerBroker> {
  const started = new Map<string, Promise<Started>>();
  const answer = async (request: IncomingMessage): Promise<BrokerAnswer<unknown>> => {
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://broker");
    const name = pathname.slice(1);
    const starting = started.get(name) ?? startServer(name);
    started.set(name, starting);
    try {
      const server = await starting;
      const bucket = searchParams.get("bucket");
      if (bucket !== null) await server.createBucket?.(bucket);
      return { server: server.description };
    } catch (error) {
      const isMissing = error instanceof Error && error.name === ServerUnavailable.name;
      return isMissing ? { unavailable: error.message } : { failed: `${name}: ${messageOf(error)}` };
    }
  };

  const http = createServer((request, response) => {
    void answer(request).then((body) =>
      response.setHeader("content-type", "application/json").end(JSON.stringify(body)),
    );
  });
  const port = await listen(http);
  return {
    url: `http://127.0.0.1:${port}`,
    stop: async () => {
      http.closeAllConnections();
      http.close();
      const ends = await Promise.allSettled(started.values());
      const running = ends.filter((end) => end.status === "fulfilled");
      await Promise.all(running.map((end) => end.value.stop()));
    },
  };
}

async function startServer(name: string): Promise<Started> {
  const version = POSTGRES_NAMES[name];
  if (version !== undefined) return startSharedPostgres(version);
  const engine = SEARCH_ENGINES.find((one) => one === name);
  if (engine !== undefined) return startSharedSearch(engine);
  const { externalS3, startCeph, startFauxqs } = await import("./s3-servers.ts");
  if (name !== "ceph" && name !== "fauxqs") throw new Error("no server has this name");
  const server = await (name === "ceph" ? (externalS3(process.env) ?? startCeph()) : startFauxqs());
  const { endpoint, region, accessKeyId, secretAccessKey } = server;
  return {
    description: { endpoint, region, accessKeyId, secretAccessKey },
    createBucket: (bucket) => server.createBucket(bucket),
    stop: () => server.stop(),
  };
}

const POSTGRES_NAMES: Readonly<Record<string, PostgresVersion>> = {
  "postgres-15": 15,
  "postgres-16": 16,
  "postgres-18": 18,
  "postgres-embedded": "embedded",
};

async function startSharedSearch(name: SearchEngineName): Promise<Started> {
  const external = externalSearch(name, process.env);
  if (external !== undefined) return { description: external, stop: () => Promise.resolve() };
  const server = await startSearch(name);
  const { url, version, logFile } = server;
  return { description: { url, version, logFile }, stop: () => server.stop() };
}

async function startSharedPostgres(version: PostgresVersion): Promise<Started> {
  const external = externalServer(version);
  if (external !== undefined) return { description: external, stop: () => Promise.resolve() };
  const server = await startPostgres({ version }).catch((error: unknown) => {
    // What apt or pip installs comes with its client programs; a container does not.
    if (!(error instanceof ServerUnavailable) || version === "embedded") throw error;
    return startPostgresContainer(version, error);
  });
  return { description: server, stop: () => server.stop() };
}

/** `TEST_POSTGRES_15_URL` and the like, with a superuser; `TEST_POSTGRES_URL` stands for 15, the one most tests use. */
function externalServer(version: PostgresVersion): PostgresServerDescription | undefined {
  const url =
    process.env[`TEST_POSTGRES_${version}_URL`] ??
    (version === 15 ? process.env["TEST_POSTGRES_URL"] : undefined);
  if (url === undefined || url === "") return undefined;
  const { hostname, port, username, password } = new URL(url);
  return {
    version,
    host: hostname,
    port: Number(port || 5432),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    socketDirectory: undefined,
    logFile: undefined,
    programs: undefined,
  };
}
