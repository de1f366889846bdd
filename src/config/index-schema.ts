import { z } from "zod";
import { scheduleKeys } from "./schedule.ts";
import { count, databaseName, duration, flag } from "./schema-values.ts";

/** Words that stand after `dataops reindex` for something else. */
const RESERVED = ["status", "rollback", "abort"];

const RESERVED_MESSAGE = `expected a name other than ${RESERVED.join(", ")}`;

/** An index's name is its alias in the engine, a folder in the storage and a word on a command line. */
const indexName = databaseName.refine((name) => !RESERVED.includes(name), { error: RESERVED_MESSAGE });

const followed = z.strictObject({
  table: z
    .string()
    .min(1)
    .describe("a table that documents are also made from: `reviews`, or `shop.reviews`"),
  column: z.string().min(1).describe("its column that holds the document's id; with `on`, what that equals"),
  on: z
    .string()
    .min(1)
    .optional()
    .describe(
      "the column of the documents' own table that `column` equals: `brand_id` where `column` is `id`",
    ),
});

const driver = z.union(
  [
    z.literal("builtin"),
    z.strictObject({
      command: z
        .array(z.string())
        .min(1)
        .describe("a program of yours and its arguments, that builds the index by itself"),
      timeout: duration({ least: "1s", most: "7d" }).prefault("6h").describe("after which it is ended"),
    }),
    z.strictObject({
      webhook: z
        .string()
        .min(1)
        .max(4096)
        .describe(
          "a URL, asked by POST to build the index; an answer of 202 with `Location` is asked again there until it is over",
        ),
      timeout: duration({ least: "1s", most: "7d" })
        .prefault("6h")
        .describe("after which nobody waits any more"),
    }),
  ],
  { error: "expected builtin, { command: [PROGRAM, ARGUMENT…] } or { webhook: URL }" },
);

/** What the built-in driver cannot do without. */
const BUILTIN_NEEDS = ["search", "sql", "id", "mapping"] as const;

const index = z
  .strictObject({
    driver: driver
      .default("builtin")
      .describe("who builds the index: `builtin`, or your application, by a command or a webhook"),
    database: databaseName.describe("the database that the documents come from, under `databases`"),
    search: databaseName.optional().describe("the search engine, under `search`"),
    sql: z
      .string()
      .min(1)
      .optional()
      .describe("a file with one SELECT, that gives a row for each document, relative to this file"),
    id: z.string().min(1).optional().describe("the SQL's column that is the document's id"),
    version: z
      .string()
      .min(1)
      .optional()
      .describe(
        "the SQL's column that your application sends as external version, if it does: a whole number, or a time (sent in microseconds since 1970)",
      ),
    mapping: z.string().min(1).optional().describe("a JSON file with the index's mapping"),
    settings: z.string().min(1).optional().describe("a JSON file with the index's settings"),
    follow: z
      .array(followed)
      .default([])
      .describe("the other tables that the SQL reads, so that changes are found without building documents"),
    keep: count(0, 100).prefault(2).describe("old indexes that stay, for `dataops reindex rollback`"),
    maxErrors: count(0, 1_000_000)
      .prefault(0)
      .describe("documents that the engine may refuse; beyond them the old index stays"),
    maxDocsPerSecond: count(1, 10_000_000)
      .optional()
      .describe("so many documents are sent each second, for an engine that is busy with searches"),
    jobs: count(1, 64).prefault(4).describe("bulk requests at the same time"),
    ...scheduleKeys,
    adopt: flag()
      .prefault(false)
      .describe(
        "whether an index that has the alias's name may be replaced, and is deleted by that; as `--adopt`",
      ),
  })
  .superRefine((value, context) => {
    const isBuiltin = value.driver === "builtin";
    for (const key of BUILTIN_NEEDS) {
      if ((value[key] !== undefined) === isBuiltin) continue;
      const message = isBuiltin ? "is missing" : "is for the built-in driver only";
      context.addIssue({ code: "custom", path: [key], message });
    }
  })
  .describe("a search index: its name is the alias that your application searches");

/** `indexes` of the configuration. */
export const indexesSchema = z.record(indexName, index).default({});

/** An index, checked, its webhook's variables not yet put in. */
export type CheckedIndex = z.output<typeof index>;
