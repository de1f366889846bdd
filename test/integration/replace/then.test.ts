import { createServer } from "node:http";
import { describe, expect, onTestFinished } from "vitest";
import type { ThenJob } from "../../../src/config/then.ts";
import { readThenJob } from "../../../src/config/then.ts";
import { runThen } from "../../../src/replace/then/run-then.ts";
import { listen } from "../../support/ports.ts";
import { test, type TestDatabase } from "../../support/postgres-test.ts";
import { recordingReporter } from "../../support/restore-target.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { NOTHING } from "../../support/known-value.ts";

interface Told {
  failures: string[];
  said: string[];
  indexes: string[];
}

async function run(
  database: TestDatabase,
  jobs: readonly ThenJob[],
  signal = new AbortController().signal,
): Promise<Told> {
  const reporter = recordingReporter();
  const indexes: string[] = [];
  const failures = await runThen(jobs, {
    reporter,
    signal,
    environment: { PATH: `${database.server.programs}:${process.env["PATH"]}`, PGDATABASE: "production" },
    folder: await temporaryFolder("then"),
    connection: database.settings,
    event: { job: "seed", target: "staging" },
    reindex: (index) => {
      indexes.push(index);
      return index === "broken" ? Promise.reject(new Error("no such index")) : Promise.resolve();
    },
  });
  return { failures, said: reporter.said, indexes };
}

/** A webhook that answers with this status, or not at all. */
async function webhook(
  status: number | undefined,
  location?: string,
): Promise<{ url: string; bodies: unknown[] }> {
  const bodies: unknown[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      bodies.push(JSON.parse(Buffer.concat(chunks).toString()));
      if (status !== undefined)
        response.writeHead(status, location === undefined ? {} : { location }).end("secret answer");
    });
  });
  const port = await listen(server);
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${port}/hook/s3ntinel`, bodies };
}

function job(webhookUrl: string, environment: Record<string, string> = {}): ThenJob {
  return readThenJob(
    { webhook: webhookUrl },
    {
      ...NOTHING,
      origin: "seed.staging.then[0]",
      environment,
    },
  );
}

describe("what follows", () => {
  test("runs in order, and goes on after what fails", async ({ database }) => {
    const { url, bodies } = await webhook(204);
    const told = await run(database, [
      { reindex: "products" },
      { command: ["sh", "-c", "echo no; exit 3", "secret argument"] },
      { reindex: "broken" },
      { command: ["sh", "-c", 'psql -Atc "SELECT current_database()"'] },
      job("${HOOK}", { HOOK: url }),
    ]);
    expect(told.failures).toEqual(["sh failed (exit code 3): no", "reindex broken: no such index"]);
    expect(told.indexes).toEqual(["products", "broken"]);
    expect(told.said).toContain(database.name);
    expect(bodies).toEqual([{ job: "seed", target: "staging" }]);
    expect(JSON.stringify(told)).not.toMatch(/s3ntinel|secret/);
  });

  test.for<[string, () => Promise<string> | string, string]>([
    ["that fails", async () => (await webhook(500)).url, "webhook: it answered with status 500"],
    ["that is not there", () => "http://127.0.0.1:1/s3ntinel", "webhook: it could not be reached"],
    ["that is no URL", () => "s3ntinel", "seed.staging.then[0]: what it holds is no http(s) URL"],
    [
      "whose variable is not set",
      () => "${S3NTINEL}",
      "seed.staging.then[0]: the variable S3NTINEL is not set",
    ],
  ])("says of a webhook %s no more than that", async ([, make, says], { database }) => {
    const told = await run(database, [job(await make())]);
    expect(told.failures).toEqual([expect.stringContaining(says)]);
    expect(JSON.stringify(told)).not.toMatch(/s3ntinel|secret/);
  });

  test("follows no webhook elsewhere", async ({ database }) => {
    const elsewhere = await webhook(200);
    const { url } = await webhook(307, elsewhere.url);
    const told = await run(database, [job(url)]);
    expect(told.failures).toEqual(["webhook: it could not be reached"]);
    expect(elsewhere.bodies).toEqual([]);
  });

  test("ends where it is told to, though a webhook hangs", async ({ database }) => {
    const { url, bodies } = await webhook(undefined);
    const controller = new AbortController();
    const ended = run(database, [job(url)], controller.signal).catch((error: unknown) => error);
    await expect.poll(() => bodies).toHaveLength(1);
    controller.abort(new Error("told to end"));
    expect(await ended).toMatchObject({ message: "told to end" });
  });
});
