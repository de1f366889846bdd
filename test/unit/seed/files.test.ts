import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { configSchema } from "../../../src/config/schema.ts";
import { importsOf } from "../../../src/seed/digest.ts";
import { describeFailure } from "../../../src/seed/expect.ts";
import { parseHeader } from "../../../src/seed/load/csv.ts";
import { groupRows, parseExactly } from "../../../src/seed/load/json.ts";
import { hasRollback } from "../../../src/seed/load/rollback.ts";
import { quoteTable, tableOfFile } from "../../../src/seed/load/table-name.ts";
import { kindOfFile } from "../../../src/seed/plan.ts";
import { reasonAgainstTemplate } from "../../../src/seed/prepare.ts";
import { environmentToReset } from "../../../src/seed/target.ts";

test.for([
  ["seeds/010_users.csv", "users"],
  ["/a/b/2026-users.csv", "users"],
  ["users.csv", "users"],
  ["010_app.orders.csv", "app.orders"],
  ["010_.csv", "010_"],
  ["007.csv", "007"],
] as const)("the rows of %s are for table %s", ([path, table]) => {
  expect(tableOfFile(path)).toBe(table);
});

test.for([
  ["users", '"users"'],
  ["app.orders", '"app"."orders"'],
  ['we"ird', '"we""ird"'],
  [".x", '".x"'],
  ["x.", '"x."'],
] as const)("table %s is written %s", ([name, quoted]) => {
  expect(quoteTable(name)).toBe(quoted);
});

test.for([
  ["a.sql", "sql"],
  ["a.CSV", "csv"],
  ["a.json", "json"],
  ["a.test.ts", "module"],
  ["a.mjs", "module"],
] as const)("%s is read as %s", ([name, kind]) => {
  expect(kindOfFile(name)).toBe(kind);
});

test.for(["a", "a.txt", "a.sql.gz", ".sql", "constructor"])("%s is not read", (name) => {
  expect(() => kindOfFile(name)).toThrow("no kind of file");
});

describe("a CSV file's header", () => {
  test.for<[string, string[] | undefined]>([
    ["id,name\n1,x", ["id", "name"]],
    ["id", ["id"]],
    ['"a ""b""","c,d",e\r\n', ['a "b"', "c,d", "e"]],
    ['"two\nlines",x\n', ["two\nlines", "x"]],
    ["", undefined],
    ["\nid", undefined],
    ["id,,name\n", undefined],
    ['"id\n1,2', undefined],
    ['"id"x,y\n', undefined],
  ])("%j names %j", ([text, columns]) => {
    expect(parseHeader(text)).toEqual(columns);
  });

  test("is read as it would be written, whatever the names", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ minLength: 1 }), { minLength: 1 }), (names) => {
        const line = names.map((name) => `"${name.replaceAll('"', '""')}"`).join(",");
        expect(parseHeader(`${line}\nrow`)).toEqual(names);
      }),
    );
  });
});

describe("JSON rows", () => {
  test("keep the digits of their numbers", () => {
    const text = '{"a":[12345678901234567890,1.10,-0,1e400]}';
    expect(JSON.stringify(parseExactly(text))).toBe(text);
  });

  test("are grouped while they name the same columns, in their order", () => {
    const groups = groupRows({ b: [{ x: 1, y: 2 }, { y: 3, x: 4 }, { x: 5 }, {}, {}], a: [{ x: 1 }] });
    expect(groups.map(({ table, columns, rows }) => [table, columns, rows.length])).toEqual([
      ["b", ["x", "y"], 2],
      ["b", ["x"], 1],
      ["b", [], 1],
      ["b", [], 1],
      ["a", ["x"], 1],
    ]);
  });

  test("go into statements of a thousand", () => {
    const rows = Array.from({ length: 2500 }, (_, id) => ({ id }));
    expect(groupRows({ t: rows }).map((group) => group.rows.length)).toEqual([1000, 1000, 500]);
  });
});

