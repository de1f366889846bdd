import { readFile, stat } from "node:fs/promises";
import type { Environment } from "../../config/environment.ts";
import { DataopsError, isDataopsError, messageOf } from "../../errors.ts";
import type { Reporter } from "../../observe/reporter.ts";
import type { PostgresClient } from "../../postgres/client.ts";
import { explainSqlFailure, plainSql } from "../../replace/after/sql.ts";
import type { SeedFile, SeedStep } from "../plan.ts";
import { loadCsv } from "./csv.ts";
import { loadJson } from "./json.ts";
import { runModule } from "./module.ts";
import { hasRollback } from "./rollback.ts";

/** Bytes; it is sent as one message. */
const MAX_SQL = 256 * 1024 * 1024;

/** The database that steps fill. */
export interface SeedSite {
  /** Runs one step's work in a transaction: all of it, or nothing. */
  inTransaction(work: (client: PostgresClient) => Promise<void>, step: SeedFile): Promise<void>;
  /** Runs a program with the database in its environment. */
  runCommand(command: readonly string[], name: string): Promise<void>;
  /** What is thrown where a step takes its transaction back; undefined where that harms nobody but itself. */
  endsTransaction?: (name: string) => Error;
}

export interface StepsRequest {
  reporter: Reporter;
  signal: AbortSignal;
  environment: Environment;
  /** Of all inputs. */
  digest: string;
}

/**
 * Runs steps in order. Stops at the first that fails.
 *
 * @throws DataopsError `failed` naming the file, and its line where the server tells one; after an abort: the signal's reason
 */
export async function runSteps(
  steps: readonly SeedStep[],
  site: SeedSite,
  request: StepsRequest,
): Promise<void> {
  const { reporter, signal } = request;
  for (const step of steps) {
    signal.throwIfAborted();
    reporter.info(step.name);
    if (step.kind === "command") await site.runCommand(step.command, step.name);
    else await runFile(step, site, request);
  }
}

async function runFile(file: SeedFile, site: SeedSite, request: StepsRequest): Promise<void> {
  const sql = file.kind === "sql" ? await readSql(file) : undefined;
  const checkStatement = (statement: string): void => {
    if (site.endsTransaction !== undefined && hasRollback(statement)) throw site.endsTransaction(file.name);
  };
  try {
    await site.inTransaction(async (client) => {
      if (sql !== undefined) {
        checkStatement(sql);
        await client.query(sql);
      }
      if (file.kind === "csv") await loadCsv(client, file);
      else if (file.kind === "json") await loadJson(client, file);
      else if (file.kind === "module") await runModule(file, { ...request, client, checkStatement });
    }, file);
  } catch (error) {
    request.signal.throwIfAborted();
    const explained = explainSqlFailure(error, file.name, sql);
    // What a module throws is its author's to mend, and no bug of this program.
    if (isDataopsError(explained) || file.kind !== "module") throw explained;
    throw new DataopsError("failed", `${file.name}: ${firstLine(messageOf(error))}`, {
      hint: "correct it and run again; nothing was replaced",
      cause: error,
    });
  }
}

async function readSql({ path, name }: SeedFile): Promise<string> {
  if ((await stat(path)).size <= MAX_SQL) return plainSql(await readFile(path, "utf8"));
  throw new DataopsError("failed", `${name} is larger than ${MAX_SQL} bytes`, {
    hint: "give rows as CSV, or run psql as a command",
  });
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? text;
}
