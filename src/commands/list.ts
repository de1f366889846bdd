import { requireStorage } from "../config/select.ts";
import { listBackups, type Catalogue } from "../repository/catalogue.ts";
import { storedSize } from "../repository/manifest.ts";
import { isGood, isKept, type StoredBackup } from "../repository/stored-backup.ts";
import { readVerifications } from "../repository/read-verifications.ts";
import { lastVerification, type Verification } from "../repository/verification.ts";
import { openStorage } from "../storage/open.ts";
import { verifiedMark } from "./verify/describe.ts";
import type { Command, CommandContext, CommandResult } from "./command.ts";
import { marksOf } from "./marks.ts";
import {
  humanBytes,
  humanCount,
  humanDuration,
  humanPlural,
  humanTable,
  type Column,
} from "../observe/human.ts";

export interface ListOptions {
  database?: string | undefined;
}

const COLUMNS = [
  { title: "ID", align: "left" },
  { title: "DATABASE", align: "left" },
  { title: "AGE", align: "right" },
  { title: "STORED", align: "right" },
  { title: "TABLES", align: "right" },
  { title: "ROWS", align: "right" },
  { title: "VERIFIED", align: "left" },
] as const satisfies readonly Column[];

/** Shown where there is anything in it. */
const MARKS = { title: "MARKS", align: "left" } as const satisfies Column;

export const command: Command<ListOptions> = {
  options: (yargs) =>
    yargs.positional("database", {
      type: "string",
      describe: "only this database's backups",
    }),
  run: runList,
  exits: ["warnings", "notPermitted", "unreachable"],
  examples: [
    ["dataops list", "every backup in the storage, newest first"],
    ["dataops list production --json", "production's, for programs"],
  ],
};

/** Shows which backups there are. Exit `warnings` where one of them cannot be read. */
export async function runList({ database }: ListOptions, context: CommandContext): Promise<CommandResult> {
  const storage = await openStorage(requireStorage(await context.config()), context.reporter);
  try {
    const catalogue = await listBackups(storage, database, { signal: context.signal });
    warnAbout(catalogue, context);
    const verified = catalogue.backups
      .filter(({ sidecars }) => sidecars.has("verification"))
      .map(({ manifest }) => manifest);
    const { found, unreadable } = await readVerifications(storage, verified, context.signal);
    for (const id of unreadable) context.reporter.warn(`what verifying ${id} came to cannot be read`);
    return {
      exit: catalogue.unreadable.length > 0 ? "warnings" : "done",
      data: {
        storage: storage.url,
        backups: catalogue.backups.map((backup) => ({
          ...summarise(backup),
          verified: markOf(found.get(backup.manifest.id)),
        })),
        unreadable: catalogue.unreadable.map(({ database, id, error }) => ({
          database,
          id,
          error: error.message,
        })),
        unfinished: catalogue.unfinished,
        abandoned: catalogue.abandoned,
        foreign: catalogue.foreign,
      },
      text: describe(catalogue.backups, found, storage.url, context.now()),
    };
  } finally {
    await storage.close();
  }
}

function warnAbout({ unreadable, unfinished, foreign }: Catalogue, { reporter }: CommandContext): void {
  for (const { error } of unreadable) reporter.warn(error.message);
  if (unfinished.length > 0) {
    reporter.info(
      `${humanPlural(unfinished.length, "backup")} running or ended before the manifest was written`,
    );
  }
  if (foreign.length > 0) {
    reporter.info(
      `${humanPlural(foreign.length, "object")} in the backups' folders that dataops did not write`,
    );
  }
}

function markOf(verification: Verification | undefined): string {
  return verifiedMark(lastVerification(verification, "read"), lastVerification(verification, "restore"));
}

function describe(
  backups: readonly StoredBackup[],
  verifications: ReadonlyMap<string, Verification>,
  url: string,
  now: number,
): string {
  if (backups.length === 0) return `no backups in ${url}`;
  const rows = backups.map((backup) => {
    const { id, database, started, size, tables, rows } = summarise(backup);
    return [
      id,
      database,
      humanDuration(now - Date.parse(started)),
      humanBytes(size),
      humanCount(tables),
      humanCount(rows),
      markOf(verifications.get(id)),
      marksOf(backup).join(", "),
    ];
  });
  const isMarked = backups.some((backup) => marksOf(backup).length > 0);
  return humanTable(isMarked ? [...COLUMNS, MARKS] : COLUMNS, rows);
}

/** What a list tells of one backup. */
function summarise(backup: StoredBackup): {
  id: string;
  database: string;
  started: string;
  finished: string;
  size: number;
  tables: number;
  rows: number;
  good: boolean;
  suspect: readonly string[];
  accepted: boolean;
  kept: boolean;
} {
  const { manifest, sidecars } = backup;
  return {
    id: manifest.id,
    database: manifest.database,
    started: manifest.started,
    finished: manifest.finished,
    size: storedSize(manifest),
    tables: manifest.tables.length,
    rows: manifest.tables.reduce((sum, { rows }) => sum + rows, 0),
    good: isGood(backup),
    suspect: manifest.suspect ?? [],
    accepted: sidecars.has("accepted"),
    kept: isKept(backup),
  };
}
