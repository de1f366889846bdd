import { DataopsError } from "../../errors.ts";
import type { SentrySettings } from "../../config/config.ts";
import { DeliveryError } from "../delivery-error.ts";
import { factsOf, renderText } from "../message.ts";
import type { Notice } from "../notice.ts";
import { post } from "../post.ts";

/** Not a dependency of ours: who wants it installs it beside. */
const PACKAGE = "@sentry/node";

const LEVELS = {
  failure: "error",
  stale: "error",
  suspect: "warning",
  recovery: "info",
  test: "info",
} as const satisfies Record<Notice["event"], string>;

/** What is used of the package; it is not there where this is checked. */
interface SentryPackage {
  NodeClient: new (options: Record<string, unknown>) => {
    captureEvent(event: Record<string, unknown>): string;
    close(timeout: number): PromiseLike<boolean>;
  };
  createTransport: (
    options: unknown,
    makeRequest: (request: { body: string | Uint8Array }) => PromiseLike<{ statusCode?: number }>,
  ) => unknown;
  defaultStackParser: unknown;
}

/**
 * Makes an event in Sentry: the package builds it, and it goes out by our own request, with its bounds.
 *
 * Not by `Sentry.init`, which would listen to everything that happens in the process.
 *
 * @throws DataopsError `usage` where the package is not installed
 */
export async function sendToSentry(
  { dsn }: SentrySettings,
  notice: Notice,
  signal: AbortSignal,
): Promise<void> {
  const { NodeClient, createTransport, defaultStackParser } = await loadSentry();
  let sent: Promise<unknown> | undefined;
  const client = new NodeClient({
    dsn: dsn.reveal(),
    release: `dataops@${notice.dataopsVersion}`,
    serverName: notice.host,
    integrations: [],
    stackParser: defaultStackParser,
    sendClientReports: false,
    // The answer goes to the package where it is good, and what is wrong with it to us.
    transport: (options: { url: string; headers?: Record<string, string> }) =>
      createTransport(options, async ({ body }) => {
        sent = post({ url: options.url, headers: options.headers ?? {}, body }, signal);
        await sent.catch(() => undefined);
        return {};
      }),
  });
  client.captureEvent(sentryEvent(notice));
  // What it waits for is bounded by the signal.
  await client.close(0);
  if (sent === undefined)
    throw new DeliveryError("the event was not sent: see the DSN", { isTransient: false });
  await sent;
}

function sentryEvent(notice: Notice): Record<string, unknown> {
  const { event, job, subject, at } = notice;
  const title = job === undefined ? event : `${job.kind} ${job.name}`;
  return {
    level: LEVELS[event],
    message: `${subject}\n\n${renderText(notice)}`,
    timestamp: at / 1000,
    logger: "dataops",
    // All events of one job and kind are one issue.
    fingerprint: ["dataops", event, title],
    tags: { event, ...(job === undefined ? {} : { job: job.kind, name: job.name, database: job.database }) },
    extra: Object.fromEntries(factsOf(notice)),
  };
}

async function loadSentry(): Promise<SentryPackage> {
  // A specifier that is a constant would be resolved by whoever builds or checks this.
  const specifier: string = PACKAGE;
  try {
    // eslint-disable-next-line typescript/no-unsafe-type-assertion -- checked below, as far as it is used
    const loaded = (await import(specifier)) as SentryPackage;
    if (typeof loaded.NodeClient === "function" && typeof loaded.createTransport === "function")
      return loaded;
  } catch (error) {
    throw new DataopsError("usage", `the package ${PACKAGE} cannot be loaded`, {
      hint: `install it beside dataops: npm install ${PACKAGE}`,
      cause: error,
    });
  }
  throw new DataopsError("usage", `the package ${PACKAGE} is not one that dataops knows`, {
    hint: "install a version from 9 on",
  });
}
