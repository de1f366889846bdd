import { expect, test } from "vitest";
import { COLUMN_KINDS } from "../../support/histories/column-kinds.ts";
import { planFates } from "../../support/histories/fates.ts";
import { generateHistory } from "../../support/histories/generate.ts";
import type { History } from "../../support/histories/model.ts";

/** As many as the integration tests play. */
const HISTORIES = 200;
const STEPS = 5;

const OPTIONS = { major: 18, steps: STEPS };

function statementsOf(histories: readonly History[]): string {
  return histories
    .flatMap(({ steps }) => steps)
    .flatMap(({ statements, open }) => [...statements, ...(open?.statements ?? [])])
    .map(({ sql }) => sql)
    .join("\n");
}

const histories = Array.from({ length: HISTORIES }, (_, index) => generateHistory(index + 1, OPTIONS));
const sql = statementsOf(histories);

test("a seed always gives the same history", () => {
  const again = Array.from({ length: HISTORIES }, (_, index) => generateHistory(index + 1, OPTIONS));
  expect(again).toEqual(histories);
  expect(new Set(histories.map(({ schema }) => schema)).size).toBe(HISTORIES);
});

test.for([
  ["primary keys", /PRIMARY KEY/],
  ["foreign keys", /REFERENCES .* ON DELETE CASCADE/],
  ["partitions by range", /PARTITION BY RANGE/],
  ["partitions by hash", /PARTITION BY HASH/],
  ["attached partitions", /ATTACH PARTITION/],
  ["detached partitions", /DETACH PARTITION/],
  ["inheritance", /INHERITS \(/],
  ["stored columns", /GENERATED ALWAYS AS \(.*\) STORED/],
  ["virtual columns", /GENERATED ALWAYS AS \(.*\) VIRTUAL/],
  ["identities", /GENERATED ALWAYS AS IDENTITY/],
  ["serials", / serial\b/],
  ["tables without columns", /^CREATE TABLE [^\n]*" \(\) $/m],
  ["row-level security", /FORCE ROW LEVEL SECURITY/],
  ["triggers", /CREATE TRIGGER/],
  ["unlogged tables", /CREATE UNLOGGED TABLE/],
  ["tables that become logged", /SET LOGGED/],
  ["materialized views", /CREATE MATERIALIZED VIEW/],
  ["sequences", /CREATE SEQUENCE/],
  ["large objects", /lo_from_bytea/],
  ["large objects that go", /lo_unlink/],
  ["collations", /CREATE COLLATION/],
  ["values that the catalogue keeps", /^ALTER TABLE [^\n]* ADD [^\n]* DEFAULT /m],
  ["rewrites by a volatile default", /DEFAULT random\(\)/],
  ["dropped columns", /^ALTER TABLE [^\n]* DROP "/m],
  ["renamed columns", / RENAME "/],
  ["changed types", / TYPE .* USING /],
  ["storage", /SET STORAGE/],
  ["compression with pglz", /SET COMPRESSION pglz/],
  ["compression with lz4", /SET COMPRESSION lz4/],
  ["fill factors", /fillfactor/],
  ["labels that change", /RENAME VALUE/],
  ["VACUUM", /^VACUUM "/m],
  ["VACUUM FULL", /^VACUUM FULL/m],
  ["VACUUM FREEZE", /^VACUUM \(FREEZE\)/m],
  ["CLUSTER", /^CLUSTER/m],
  ["TRUNCATE", /^TRUNCATE/m],
  ["dropped tables", /^DROP TABLE/m],
  ["swapped tables", /RENAME TO "between"/],
  ["COPY", /^COPY/m],
  ["COPY of frozen rows", /\(FREEZE\)$/m],
  ["savepoints", /^ROLLBACK TO here/m],
  ["row locks", /FOR NO KEY UPDATE/],
  ["values of megabytes", /140000/],
  ["numbers of as many digits", / % 10 \+ \(/],
  ["digests of as many digits", /THEN md5\("/],
  ["long values turned round", /THEN reverse\("/],
  ["deletion of all rows", /^DELETE [^\n]* WHERE true/m],
  ["deletion of half of them", /^DELETE [^\n]* & 1 = 0/m],
] as const)("the histories have %s", ([, pattern]) => {
  expect(sql).toMatch(pattern);
});

test.for(Object.entries(COLUMN_KINDS))("the histories have columns of the kind %s", ([, { type }]) => {
  const missing = type.split(":schema.").filter((part) => !sql.includes(part));
  expect(missing).toEqual([]);
});

test("transactions stay open over a backup, end while it reads, and are rolled back", () => {
  const open = histories.flatMap(({ steps }) => steps.flatMap((step) => step.open ?? []));
  const ways = new Set(
    open.filter(({ statements }) => statements.length > 1).map(({ ends, how }) => `${how} ${ends}`),
  );
  expect([...ways].sort()).toEqual(["COMMIT after", "COMMIT during", "ROLLBACK after", "ROLLBACK during"]);
});

test("runs are killed, backups are archives, and packs are lost", () => {
  const fates = Array.from({ length: 10 }, (_, group) => planFates(group, STEPS));
  const all = fates.flat().flatMap(({ format, isKilled, damage }) => [format, isKilled, damage]);
  expect(new Set(all)).toEqual(new Set(["blocks", "archive", true, false, "none", "deleted", "cut"]));
  const whole = { format: "blocks", isKilled: false };
  for (const plan of fates) expect([plan.at(0), plan.at(-1)]).toMatchObject([whole, whole]);
});
