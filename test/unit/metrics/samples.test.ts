import { describe, expect, test } from "vitest";
import { METRICS } from "../../../src/metrics/definitions.ts";
import { exposition } from "../../../src/metrics/exposition.ts";
import { processSamples } from "../../../src/metrics/process-samples.ts";
import { samplesOf, type Sample } from "../../../src/metrics/samples.ts";
import type { DatabaseStatus } from "../../../src/status/read-status.ts";
import { exampleStatuses, statusOf } from "../../support/page-status.ts";
import {
  backupJob,
  exampleBackup,
  exampleFacts,
  exampleRun,
  exampleVerification,
  NOW,
} from "../../support/status-facts.ts";

function lines(...databases: DatabaseStatus[]): Promise<string[]> {
  return linesOf(samplesOf({ at: NOW, databases }));
}

async function linesOf(samples: readonly Sample[]): Promise<string[]> {
  return (await exposition(samples)).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
}

const HOUR = 3_600;
const NOW_SECONDS = NOW / 1000;

describe("of backups", () => {
  test("the newest good one, when it becomes stale, and how many there are", async () => {
    const backups = [
      exampleBackup(1, { state: "suspect", reasons: ["x"] }),
      exampleBackup(2, { duration: 90_500, size: 2e9, stored: 3e6 }),
      exampleBackup(6),
    ];
    const found = await lines(statusOf(exampleFacts({ backups, total: 90 })));
    expect(found).toEqual(
      expect.arrayContaining([
        "dataops_storage_reachable 1",
        `dataops_backup_last_success_timestamp_seconds{database="production"} ${NOW_SECONDS - 2 * HOUR}`,
        `dataops_backup_stale_timestamp_seconds{database="production"} ${NOW_SECONDS + 5 * HOUR}`,
        `dataops_backup_last_duration_seconds{database="production"} 90.5`,
        `dataops_backup_last_size_bytes{database="production"} 2000000000`,
        `dataops_backup_last_stored_bytes{database="production"} 3000000`,
        `dataops_backups{database="production"} 90`,
        `dataops_recent_backups{database="production",state="good"} 2`,
        `dataops_recent_backups{database="production",state="suspect"} 1`,
        `dataops_recent_backups{database="production",state="unreadable"} 0`,
        `dataops_findings{database="production",level="ok"} 1`,
        `dataops_findings{database="production",level="warning"} 1`,
        `dataops_next_run_timestamp_seconds{job="backup",name="production",database="production"} ${NOW_SECONDS + 4 * HOUR}`,
      ]),
    );
  });

  test("where there is none, no time is told: not even the epoch", async () => {
    const found = await lines(statusOf(exampleFacts({ backups: [] })));
    expect(found.filter((line) => line.includes("backup_last"))).toEqual([]);
    expect(found).toContain(`dataops_backups{database="production"} 0`);
    expect(found).toContain(`dataops_findings{database="production",level="critical"} 1`);
  });

  test("a database that is not backed up has none", async () => {
    const found = await lines(...exampleStatuses());
    expect(found.filter((line) => line.includes(`dataops_backup`) && line.includes("staging"))).toEqual([]);
  });
});

test("of verifications the last of each kind", async () => {
  const verifications = [
    exampleVerification(1, { kind: "restore", state: "failed" }),
    exampleVerification(2),
    exampleVerification(3, { kind: "restore" }),
  ];
  const found = await lines(statusOf(exampleFacts({ verifications })));
  expect(found.filter((line) => line.includes("verification"))).toEqual([
    `dataops_verification_last_timestamp_seconds{database="production",kind="read"} ${NOW_SECONDS - 2 * HOUR}`,
    `dataops_verification_last_timestamp_seconds{database="production",kind="restore"} ${NOW_SECONDS - HOUR}`,
    `dataops_verification_last_passed{database="production",kind="read"} 1`,
    `dataops_verification_last_passed{database="production",kind="restore"} 0`,
  ]);
});

test("of runs their results, the last one that is over, and the last good one", async () => {
  const job = backupJob(
    exampleRun(0.1, { state: "running", ended: null, exit: null }),
    exampleRun(2, { state: "running", ended: null, exit: null, heldUntil: null }),
    exampleRun(4, { exit: "warnings" }),
    exampleRun(8, { state: "failed", exit: "unreachable" }),
    exampleRun(12),
  );
  const labels = `job="backup",name="production",database="production"`;
  const found = await lines(statusOf(exampleFacts({ jobs: [job] })));
  const count = (result: string): string | undefined =>
    found
      .find((line) => line.startsWith("dataops_recent_runs") && line.includes(`"${result}"`))
      ?.split(" ")[1];
  const counts = ["done", "warnings", "failed", "interrupted", "lost", "fenced", "running"].map(count);
  expect(counts).toEqual(["1", "1", "1", "0", "1", "0", "1"]);
  expect(found).toContain(
    `dataops_run_last_timestamp_seconds{${labels},result="lost"} ${NOW_SECONDS - 2 * HOUR}`,
  );
  expect(found).toContain(`dataops_run_last_success_timestamp_seconds{${labels}} ${NOW_SECONDS - 4 * HOUR}`);
  expect(found).toContain(`dataops_run_last_duration_seconds{${labels}} 60`);
});

test("of a storage that cannot be read only that", async () => {
  const samples = samplesOf({ at: NOW, databases: undefined, problem: "s3ntinel" });
  expect(await linesOf(samples)).toEqual(["dataops_storage_reachable 0"]);
});

test("of the process its version, memory and time", async () => {
  const found = await linesOf(processSamples(NOW));
  expect(found.join("\n")).toMatch(/^dataops_build_info\{version="[^"]+",node="24\.[^"]+"\} 1$/m);
  expect(found.join("\n")).toMatch(/^process_resident_memory_bytes \d{7,}$/m);
  expect(found.join("\n")).toMatch(/^process_cpu_seconds_total [\d.]+$/m);
});

test("every metric is told somewhere, with its own labels, and is named as Prometheus wants it", async () => {
  const samples = [...samplesOf({ at: NOW, databases: exampleStatuses() }), ...processSamples(NOW)];
  expect(new Set(samples.map(({ metric }) => metric))).toEqual(new Set(Object.keys(METRICS)));
  for (const { metric, labels } of samples) {
    expect(Object.keys(labels).sort()).toEqual([...METRICS[metric].labels].sort());
    expect(metric).toMatch(/^(dataops|process)(_[a-z]+)+$/);
  }
});

test("hostile labels are escaped", async () => {
  const name = 'a"b\\c\nd{}';
  const text = await exposition([{ metric: "dataops_backups", labels: { database: name }, value: 1 }]);
  expect(text).toContain('dataops_backups{database="a\\"b\\\\c\\nd{}"} 1');
});
