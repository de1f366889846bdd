import { beforeEach, describe, expect, test } from "vitest";
import type { ChannelConfig } from "../../../src/config/config.ts";
import { DataopsError, EXIT_CODES, isDataopsError } from "../../../src/errors.ts";
import { createNotifier } from "../../../src/notices/notifier.ts";
import { listRuns } from "../../../src/repository/run-record.ts";
import { openFileStorage } from "../../../src/storage/file.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import {
  answerEndlessly,
  answerOk,
  answerWith,
  hang,
  reset,
  startReceiver,
  type Answer,
} from "../../support/http-receiver.ts";
import { LIGHT_JOB, runLightJob } from "../../support/light-job.ts";
import { AUTHOR, pingTo, SHORT, slackTo, webhookTo } from "../../support/notice-channels.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

let storage: Storage;
beforeEach(async () => {
  storage = openFileStorage(await temporaryFolder("notices"));
});

/** Runs the job, which fails with `error`, and gives its exit code. */
async function runTold(channels: readonly ChannelConfig[], error?: Error): Promise<number> {
  const notifier = createNotifier({
    channels,
    job: LIGHT_JOB,
    author: AUTHOR,
    previousRuns: async (signal) => (await listRuns(storage, LIGHT_JOB, { signal })).runs,
    patience: SHORT,
  });
  const work = (): Promise<void> => (error === undefined ? Promise.resolve() : Promise.reject(error));
  try {
    const { exit } = await runLightJob(storage, { work, observers: [notifier] });
    return EXIT_CODES[exit].code;
  } catch (thrown) {
    if (!isDataopsError(thrown)) throw thrown;
    return thrown.exitCode;
  }
}

const locked = new DataopsError("failed", "a table is locked");

test("a job's failure is told once, its recovery once", async () => {
  await using receiver = await startReceiver(answerOk);
  const channels = [webhookTo(`${receiver.origin}/hook`), pingTo(`${receiver.origin}/ping`)];
  const codes: number[] = [];
  for (const error of [undefined, locked, locked, undefined, undefined])
    codes.push(await runTold(channels, error));
  expect(codes).toEqual([0, 1, 1, 0, 0]);
  const heard = receiver.received.map(({ url, body }) =>
    url === "/hook" ? (/"subject":"(.*?) on /.exec(body)?.[1] ?? body) : url.replace(/\?.*/, ""),
  );
  expect(heard.filter((one) => !one.startsWith("/"))).toEqual([
    "backup shop failed",
    "backup shop works again",
  ]);
  const pings = ["/ping", "/ping/fail", "/ping/fail", "/ping", "/ping"];
  expect(heard.filter((one) => one.startsWith("/"))).toEqual(pings.flatMap((end) => ["/ping/start", end]));
});

describe("a job's result is what it was, or a warning, where a receiver", () => {
  test.for<[string, Answer]>([
    ["hangs", hang],
    ["fails", answerWith(500)],
    ["breaks the connection", reset],
    ["sends us elsewhere", answerWith(301, "", { location: "http://elsewhere.invalid/" })],
    ["answers endlessly", answerEndlessly(500)],
  ])("%s", async ([, answer]) => {
    await using receiver = await startReceiver(answer);
    const channels = [slackTo(receiver.origin), pingTo(receiver.origin)];
    expect(await runTold(channels)).toBe(3);
    expect(await runTold(channels, locked)).toBe(1);
    expect(await runTold(channels, new DataopsError("unreachable", "gone"))).toBe(16);
    const { runs } = await listRuns(storage, LIGHT_JOB);
    expect(new Set(runs.map(({ exit }) => exit))).toEqual(new Set(["done", "failed", "unreachable"]));
  });
});
