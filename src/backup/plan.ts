import { excludeArgument, type NamedTable } from "./blocks/table-pattern.ts";

/** What the PostgreSQL programs are told. Pure. */

/** The first `pg_dump` that carries planner statistics, so that a restored database needs no ANALYZE. */
const FIRST_MAJOR_WITH_STATISTICS = 18;

export interface DumpPlan {
  /** The exported snapshot that everything is read in. */
  snapshot: string;
  /** Milliseconds that pg_dump waits for a table's lock before it gives up. */
  lockWaitTimeout: number;
  /** Of the `pg_dump` that runs. */
  clientMajor: number;
  /** The tables whose rows are stored as blocks. */
  blockTables?: readonly NamedTable[] | undefined;
}

/**
 * Arguments of `pg_dump`. Not compressed: dataops compresses in parallel what comes out. Where to connect stands in the
 * environment, never here.
 */
export function dumpArguments({
  snapshot,
  lockWaitTimeout,
  clientMajor,
  blockTables = [],
}: DumpPlan): string[] {
  const statistics = clientMajor >= FIRST_MAJOR_WITH_STATISTICS ? ["--statistics"] : [];
  return [
    "--format=custom",
    "--compress=0",
    "--no-password",
    `--snapshot=${snapshot}`,
    `--lock-wait-timeout=${lockWaitTimeout}`,
    ...statistics,
    ...blockTables.map((table) => excludeArgument(table)),
  ];
}

/** Arguments of the `pg_restore` that reads the archive while it streams: every byte is parsed, nothing is restored. */
export function checkArguments(): string[] {
  return ["--format=custom", "--file=/dev/null"];
}

/** Arguments of the `pg_restore` that prints the table of contents of the archive that it is given. */
export function listArguments(): string[] {
  return ["--format=custom", "--list"];
}
