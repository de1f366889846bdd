import { StatsD } from "hot-shots";
import type { Environment } from "../config/environment.ts";
import { messageOf } from "../errors.ts";
import { inTime } from "../in-time.ts";
import type { Reporter } from "../observe/reporter.ts";
import type { RunRecord } from "../repository/run-record.ts";

/** Looks on at runs, and sends what they come to. Never throws, and is never long. */
export interface RunMeter {
  started(record: RunRecord): Promise<void>;
  /** Fulfilled when the packets are on their way: a program may end right after it. */
  ended(record: RunRecord): Promise<void>;
}

const DEFAULT_PORT = 8125;

/** Milliseconds: for finding the host's address, above all. */
const PATIENCE = 1_000;

/**
 * Sends each run's end to StatsD by UDP, with tags as DogStatsD, Telegraf and CloudWatch's agent read them; undefined where no
 * `STATSD_HOST` is set. What goes wrong is a warning, and changes nothing about the run.
 */
export function statsdMeter(
  environment: Environment,
  reporter: Pick<Reporter, "warn">,
): RunMeter | undefined {
  const host = environment["STATSD_HOST"] ?? "";
  if (host === "") return undefined;
  const port = portIn(environment["STATSD_PORT"] ?? "");
  if (port === undefined) {
    reporter.warn("STATSD_PORT is no port: nothing is sent to StatsD");
    return undefined;
  }
  return {
    started: () => Promise.resolve(),
    async ended(record) {
      try {
        await inTime(PATIENCE, () => send({ host, port }, record));
      } catch (error) {
        reporter.warn(`the run's end could not be sent to StatsD: ${messageOf(error)}`);
      }
    },
  };
}

function portIn(text: string): number | undefined {
  if (text === "") return DEFAULT_PORT;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65_535 ? port : undefined;
}

/** A socket for each run: runs are rare, and the host's address may change between them. */
async function send(
  target: { host: string; port: number },
  { job, name, state, exit, started, ended }: RunRecord,
): Promise<void> {
  const client = new StatsD({
    ...target,
    prefix: "dataops.",
    // Fields that StatsD itself does not know.
    originDetection: false,
    closingFlushInterval: 5,
    errorHandler: () => undefined,
  });
  const tags = { job, name, state: state === "done" && exit === "warnings" ? "warnings" : state };
  const duration = ended === null ? undefined : Date.parse(ended) - Date.parse(started);
  try {
    await Promise.all([
      settled((done) => client.increment("run.ended", 1, tags, done)),
      ...(duration === undefined
        ? []
        : [settled((done) => client.timing("run.duration", duration, tags, done))]),
    ]);
  } finally {
    await settled((done) => client.close(done)).catch(() => undefined);
  }
}

function settled(work: (done: (error?: Error) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    work((error) => {
      if (error === undefined || error === null) resolve();
      else reject(error);
    });
  });
}