test.for<[string, boolean]>([
  ["ROLLBACK", true],
  ["insert into x values (1); rollback;", true],
  ["BEGIN;\n  Abort Work;", true],
  ["ROLLBACK TO SAVEPOINT a", false],
  ["ROLLBACK WORK TO a", false],
  ["SELECT 'x; ROLLBACK'", false],
  ["SELECT E'\\'; ROLLBACK'", false],
  ["-- ; ROLLBACK\nSELECT 1", false],
  ["/* ; ROLLBACK */ SELECT 1", false],
  ['SELECT "a;ROLLBACK" FROM x', false],
  ["DO $x$ BEGIN; ROLLBACK; END $x$", false],
  ["DO $$ BEGIN END $$; ROLLBACK", true],
  ["/* why */ ROLLBACK", true],
  ["COMMIT", false],
])("%j takes its transaction back: %j", ([sql, expected]) => {
  expect(hasRollback(sql)).toBe(expected);
});

test("imports are found however they are written", () => {
  const text = `import a from "./a.ts";\nimport { b,\n c } from './b.ts'; import "./c.ts"; export * from "./d.ts"; await import("./e.ts"); import type { F } from "faker";`;
  expect(importsOf(text)).toEqual(["./a.ts", "./b.ts", "./c.ts", "./d.ts", "./e.ts", "faker"]);
});

test.for<[">=" | "<=" | "=" | ">" | "<", number | undefined, string | undefined]>([
  [">=", 10, undefined],
  [">=", 9, "users has 9 rows (expected: >=10)"],
  ["<=", 10, undefined],
  ["<=", 11, "users has 11 rows (expected: <=10)"],
  ["=", 10, undefined],
  ["=", 0, "users has 0 rows (expected: =10)"],
  [">", 11, undefined],
  [">", 10, "users has 10 rows (expected: >10)"],
  ["<", 9, undefined],
  ["<", 10, "users has 10 rows (expected: <10)"],
  ["=", undefined, "there is no table users"],
])("%s10 of %s rows: %s", ([operator, rows, failure]) => {
  expect(describeFailure("users", rows, { operator, rows: 10 })).toBe(failure);
});

test.for<[boolean | undefined, string[], boolean]>([
  [undefined, [], true],
  [undefined, ["bin/rails"], false],
  [true, ["bin/rails"], true],
  [false, [], false],
])("template: %j with unknown inputs %j is used: %j", ([configured, unknown, used]) => {
  expect(reasonAgainstTemplate(configured, unknown) === undefined).toBe(used);
});

test.for([
  ["staging", undefined, "staging"],
  ["staging", "review", "review"],
  ["production", "staging", "production"],
  ["Prod", "staging", "Prod"],
] as const)("a database for %s, reset as %s, is judged as one for %s", ([environment, reset, judged]) => {
  expect(environmentToReset({ environment }, { environment: reset })).toBe(judged);
});

describe("the configuration", () => {
  const parse = (staging: object) => configSchema.safeParse({ seed: { staging } });
  test.for<[object, string]>([
    [{}, "is missing"],
    [{ schema: { sql: "a.sql", command: ["x"] } }, "expected { sql: FILES }"],
    [{ schema: { sql: "a.sql" }, seeds: [{ files: "a", command: ["b"] }] }, "expected FILES"],
    [{ schema: { sql: "a.sql" }, expect: { users: "many" } }, "expected a number of rows"],
    // eslint-disable-next-line unicorn/no-thenable -- the key's name in the file
    [{ schema: { sql: "a.sql" }, then: ["reindex"] }, "expected `reindex INDEX`"],
    [{ schema: { sql: "a.sql" }, sneeds: [] }, "Unrecognized key"],
    [{ strategy: "schema", schema: { backup: "production" } }, "it comes from SQL files"],
    [{ strategy: "schema", seeds: ["a.sql", { command: ["x"] }] }, "a command cannot take part"],
  ])("%j is refused", ([section, says]) => {
    expect(
      parse(section)
        .error?.issues.map(({ message }) => message)
        .join("; "),
    ).toContain(says);
  });

  test("of a small reset is small", () => {
    const { success } = parse({
      schema: { sql: "schema.sql" },
      seeds: ["seeds/*"],
      // eslint-disable-next-line unicorn/no-thenable -- the key's name in the file
      then: ["reindex products"],
    });
    expect(success).toBe(true);
  });
});
