import { describe, expect, test } from "vitest";
import { dumpArguments } from "../../../src/backup/plan.ts";

describe("dumpArguments", () => {
  const plan = { snapshot: "00000003-0000001B-1", lockWaitTimeout: 31_000, clientMajor: 15 };

  test("an uncompressed custom archive of the snapshot, with bounded lock waits and no prompt", () => {
    expect(dumpArguments(plan)).toEqual([
      "--format=custom",
      "--compress=0",
      "--no-password",
      "--snapshot=00000003-0000001B-1",
      "--lock-wait-timeout=31000",
    ]);
  });

  test("without the rows of the tables that are stored as blocks", () => {
    const blockTables = [
      { schema: "public", name: "orders" },
      { schema: "Odd", name: 'a."b"' },
    ];
    expect(dumpArguments({ ...plan, blockTables }).slice(5)).toEqual([
      '--exclude-table-data="public"."orders"',
      '--exclude-table-data="Odd"."a.""b"""',
    ]);
  });

  test.each([
    { clientMajor: 17, statistics: false },
    { clientMajor: 18, statistics: true },
    { clientMajor: 19, statistics: true },
  ])("pg_dump $clientMajor carries statistics: $statistics", ({ clientMajor, statistics }) => {
    expect(dumpArguments({ ...plan, clientMajor }).includes("--statistics")).toBe(statistics);
  });
});
