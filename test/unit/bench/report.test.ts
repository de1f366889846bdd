import { expect, test } from "vitest";
import { renderReport } from "../../../bench/report.ts";
import type { Round } from "../../../bench/results.ts";

const RUN = { seconds: 2, peakBytes: 150e6, treePeakBytes: 180e6 };

const ROUND: Round = {
  databaseBytes: 1.25e9,
  scenarios: [
    {
      id: "first",
      title: "First backup",
      series: [
        { id: "pg-dump", name: "stock", where: "a folder", runs: [{ ...RUN, bytes: 277e6, packs: 0 }] },
        {
          id: "blocks-s3",
          name: "ours",
          where: "S3",
          runs: [{ ...RUN, seconds: 1, bytes: 250e6, packs: 9 }],
        },
      ],
    },
    {
      id: "random",
      title: "Random",
      series: [{ id: "blocks-s3", name: "ours", where: "S3", runs: [{ ...RUN, bytes: 2.5e6, packs: 1 }] }],
    },
  ],
  restores: [],
  parts: { text: 875e6, manifest: 20e3, indexes: 0.4e6, archive: 50e3, packs: 250e6 },
  churn: undefined,
};

test("a report has the tables of what was measured, and says in words what is not met", () => {
  const report = renderReport(
    [
      {
        round: ROUND,
        checks: [
          { what: "time", measured: 0.5, limit: 0.35, unit: "ratio" },
          { what: "bytes", measured: 0.01, limit: 0.015, unit: "share" },
          { what: "reads", measured: 0.5, limit: 0.1, unit: "ratio", excuse: "not there yet" },
        ],
      },
    ],
    [],
    {
      runs: 1,
      command: "npm run bench",
      date: "2026-11-21",
      machine: ["a machine"],
      absent: ["Not measured: borg"],
    },
  );
  const lines = report.split("\n");
  expect(lines).toEqual(
    expect.arrayContaining([
      "- a machine",
      "- Not measured: borg",
      "## A database of 1,250 MB",
      "| time | 0.50 | <= 0.35 | **not met** |",
      "| bytes | 1.00 % | <= 1.50 % | met |",
      "| reads | 0.50 | <= 0.10 | not judged: not there yet |",
      "| stock | a folder | 2.0 s |  | 277 MB | 150 MB | 180 MB |",
      "| ours | S3 | 1.0 s | 0.50 | 250 MB | 150 MB | 180 MB |",
      "| ours | S3 | 2.0 s |  | 2.5 MB | 1.00 % | 150 MB | 180 MB |",
    ]),
  );
  expect(report).not.toContain("### Restore");
  expect(report).not.toMatch(/NaN|undefined/);
});
