import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect } from "vitest";
import type { ConnectionSettings } from "../../../src/config/connection.ts";
import { chooseDumpClient, discoverTools } from "../../../src/postgres/tools.ts";
import { compareDatabases } from "../../support/compare-databases.ts";
import { everyKindOfTable } from "../../support/every-kind-of-table.ts";
import { createDatabase, test } from "../../support/postgres-test.ts";

const run = promisify(execFile);

/** What may go wrong in a copy, and how each difference begins that has to be told about it. */
const DAMAGES: readonly (readonly [sql: string, ...told: string[]])[] = [
  ["DELETE FROM ONLY vehicles WHERE id = 1", "rows of public.vehicles:"],
  ["UPDATE typed SET a_double = 0.3 WHERE a_double = 0.30000000000000004", "rows of public.typed:"],
  [
    "UPDATE documents SET tags[4] = '' WHERE id = (SELECT min(id::text)::uuid FROM documents)",
    "rows of public.documents:",
  ],
  [
    "UPDATE big_values SET value = overlay(value PLACING 'x' FROM 4000000) WHERE id = 1",
    "rows of public.big_values:",
  ],
  ["INSERT INTO no_columns DEFAULT VALUES", "rows of public.no_columns:"],
  ["INSERT INTO no_key VALUES (0, 'same')", "rows of public.no_key:"],
  ["DELETE FROM events_other WHERE id = (SELECT min(id) FROM events_other)", "rows of public.events_other:"],
  ["DELETE FROM secured WHERE id = 1", "rows of public.secured:"],
  ["REFRESH MATERIALIZED VIEW never_filled", "rows of public.never_filled is extra"],
  ["INSERT INTO tree VALUES (99, 1); REFRESH MATERIALIZED VIEW never_filled", "rows of public.tree:"],
  ["SELECT nextval('downwards')", "sequence public.downwards:"],
  ["SELECT setval('never_called', 777, true)", "sequence public.never_called:"],
  ["SELECT lo_put((SELECT content FROM scans WHERE id = 2), 5000, 'x')", "large object "],
  ["SELECT lo_unlink(content) FROM scans WHERE id = 0", "large object "],
  ["DROP VIEW recent", "schema: Name: recent; Type: VIEW; Schema: public; Owner: - is missing"],
  ["CREATE SEQUENCE extra", "schema: Name: extra; Type: SEQUENCE; ", "sequence public.extra is extra"],
  ["ALTER TABLE secured NO FORCE ROW LEVEL SECURITY", "schema: Name: secured; Type: TABLE; "],
  ["ALTER TABLE no_rows ENABLE TRIGGER touch", "schema: Name: no_rows touch; Type: TRIGGER; "],
  ["COMMENT ON COLUMN typed.a_text IS 'another'", "schema: Name: COLUMN typed.a_text; Type: COMMENT; "],
];

describe("compareDatabases", () => {
  test("finds nothing between a database and stock pg_restore's copy, and then all that is damaged, and no more", async ({
    database,
    onTestFinished,
  }) => {
    const client = await database.connect();
    await client.query(everyKindOfTable({ size: 2_000_000 }));
    const copy = await createDatabase(database.server);
    onTestFinished(() => copy.drop());
    await copyByStockPrograms(database.settings, copy.settings);

    expect(await compareDatabases(database.settings, copy.settings)).toEqual([]);

    const damaging = await copy.connect();
    for (const [sql] of DAMAGES) await damaging.query(sql);
    const found = await compareDatabases(database.settings, copy.settings);
    const wanted = DAMAGES.flatMap(([, ...told]) => told);
    expect(wanted.filter((beginning) => !found.some((line) => line.startsWith(beginning)))).toEqual([]);
    expect(found.filter((line) => !wanted.some((beginning) => line.startsWith(beginning)))).toEqual([]);
    expect(found.filter((line) => line.startsWith("large object "))).toHaveLength(2);
  });
});

async function copyByStockPrograms(from: ConnectionSettings, to: ConnectionSettings): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "dataops-copy-"));
  try {
    const archive = join(folder, "archive");
    const { directory } = chooseDumpClient(await discoverTools(process.env), 150_000);
    await run(join(directory, "pg_dump"), ["-Fc", `--file=${archive}`], { env: environmentFor(from) });
    await run(
      join(directory, "pg_restore"),
      ["--exit-on-error", "--no-owner", `--dbname=${to.database}`, archive],
      {
        env: environmentFor(to),
      },
    );
  } finally {
    await rm(folder, { recursive: true });
  }
}

function environmentFor(settings: ConnectionSettings): Record<string, string | undefined> {
  return {
    PATH: process.env["PATH"],
    PGHOST: settings.host,
    PGPORT: String(settings.port),
    PGUSER: settings.user,
    PGPASSWORD: settings.password?.reveal(),
    PGDATABASE: settings.database,
  };
}
