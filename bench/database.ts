import { readFileSync } from "node:fs";
import { connect, type PostgresClient } from "../src/postgres/client.ts";
import { settingsFor, type PostgresServer } from "../test/support/postgres-servers.ts";
import { recreate, SOURCE_DATABASE } from "./stage.ts";

/** The share of the size that each large table gets, and what a row of it weighs on disk, its indexes included. */
const TABLES = {
  documents: { share: 0.3, bytesPerRow: 2080 },
  ledger: { share: 0.42, bytesPerRow: 146 },
  events: { share: 0.2, bytesPerRow: 288 },
  attachments: { share: 0.08, bytesPerRow: 16_200 },
} as const;

/** Of the rows that the database was filled with, so many are appended in four hours; a fifth as many are updated. */
const APPENDED_SHARE = 0.0048;

/** How the source changes between two backups. */
export type Change = "nothing" | "four hours" | "random" | "churn";

/** Fills a source of about that many bytes, always the same. @returns its size in bytes, as the server says it */
export async function fillSource(source: PostgresServer, size: number): Promise<number> {
  await recreate(source, SOURCE_DATABASE);
  await using client = await connectToSource(source);
  await client.query(statements(["words", "tables", "append"], rowsFor(size)));
  // Or they would count as part of the database.
  await client.query("DISCARD TEMPORARY");
  await client.query("VACUUM ANALYZE");
  await client.query("CHECKPOINT");
  const [row] = await client.query<{ size: string }>("SELECT pg_database_size(current_database()) AS size");
  return Number(row?.size);
}

/**
 * Changes the source. Each round changes other rows than those before.
 *
 * @param size what the source was filled with, in bytes
 */
export async function changeSource(
  source: PostgresServer,
  { change, size, round }: { change: Change; size: number; round: number },
): Promise<void> {
  const files = FILES[change];
  if (files.length === 0) return;
  await using client = await connectToSource(source);
  await client.query(statements(["words", ...files], { ...rowsFor(size * APPENDED_SHARE), round }));
  if (change === "churn") await client.query("VACUUM");
  // Or the first contender would pay for what the server has still to write.
  await client.query("CHECKPOINT");
}

const FILES: Readonly<Record<Change, readonly string[]>> = {
  nothing: [],
  "four hours": ["append", "update-recent"],
  random: ["update-random"],
  churn: ["append", "update-recent", "update-random", "delete-random"],
};

function rowsFor(size: number): Record<string, number> {
  const rows: Record<string, number> = {};
  for (const [name, { share, bytesPerRow }] of Object.entries(TABLES)) {
    rows[name] = Math.max(1, Math.round((size * share) / bytesPerRow));
  }
  return rows;
}

/** The files one after the other, with values in the place of `:name`; the second colon of a cast begins no name. */
function statements(files: readonly string[], values: Readonly<Record<string, number>>): string {
  const sql = files.map((file) => readFileSync(new URL(`database/${file}.sql`, import.meta.url), "utf8"));
  return sql
    .join("\n")
    .replaceAll(/(?<!:):([a-z]+)\b/g, (text, name: string) => String(values[name] ?? text));
}

async function connectToSource(source: PostgresServer): Promise<PostgresClient> {
  return connect(settingsFor(source, { database: SOURCE_DATABASE }), { applicationName: "bench" });
}
