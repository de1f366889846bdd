import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { startServer } from "../src/http/server.ts";
import { statusRoutes } from "../src/http/status-routes.ts";
import { silentReporter } from "../src/observe/reporter.ts";
import { version } from "../src/version.ts";
import { exampleStatuses } from "../test/support/page-status.ts";
import { NOW } from "../test/support/status-facts.ts";

/** Makes docs/images/status-page.png, from the status that the page's tests have. Needs Chromium: its path as the argument. */

const PICTURE = fileURLToPath(new URL("../docs/images/status-page.png", import.meta.url));

const [executablePath = "/usr/bin/chromium"] = process.argv.slice(2);
await using server = await startServer(
  statusRoutes({
    storage: "s3://acme-backups/dataops",
    version,
    now: () => NOW,
    onProblem: () => undefined,
    readStatus: async () => exampleStatuses(),
  }),
  { host: "127.0.0.1", port: 0, credentials: undefined, reporter: silentReporter },
);
await using browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
const page = await browser.newPage({ viewport: { width: 1000, height: 1150 }, timezoneId: "UTC" });
await page.goto(`http://127.0.0.1:${server.port}/`);
await page.screenshot({ path: PICTURE });
