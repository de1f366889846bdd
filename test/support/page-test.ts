import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { chromium, type Browser, type BrowserContextOptions, type Page } from "playwright-core";
import { test as base } from "vitest";
import { startServer, type ServerOptions } from "../../src/http/server.ts";
import { statusRoutes } from "../../src/http/status-routes.ts";
import { silentReporter } from "../../src/observe/reporter.ts";
import type { DatabaseStatus } from "../../src/status/read-status.ts";
import { requirePrograms } from "./debian.ts";
import { exampleStatuses } from "./page-status.ts";
import { ServerUnavailable } from "./server-unavailable.ts";
import { NOW } from "./status-facts.ts";

/** Debian's name for it, and that of others. */
const PROGRAM = "chromium";

/** A status page in a browser of its own. */
export interface OpenPage {
  page: Page;
  origin: string;
  /** What the next look finds; an error is thrown. */
  found: { statuses: readonly DatabaseStatus[] | Error };
  /** What the browser had to complain about, and what was asked of anybody but the server. */
  complaints: string[];
  /** Ends the server. */
  close: () => Promise<void>;
}

export interface OpenOptions {
  statuses?: readonly DatabaseStatus[] | Error;
  browser?: BrowserContextOptions;
  credentials?: ServerOptions["credentials"];
}

interface Fixtures {
  /** One for all tests of a file. */
  browser: Browser | ServerUnavailable;
  /** Serves a status page, and opens it. */
  open: (options?: OpenOptions) => Promise<OpenPage>;
}

/** Vitest's `test` with a browser. Where there is none, the test is skipped, loudly; in CI it fails. */
export const test = base.extend<Fixtures>({
  browser: [
    // eslint-disable-next-line no-empty-pattern -- Vitest wants one
    async ({}, use) => {
      const browser = await launch();
      await use(browser);
      if (!(browser instanceof ServerUnavailable)) await browser.close();
    },
    { scope: "file" },
  ],
  open: async ({ browser, skip }, use) => {
    if (browser instanceof ServerUnavailable) {
      if (process.env["CI"] === "true") throw browser;
      process.stderr.write(`SKIPPED: ${browser.message}\n`);
      skip(browser.message);
      return;
    }
    await using stack = new AsyncDisposableStack();
    await use((options = {}) => openPage(browser, options, stack));
  },
});

async function launch(): Promise<Browser | ServerUnavailable> {
  try {
    await requirePrograms("Chromium", [PROGRAM], [PROGRAM]);
  } catch (error) {
    if (error instanceof ServerUnavailable) return error;
    throw error;
  }
  // It shows our own pages only, and root has no sandbox.
  return chromium.launch({ executablePath: await findProgram(), args: ["--no-sandbox"] });
}

async function findProgram(): Promise<string> {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    const path = join(folder, PROGRAM);
    const isThere = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return path;
  }
  throw new Error(`${PROGRAM} was there a moment ago`);
}

async function openPage(
  browser: Browser,
  { statuses = exampleStatuses(), credentials, browser: contextOptions }: OpenOptions,
  stack: AsyncDisposableStack,
): Promise<OpenPage> {
  const found: OpenPage["found"] = { statuses };
  const routes = statusRoutes({
    storage: "s3://acme-backups/dataops",
    version: "0.1.0",
    now: () => NOW,
    keep: 0,
    onProblem: () => undefined,
    readStatus: async () => {
      if (found.statuses instanceof Error) throw found.statuses;
      return found.statuses;
    },
  });
  const server = stack.use(
    await startServer(routes, { host: "127.0.0.1", port: 0, credentials, reporter: silentReporter }),
  );
  const context = await browser.newContext({
    timezoneId: "Europe/Berlin",
    viewport: { width: 1280, height: 800 },
    ...contextOptions,
  });
  stack.defer(() => context.close());
  const page = await context.newPage();
  const origin = `http://127.0.0.1:${server.port}`;
  const complaints: string[] = [];
  page.on("console", (message) => complaints.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("dialog", (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(`${origin}/`) && !url.startsWith("data:")) complaints.push(`asked ${url}`);
  });
  await page.clock.install({ time: NOW });
  await page.goto(`${origin}/`);
  return { page, origin, found, complaints, close: async () => server[Symbol.asyncDispose]() };
}
