import { describe, expect, test } from "vitest";
import type { ChannelConfig } from "../../../src/config/config.ts";
import { createNotifier } from "../../../src/notices/notifier.ts";
import type { Patience } from "../../../src/notices/deliver.ts";
import { redactor } from "../../../src/notices/redact.ts";
import { jobNotifier } from "../../../src/commands/job-notifier.ts";
import { runKey } from "../../../src/repository/keys.ts";
import { serializeRun } from "../../../src/repository/run-record.ts";
import { openFileStorage } from "../../../src/storage/file.ts";
import { loadText } from "../../support/config-file.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import {
  answerEndlessly,
  answerOk,
  answerWith,
  hang,
  reset,
  startReceiver,
  type Answer,
  type HttpReceiver,
} from "../../support/http-receiver.ts";
import { AUTHOR, channelTo, LONG, pingTo, SHORT, slackTo, webhookTo } from "../../support/notice-channels.ts";
import { failedRun, runRecord } from "../../support/run-records.ts";
import { JOB, NEVER, watch } from "../../support/watched-notifier.ts";

/** What a webhook was told: the subjects. */
function subjectsOf({ received }: HttpReceiver): string[] {
  return received.map(({ body }) => {
    const document: unknown = JSON.parse(body);
    return typeof document === "object" && document !== null && "subject" in document
      ? String(document.subject)
      : body;
  });
}

test("failures, their recovery and suspects are told, each once; good runs are not", async () => {
  await using receiver = await startReceiver(answerOk);
  const { run, warnings } = watch([webhookTo(receiver.origin)]);
  await run(runRecord("2026-11-21T00:00:00Z"));
  await run(failedRun("2026-11-21T04:00:00Z"));
  await run(failedRun("2026-11-21T08:00:00Z"));
  await run(runRecord("2026-11-21T12:00:00Z"));
  await run(runRecord("2026-11-21T16:00:00Z"));
  await run(
    runRecord("2026-11-21T20:00:00Z", { exit: "warnings", result: { suspect: "half of the rows are gone" } }),
  );
  await run(runRecord("2026-11-22T00:00:00Z", { state: "lost", exit: null, ended: null }));
  expect(subjectsOf(receiver)).toEqual([
    "backup production failed on ip-10-0-1-7",
    "backup production works again on ip-10-0-1-7",
    "backup production made a suspect backup on ip-10-0-1-7",
    "backup production was lost on ip-10-0-1-7",
  ]);
  expect(warnings).toEqual([]);
});

test("a webhook's document of a failure, whole", async () => {
  await using receiver = await startReceiver(answerOk);
  const { run } = watch([webhookTo(receiver.origin)]);
  await run(failedRun("2026-11-21T00:00:00Z", { exit: "failed", message: "a table is locked" }));
  await run(
    failedRun("2026-11-21T04:00:00Z", { slot: "2026-11-21T04:00:00.000Z", message: "no\nroute\u0007 to db" }),
  );
  expect(JSON.parse(receiver.received[1]?.body ?? "")).toEqual({
    format: 1,
    event: "failure",
    id: "20261121T040000Z-aaaaaa/failure",
    at: "2026-11-21T04:02:01.000Z",
    subject: "backup production failed on ip-10-0-1-7",
    text: [
      "no route? to db",
      "1 run before it was not good either, since 2026-11-21 00:00:00 UTC",
      "hint: `dataops doctor` says what can be reached from a machine",
      "",
      "run:      20261121T040000Z-aaaaaa",
      "slot:     2026-11-21 04:00:00 UTC",
      "started:  2026-11-21 04:00:00 UTC",
      "ended:    2026-11-21 04:02:00 UTC, after 2 min 0 s",
      "exit:     16 (unreachable)",
      "by:       dataops 0.1.0 on ip-10-0-1-7",
      "next:     dataops status",
      "next:     dataops doctor",
      "next:     dataops backup production",
    ].join("\n"),
    details: ["no route? to db", "1 run before it was not good either, since 2026-11-21 00:00:00 UTC"],
    hint: "`dataops doctor` says what can be reached from a machine",
    next: ["dataops status", "dataops doctor", "dataops backup production"],
    host: "ip-10-0-1-7",
    dataopsVersion: "0.1.0",
    job: { kind: "backup", name: "production", database: "production" },
    run: {
      id: "20261121T040000Z-aaaaaa",
      slot: "2026-11-21T04:00:00.000Z",
      started: "2026-11-21T04:00:00.000Z",
      ended: "2026-11-21T04:02:00.000Z",
      state: "failed",
      exit: "unreachable",
      exitCode: 16,
    },
  });
});

test("channels hear what they are there for", async () => {
  await using receiver = await startReceiver(answerOk);
  const to = (path: string, changes: Partial<ChannelConfig>): ChannelConfig => ({
    ...webhookTo(`${receiver.origin}/${path}`),
    ...changes,
  });
  const channels = [
    to("all", {}),
    to("recovery", { on: ["recovery"] }),
    to("backups", { jobs: ["backup"] }),
    to("seeds", { jobs: ["seed"] }),
    to("production", { databases: ["production"] }),
    to("staging", { databases: ["staging"] }),
    to("often", { repeatEvery: 3_600_000 }),
  ];
  const heard = async (): Promise<string[]> => receiver.received.map(({ url }) => url.slice(1)).toSorted();
  const { run } = watch(channels);
  await run(failedRun("2026-11-21T00:00:00Z"));
  expect(await heard()).toEqual(["all", "backups", "often", "production"]);
  await run(failedRun("2026-11-21T04:00:00Z"));
  expect(await heard()).toEqual(["all", "backups", "often", "often", "production"]);
  const products = watch(channels, { job: { kind: "reindex", name: "products", database: "staging" } });
  await products.run(failedRun("2026-11-21T04:00:00Z", { job: "reindex", name: "products" }));
  expect(receiver.received.slice(5).map(({ url }) => url)).toEqual(
    expect.arrayContaining(["/all", "/staging", "/often"]),
  );
  expect(receiver.received).toHaveLength(8);
});

