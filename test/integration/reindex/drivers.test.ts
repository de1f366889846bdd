import { createServer, type IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, onTestFinished } from "vitest";
import { DataopsError, isDataopsError } from "../../../src/errors.ts";
import { silentReporter } from "../../../src/observe/reporter.ts";
import { reindexByCommand } from "../../../src/reindex/drivers/command.ts";
import { reindexByWebhook } from "../../../src/reindex/drivers/webhook.ts";
import { listen } from "../../support/ports.ts";
import { test } from "../../support/postgres-test.ts";

const RUN = { id: "20261121T040000Z-k3v9qa", signal: new AbortController().signal };

interface Answer {
  status: number;
  headers?: Record<string, string>;
}

/** An application that answers as it is told, and remembers what it was asked. */
async function application(answers: Answer[]): Promise<{ url: string; asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((request: IncomingMessage, response) => {
    void (async () => {
      asked.push(`${request.method} ${request.url} ${await text(request)}`);
      const answer = answers.shift();
      // Without one it never answers.
      if (answer !== undefined) response.writeHead(answer.status, answer.headers).end("some body");
    })();
  });
  const port = await listen(server);
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => void server.close(resolve));
  });
  return { url: `http://127.0.0.1:${port}/hook?token=secret`, asked };
}

describe("the webhook driver", () => {
  const request = { run: RUN, alias: "products", timeout: 20_000, pollInterval: 10 };

  test("asks once, and again where it is told to, until it is over", async () => {
    const { url, asked } = await application([
      { status: 202, headers: { location: "/jobs/7" } },
      { status: 202 },
      { status: 204 },
    ]);
    await reindexByWebhook({ ...request, url });
    expect(asked).toEqual([
      `POST /hook?token=secret {"index":"products","run":"${RUN.id}"}`,
      "GET /jobs/7 ",
      "GET /jobs/7 ",
    ]);
  });

  test.for<[string, Answer[]]>([
    ["answered 500", [{ status: 500 }]],
    ["answered 404", [{ status: 202, headers: { location: "/jobs/7" } }, { status: 404 }]],
    ["names another server", [{ status: 202, headers: { location: "http://169.254.169.254/" } }]],
    ["was not done after 0.3 s", []],
  ])("fails where it %s, without showing the URL", async ([message, answers]) => {
    const { url } = await application(answers);
    await expect(reindexByWebhook({ ...request, url, timeout: 300 })).rejects.toSatisfy(
      (error) =>
        isDataopsError(error, "reindexFailed") &&
        error.message.includes(message) &&
        !error.message.includes("secret"),
    );
  });

  test("is not reached where nobody listens, and follows no redirection", async () => {
    await expect(reindexByWebhook({ ...request, url: "http://127.0.0.1:1/?token=secret" })).rejects.toSatisfy(
      (error) => isDataopsError(error, "unreachable") && !error.message.includes("secret"),
    );
    const { url, asked } = await application([{ status: 302, headers: { location: "/elsewhere" } }]);
    await expect(reindexByWebhook({ ...request, url })).rejects.toSatisfy((error) =>
      isDataopsError(error, "unreachable"),
    );
    expect(asked).toHaveLength(1);
  });
});

describe("the command driver", () => {
  test("runs a program that finds the database and the index's name", async ({ database }) => {
    const lines: string[] = [];
    const script = `console.log(process.env.DATAOPS_INDEX, process.env.DATAOPS_RUN, new URL(process.env.DATABASE_URL).pathname, process.env.PGDATABASE)`;
    const request = commandRequest(database.settings, ["-e", script]);
    await reindexByCommand({
      ...request,
      reporter: { ...silentReporter, info: (line) => void lines.push(line) },
    });
    expect(lines).toEqual([`products ${RUN.id} /${database.name} ${database.name}`]);
  });

  test("fails with its last line where it fails, and where it takes too long", async ({ database }) => {
    const failing = commandRequest(database.settings, ["-e", "console.error('no engine'); process.exit(3)"]);
    await expect(reindexByCommand(failing)).rejects.toSatisfy(
      (error) => isDataopsError(error, "reindexFailed") && error.message.includes("(exit code 3): no engine"),
    );
    const slow = commandRequest(database.settings, ["-e", "setInterval(() => {}, 1000)"]);
    await expect(reindexByCommand({ ...slow, timeout: 300 })).rejects.toSatisfy(
      (error) => isDataopsError(error, "reindexFailed") && error.message.includes("ended after 0.3 s"),
    );
  });

  test("ends with the run", async ({ database }) => {
    const ending = new AbortController();
    const request = commandRequest(database.settings, [
      "-e",
      "console.log('works'); setInterval(() => {}, 1000)",
    ]);
    const running = reindexByCommand({
      ...request,
      run: { ...RUN, signal: ending.signal },
      reporter: {
        ...silentReporter,
        info: () => ending.abort(new DataopsError("terminated", "it was ended")),
      },
    });
    await expect(Promise.race([running, sleep(20_000)])).rejects.toSatisfy((error) =>
      isDataopsError(error, "terminated"),
    );
  });
});

function commandRequest(
  connection: Parameters<typeof reindexByCommand>[0]["connection"],
  args: readonly string[],
): Parameters<typeof reindexByCommand>[0] {
  return {
    run: RUN,
    alias: "products",
    command: [process.execPath, ...args],
    timeout: 20_000,
    folder: "/",
    connection,
    environment: { PATH: process.env["PATH"] },
    reporter: silentReporter,
  };
}
