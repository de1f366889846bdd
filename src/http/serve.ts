import type { Config } from "../config/config.ts";
import { requireStorage } from "../config/select.ts";
import type { Reporter } from "../observe/reporter.ts";
import { scheduledJobs } from "../schedule/scheduled-jobs.ts";
import { isBackedUp, readStatus } from "../status/read-status.ts";
import { openStorage } from "../storage/open.ts";
import { version } from "../version.ts";
import { heartbeatRoutes } from "./heartbeat.ts";
import { problemLog } from "./problem-log.ts";
import { databaseCheck, searchCheck, storageCheck } from "./reachability.ts";
import { startServer, type HttpServer } from "./server.ts";
import { RUNS_SHOWN, statusRoutes } from "./status-routes.ts";
import { versionDocument } from "./version-document.ts";

export interface ServeOptions {
  reporter: Reporter;
  /** The current time in milliseconds since the epoch. */
  now: () => number;
  /** Ends the wait for secrets that it needs. */
  signal?: AbortSignal | undefined;
}

/**
 * Serves all that a configuration says until it is disposed of, from a storage connection of its own.
 *
 * @throws DataopsError `usage` where there is no storage, the address is taken, or others reach it and nothing is asked of them
 */
export async function serve(config: Config, options: ServeOptions): Promise<HttpServer> {
  const { reporter, now } = options;
  await using stack = new AsyncDisposableStack();
  const storage = await openStorage(requireStorage(config));
  stack.defer(() => storage.close());
  const onProblem = problemLog(reporter, now);
  const searches = watchedSearches(config).map((check) => stack.use(check));
  const names = Object.keys(config.databases);
  const routes = [
    ...heartbeatRoutes({
      checks: [storageCheck(storage), ...watchedDatabases(config).map(databaseCheck), ...searches],
      version: versionDocument(),
      now,
      onProblem,
    }),
    ...statusRoutes({
      storage: storage.url,
      version,
      now,
      onProblem: (error) => onProblem("the status", error),
      readStatus: (at, signal) => readStatus(storage, config, names, at, { signal, runsPerJob: RUNS_SHOWN }),
    }),
  ];
  const { host, port } = config.http;
  const credentials = await config.http.credentials?.resolve(options.signal);
  const server = await startServer(routes, { host, port, credentials, reporter });
  stack.use(server);
  const owned = stack.move();
  return { port: server.port, [Symbol.asyncDispose]: async () => owned.disposeAsync() };
}

/** Those that jobs of this machine need. A laptop's own is none of them. */
function watchedDatabases(config: Config): Config["databases"][string][] {
  const scheduled = new Set(scheduledJobs(config).map(({ job }) => job.database));
  return Object.values(config.databases).filter(
    ({ name }) => scheduled.has(name) || isBackedUp(config, name),
  );
}

/** Every search engine of the configuration, each asked for an index of its own where there is one. */
function watchedSearches({ search, indexes }: Config): ReturnType<typeof searchCheck>[] {
  return Object.values(search).map((engine) => {
    const [index] = Object.entries(indexes).find(([, one]) => one.search === engine.name) ?? [];
    return searchCheck(engine, index);
  });
}