describe("there is one warning each time, and none waits for long, where a receiver", () => {
  test.for<[string, Answer, Patience]>([
    ["hangs", hang, SHORT],
    ["fails with 500", answerWith(500), LONG],
    ["breaks the connection", reset, LONG],
    ["sends us elsewhere", answerWith(302, "", { location: "http://elsewhere.invalid/" }), LONG],
    ["answers endlessly", answerEndlessly(500), LONG],
  ])("%s", async ([, answer, patience]) => {
    await using receiver = await startReceiver(answer);
    const channels = [slackTo(receiver.origin), pingTo(receiver.origin)];
    const { run, warnings } = watch(channels, { patience });
    const started = performance.now();
    await run(failedRun("2026-11-21T00:00:00Z"));
    // The start's patience, and then the end's.
    expect(performance.now() - started).toBeLessThan(2 * patience.total + 500);
    expect(warnings).toEqual([
      expect.stringMatching(
        /^notice not delivered by ping \(notify\[0\]\): \S+ [^,]+(, a redirect, [^,]+)?$/,
      ),
      expect.stringMatching(
        /^notice not delivered by ping \(notify\[0\]\): .*, nor by slack \(notify\[0\]\): /,
      ),
    ]);
  });
});

test.for<[string, () => Promise<never>]>([
  ["cannot be read", () => Promise.reject(new Error("no storage"))],
  ["never come", () => new Promise(() => undefined)],
])("a failure is told though the earlier records %s", async ([, previousRuns]) => {
  await using receiver = await startReceiver(answerOk);
  const options = {
    channels: [webhookTo(receiver.origin)],
    job: JOB,
    author: AUTHOR,
    patience: { ...LONG, history: 300 },
  };
  const notifier = createNotifier({ ...options, previousRuns });
  await notifier.ended(failedRun("2026-11-21T00:00:00Z"), NEVER);
  expect(subjectsOf(receiver)).toEqual(["backup production failed on ip-10-0-1-7"]);
});

test("staleness is told to those who want to know", async () => {
  await using receiver = await startReceiver(answerOk);
  const { notifier } = watch([
    webhookTo(receiver.origin),
    { ...webhookTo(receiver.origin), on: ["failure"] },
    pingTo(receiver.origin),
  ]);
  const stale = {
    staleSince: Date.parse("2026-11-20T00:00:00Z"),
    detail: "the newest good backup is 28 h old",
  };
  await notifier.stale(stale, NEVER);
  expect(subjectsOf(receiver)).toEqual(["backup production is stale since 2026-11-20 00:00:00 UTC"]);
});

test("a secret that a message holds goes nowhere", async () => {
  await using receiver = await startReceiver(answerOk);
  const secret = 's3ntinel"\\/@ x';
  const settings = {
    kind: "slack",
    get url(): never {
      throw new Error(secret);
    },
  } as const;
  const channels = [
    slackTo(receiver.origin),
    webhookTo(receiver.origin),
    pingTo(receiver.origin),
    // A bug in a channel, whose message holds it.
    channelTo(settings),
  ];
  const { run, warnings } = watch(channels, { redact: redactor([secret]) });
  for (const text of [secret, encodeURIComponent(secret), JSON.stringify({ secret })]) {
    await run(failedRun("2026-11-21T00:00:00Z", { message: `no: ${text}`, host: `h-${text}` }));
  }
  expect(receiver.received.length).toBeGreaterThan(9);
  const all = receiver.received.map(({ body }) => body).join("\n") + warnings.join("\n");
  expect(all).not.toMatch(/s3ntinel/);
  expect(all).toContain("no: [redacted]");
  expect(warnings).toContain("notice not delivered by slack (notify[0]): a bug in dataops (Error)");
});

test("what the storage has on record decides: a lasting failure once, its recovery once, whoever runs", async () => {
  await using receiver = await startReceiver(answerOk);
  const storage = openFileStorage(await temporaryFolder("notices"));
  const config = await loadText(`
databases: { production: { url: postgres://a:s3ntinel@b/c, environment: production } }
notify: [{ webhook: { url: "${receiver.origin}" } }]
`);
  const ends = [
    runRecord("2026-11-20T00:00:00Z"),
    failedRun("2026-11-20T04:00:00Z", { message: "no: s3ntinel" }),
    failedRun("2026-11-20T08:00:00Z"),
    runRecord("2026-11-20T12:00:00Z"),
    runRecord("2026-11-20T16:00:00Z"),
  ];
  for (const record of ends) {
    const now = (): number => Date.parse(record.ended ?? record.started);
    // Of another process, which knows nothing but what is stored.
    const notifier = jobNotifier(config, JOB, storage, { environment: {}, now });
    await storage.put(runKey(JOB, record.id), serializeRun(record));
    await notifier.ended(record, NEVER);
  }
  const host = "on ip-10-0-1-7";
  expect(subjectsOf(receiver)).toEqual([
    `backup production failed ${host}`,
    `backup production works again ${host}`,
  ]);
  expect(receiver.received[0]?.body).toContain("no: [redacted]");
});
