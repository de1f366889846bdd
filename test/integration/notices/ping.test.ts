import { describe, expect, test } from "vitest";
import { uuidOfRun } from "../../../src/notices/channels/ping.ts";
import { answerOk, answerWith, startReceiver } from "../../support/http-receiver.ts";
import { pingTo } from "../../support/notice-channels.ts";
import { failedRun, runRecord } from "../../support/run-records.ts";
import { watch } from "../../support/watched-notifier.ts";

describe("a dead man's switch", () => {
  test("is told the start and the end of each run, and success of good ones alone", async () => {
    await using receiver = await startReceiver(answerOk);
    const { run, warnings } = watch([pingTo(`${receiver.origin}/ping/uuid/?create=1`)]);
    const records = [
      runRecord("2026-11-21T00:00:00Z"),
      failedRun("2026-11-21T04:00:00Z"),
      runRecord("2026-11-21T08:00:00Z", { exit: "warnings", result: { suspect: "a table is gone" } }),
      runRecord("2026-11-21T12:00:00Z", { state: "interrupted", exit: "terminated" }),
      runRecord("2026-11-21T16:00:00Z", { exit: "warnings", message: "a notice was not delivered" }),
    ];
    for (const record of records) await run(record);
    const rids = records.map(({ id }) => uuidOfRun(id));
    const sent = receiver.received.map(({ method, url, body }) => [method, url, body]);
    const at = (path: string, index: number): string => `/ping/uuid${path}?create=1&rid=${rids[index]}`;
    expect(sent).toEqual([
      ["POST", at("/start", 0), ""],
      ["POST", at("", 0), ""],
      ["POST", at("/start", 1), ""],
      ["POST", at("/fail", 1), "cannot reach the database shop at db:5432"],
      ["POST", at("/start", 2), ""],
      ["POST", at("/fail", 2), "a table is gone"],
      ["POST", at("/start", 3), ""],
      ["POST", at("/start", 4), ""],
      ["POST", at("", 4), ""],
    ]);
    expect(warnings).toEqual([]);
  });

  test("gets a UUID for each run, always the same", () => {
    const id = "20261121T040000Z-k3v9qa";
    expect(uuidOfRun(id)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(uuidOfRun(id)).toBe(uuidOfRun(id));
    expect(uuidOfRun(id)).not.toBe(uuidOfRun("20261121T040000Z-k3v9qb"));
  });

  test("that does not know the check is a notice not delivered, though it answers 200", async () => {
    await using receiver = await startReceiver(answerWith(200, "OK (not found)"));
    const { run, warnings } = watch([pingTo(receiver.origin)]);
    await run(runRecord("2026-11-21T00:00:00Z"));
    const { host } = new URL(receiver.origin);
    const warning = `notice not delivered by ping (notify[0]): ${host} did not count it: not found`;
    expect(warnings).toEqual([warning, warning]);
  });
});
