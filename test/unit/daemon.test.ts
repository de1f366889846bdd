import { afterEach, beforeEach, expect, test } from "vitest";
import type { Config } from "../../src/config/config.ts";
import { runDaemon, type DaemonOptions } from "../../src/daemon.ts";
import { DataopsError } from "../../src/errors.ts";
import { commandContext } from "../support/command-context.ts";
import { recordingReporter } from "../support/restore-target.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

const HOURLY = "backup: { production: { schedule: '0 * * * *' } }\n";
const TAKEN = 81;

let end: AbortController;
let daemons: Promise<void>[];
beforeEach(() => {
  end = new AbortController();
  daemons = [];
});
afterEach(async () => {
  end.abort();
  await Promise.all(daemons);
});

async function configOf(text: string): Promise<Config> {
  const context = await commandContext(`storage: file:///tmp/none
databases: { production: { url: postgres://localhost/app, environment: production } }
${text}`);
  return await context.config();
}

interface Started {
  reporter: ReturnType<typeof recordingReporter>;
  /** Has the daemon read this configuration. */
  reload: (config: Promise<Config>) => void;
  /** The ports that are served now. */
  served: Set<number>;
}

async function start(first: Config): Promise<Started> {
  let current = Promise.resolve(first);
  let ask = (): void => undefined;
  const served = new Set<number>();
  const reporter = recordingReporter();
  const serve: DaemonOptions["serve"] = ({ http: { port } }) => {
    if (port === TAKEN) return Promise.reject(new DataopsError("usage", `port ${port} is taken`));
    served.add(port);
    return Promise.resolve({
      [Symbol.asyncDispose]: () => Promise.resolve(void served.delete(port)),
    });
  };
  daemons.push(
    runDaemon({
      loadConfig: () => current,
      runJob: () => Promise.resolve(),
      watch: () => Promise.resolve(),
      serve,
      onReload: (listener) => {
        ask = listener;
        return { [Symbol.dispose]: () => undefined };
      },
      reporter,
      clock: new VirtualClock("2026-11-21T00:30:00Z"),
      random: () => 0,
      signal: end.signal,
    }),
  );
  await expect.poll(() => served.size).toBe(1);
  const reload = (config: Promise<Config>): void => {
    current = config;
    ask();
  };
  return { reporter, reload, served };
}

test("a new configuration is served in the place of the old one", async () => {
  const { reload, served } = await start(await configOf(`${HOURLY}http: { port: 80 }`));
  reload(configOf(`${HOURLY}http: { port: 82 }`));
  await expect.poll(() => [...served]).toEqual([82]);
});

test("where the new one cannot be served, the old one is", async () => {
  const { reload, served, reporter } = await start(await configOf(`${HOURLY}http: { port: 80 }`));
  reload(configOf(`${HOURLY}http: { port: ${TAKEN} }`));
  await expect.poll(() => reporter.said).toContain(`the page is served as before: port ${TAKEN} is taken`);
  expect([...served]).toEqual([80]);
});

test("a configuration in which nothing is scheduled is refused", async () => {
  const { reload, served, reporter } = await start(await configOf(`${HOURLY}http: { port: 80 }`));
  reload(configOf("http: { port: 82 }"));
  await expect
    .poll(() => reporter.said)
    .toContainEqual(expect.stringMatching(/^the new configuration is refused, .*nothing is scheduled/));
  expect([...served]).toEqual([80]);
});
