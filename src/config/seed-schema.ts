import { z } from "zod";
import { scheduleKeys } from "./schedule.ts";
import { databaseName, duration, environmentName, flag } from "./schema-values.ts";
import { thenSchema } from "./then-schema.ts";

/** How a database is reset to its seeds. */

const path = z.string().min(1).max(1024);
const paths = z.array(path).max(1000);
const command = z.array(z.string()).min(1).max(1000);

const inputs = paths
  .optional()
  .describe(
    "files, by path or glob, that decide what it makes: while none of them changes, what it made last is copied",
  );

const PROGRAM = "a program and its arguments; it finds the database in `DATABASE_URL` and `PG*`";

const databaseSchema = z
  .union(
    [
      z.strictObject({
        sql: z
          .union([path.transform((one) => [one]), paths.min(1)])
          .describe("SQL files, by path or glob, relative to this file"),
      }),
      z.strictObject({ command: command.describe(PROGRAM), inputs }),
      z.strictObject({
        backup: databaseName.describe("a database whose latest good backup's schema it is, without rows"),
      }),
    ],
    { error: "expected { sql: FILES }, { command: [PROGRAM, ARGUMENT…] } or { backup: DATABASE }" },
  )
  .describe("where tables come from; not needed with `strategy: schema`, which can keep them as they are");

const seed = z.union(
  [
    path.transform((files) => ({ files })),
    z.strictObject({
      files: path.describe("SQL, CSV, JSON, TypeScript or JavaScript files, by path or glob"),
      inputs,
    }),
    z.strictObject({ command: command.describe(PROGRAM), inputs }),
  ],
  { error: "expected FILES, { files: FILES, inputs: [FILE…] } or { command: [PROGRAM, ARGUMENT…] }" },
);

/** `>=10`, `=3`, or a number. */
const EXPECTATION = /^\s*(>=|<=|=|>|<)?\s*(\d{1,15})\s*$/;

const EXPECTATION_MESSAGE = "expected a number of rows such as 3, >=10 or <1000";

const expectation = z
  .union([z.int().min(0).transform(String), z.string().regex(EXPECTATION, EXPECTATION_MESSAGE)], {
    error: EXPECTATION_MESSAGE,
  })
  .transform((text) => {
    const [, operator = "=", rows] = EXPECTATION.exec(text) ?? [];
    return { operator: OPERATORS[operator] ?? "=", rows: Number(rows) };
  });

const OPERATORS: Readonly<Record<string, ">=" | "<=" | "=" | ">" | "<">> = {
  ">=": ">=",
  "<=": "<=",
  "=": "=",
  ">": ">",
  "<": "<",
};

/** Tables in which frameworks write down which migrations a schema has had: rows of the schema, not of the seeds. */
const MIGRATION_TABLES = [
  "schema_migrations",
  "ar_internal_metadata",
  "django_migrations",
  "alembic_version",
  "flyway_schema_history",
  "_prisma_migrations",
  "knex_migrations",
  "knex_migrations_lock",
];

export const seedSchema = z
  .strictObject({
    schema: databaseSchema.optional(),
    seeds: z
      .array(seed)
      .max(1000)
      .default([])
      .describe(
        "what fills it: files in the order of their names, each in one transaction, and commands at their place in between",
      ),
    expect: z
      .record(z.string().min(1).max(200), expectation)
      .default({})
      .describe('how many rows tables must have before anything is replaced: `{ users: ">=10" }`'),
    // eslint-disable-next-line unicorn/no-thenable -- the key's name in the file
    then: thenSchema,
    ...scheduleKeys,
    strategy: z
      .enum(["scratch", "schema"])
      .default("scratch")
      .describe(
        "`scratch` builds a database beside it and swaps the two; `schema`, for servers where databases cannot be created, empties it and fills it in one transaction",
      ),
    environment: environmentName
      .optional()
      .describe("the stamp that the database must have; by default the database's own environment"),
    extensions: z
      .array(z.string().min(1).max(63))
      .max(100)
      .default([])
      .describe("extensions that are created before the schema, by the connecting role"),
    keepTables: z
      .array(z.string().min(1).max(200))
      .max(1000)
      .default(MIGRATION_TABLES)
      .describe("tables that `strategy: schema` without a schema does not empty: those that note migrations"),
    keepOld: flag()
      .prefault(true)
      .describe("keep the replaced database as `<name>__old`, for `dataops undo`"),
    template: flag()
      .optional()
      .describe(
        "keep a copy of what was made as `<name>__template`, so that making the same again is quick; by default where all that decides it is known, `true` also where a command or module does not name its `inputs`",
      ),
    endSessions: flag()
      .prefault(false)
      .describe("end the sessions on the database before the swap, as `--force` does"),
    waitForSessions: duration({ least: "0s", most: "1h" })
      .prefault("10s")
      .describe("how long to wait for sessions on the database to leave, before the swap"),
  })
  .superRefine((value, context) => {
    const problem = problemOf(value.strategy, value.schema, value.seeds);
    if (problem !== undefined) context.addIssue({ code: "custom", ...problem });
  })
  .describe("how one database is reset to its seeds");

export type CheckedSeed = z.output<typeof seedSchema>;
export type SeedSchemaSource = z.output<typeof databaseSchema>;
export type SeedSource = z.output<typeof seed>;
export type Expectation = z.output<typeof expectation>;

function problemOf(
  strategy: "scratch" | "schema",
  schema: SeedSchemaSource | undefined,
  seeds: readonly SeedSource[],
): { path: PropertyKey[]; message: string } | undefined {
  if (strategy === "scratch") {
    return schema === undefined ? { path: ["schema"], message: "is missing" } : undefined;
  }
  if (schema !== undefined && !("sql" in schema)) {
    return { path: ["schema"], message: "with `strategy: schema` it comes from SQL files, or is kept" };
  }
  const commandAt = seeds.findIndex((one) => "command" in one);
  if (commandAt === -1) return undefined;
  return {
    path: ["seeds", commandAt],
    message: "a command cannot take part in the one transaction of `strategy: schema`",
  };
}
