import { requireStorage } from "../config/select.ts";
import { isDataopsError } from "../errors.ts";
import { backupOfPack } from "../repository/keys.ts";
import { storedSize, type Manifest } from "../repository/manifest.ts";
import { readDecision, type Decision, type DecisionKind } from "../repository/sidecar.ts";
import { isGood, type StoredBackup } from "../repository/stored-backup.ts";
import { readVerifications } from "../repository/read-verifications.ts";
import { lastVerification, type Verification } from "../repository/verification.ts";
import { openStorage } from "../storage/open.ts";
import type { Storage } from "../storage/storage.ts";
import { describeLast } from "./verify/describe.ts";
import type { Command, CommandContext, CommandResult } from "./command.ts";
import { FROM_OPTION, namedBackup, NAMES_A_BACKUP } from "./named-backup.ts";
import {
  humanBytes,
  humanCount,
  humanDuration,
  humanName,
  humanPlural,
  humanTable,
  type Column,
} from "../observe/human.ts";

export interface ShowOptions {
  id: string;
  from?: string | undefined;
}

/** Tables shown to a person; `--json` has all. */
const SHOWN_TABLES = 20;

const TABLE_COLUMNS = [
  { title: "TABLE", align: "left" },
  { title: "ROWS", align: "right" },
] as const satisfies readonly Column[];

export const command: Command<ShowOptions> = {
  options: (yargs) =>
    yargs
      .positional("id", {
        type: "string",
        demandOption: true,
        describe: NAMES_A_BACKUP,
      })
      .option("from", FROM_OPTION),
  run: runShow,
  exits: ["noSuchBackup", "notPermitted", "corrupt", "unreachable"],
  examples: [
    ["dataops show latest", "the newest backup"],
    ["dataops show 20261121T04", "the one backup of that hour"],
    ["dataops show latest --json | jq .archive.sha256", "the digest of its archive"],
  ],
};

/** Shows all that is known of one backup. */
export async function runShow(options: ShowOptions, context: CommandContext): Promise<CommandResult> {
  const config = await context.config();
  const storage = await openStorage(requireStorage(config), context.reporter);
  try {
    const backup = await namedBackup(storage, options, context);
    const decisions = await readDecisions(storage, backup, context);
    const verification = await verificationOf(storage, backup.manifest, context);
    return {
      exit: "done",
      data: { ...backup.manifest, ...decisions, ...(verification === undefined ? {} : { verification }) },
      text: describe(backup, { decisions, verification }, context.now()),
    };
  } finally {
    await storage.close();
  }
}

/** What people have said of the backup: by what, absent where they have not. */
type Decisions = Partial<Record<DecisionKind, Decision>>;

async function readDecisions(
  storage: Storage,
  { manifest, sidecars }: StoredBackup,
  { signal, reporter }: CommandContext,
): Promise<Decisions> {
  const decisions: Decisions = {};
  for (const kind of ["accepted", "kept"] as const) {
    if (!sidecars.has(kind)) continue;
    try {
      const decision = await readDecision(storage, kind, manifest, { signal });
      if (decision !== undefined) decisions[kind] = decision;
    } catch (error) {
      if (!isDataopsError(error, "corrupt")) throw error;
      reporter.warn(error.message);
    }
  }
  return decisions;
}

/** What sets this backup apart from others; nothing where nothing does. */
function describeMarks(backup: StoredBackup, decisions: Decisions): [title: string, value: string][] {
  const { suspect = [] } = backup.manifest;
  const said = ({ at, reason }: Decision): string =>
    reason === null ? `since ${at}` : `since ${at}: ${humanName(reason)}`;
  const { accepted, kept } = decisions;
  return [
    ...suspect.map((reason): [string, string] => [
      isGood(backup) ? "was suspect" : "SUSPECT",
      humanName(reason),
    ]),
    ...(accepted === undefined ? [] : [["accepted", said(accepted)] satisfies [string, string]]),
    ...(kept === undefined ? [] : [["kept", said(kept)] satisfies [string, string]]),
  ];
}

/** What verifying it came to; where that cannot be read, there is a warning. */
async function verificationOf(
  storage: Storage,
  manifest: Manifest,
  { signal, reporter }: CommandContext,
): Promise<Verification | undefined> {
  const { found, unreadable } = await readVerifications(storage, [manifest], signal);
  if (unreadable.length > 0) reporter.warn("what verifying it came to cannot be read");
  return found.get(manifest.id);
}

function describeVerification(
  verification: Verification | undefined,
  now: number,
): [title: string, value: string][] {
  const read = describeLast(lastVerification(verification, "read"), now);
  const restored = describeLast(lastVerification(verification, "restore"), now);
  return [
    ...(read === undefined ? [] : [["read", read] as [string, string]]),
    ...(restored === undefined ? [] : [["restored", restored] as [string, string]]),
  ];
}

/** What is beside the archive; nothing where there is nothing. */
function describeBlocks({ id, blocks }: Manifest): [title: string, value: string][] {
  if (blocks === null) return [];
  const bytes = blocks.packs.reduce((sum, { size }) => sum + size, 0);
  const tables = humanPlural(blocks.tables.length, "table");
  const packs = humanPlural(blocks.packs.length, "pack");
  const earlier = blocks.packs.filter(({ name }) => backupOfPack(name) !== id).length;
  const whose = earlier === 0 ? "" : `, ${earlier} of earlier backups`;
  return [["blocks", `${tables} in ${packs} of ${humanBytes(bytes)}${whose}`]];
}

interface Said {
  decisions: Decisions;
  verification: Verification | undefined;
}

function describe(backup: StoredBackup, { decisions, verification }: Said, now: number): string {
  const { manifest } = backup;
  const { source, archive, tables } = manifest;
  const started = Date.parse(manifest.started);
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  const facts = [
    ["backup", manifest.id],
    ["of", `${manifest.database} (${humanName(manifest.environment)})`],
    ...describeMarks(backup, decisions),
    ["started", `${manifest.started}, ${humanDuration(now - started)} ago`],
    ["took", humanDuration(Date.parse(manifest.finished) - started)],
    [
      "source",
      `${humanName(source.databaseName)}, PostgreSQL ${humanName(source.serverVersion)}, ${humanBytes(source.size)}`,
    ],
    [
      "identity",
      `system ${source.systemIdentifier}, database ${source.databaseOid}, at ${humanName(source.lsn ?? "an unknown position")}`,
    ],
    ["locale", `${humanName(source.encoding)}, ${humanName(source.locale ?? source.collate)}`],
    [
      "extensions",
      source.extensions.map(({ name, version }) => humanName(`${name} ${version}`)).join(", ") || "none",
    ],
    ["stored", `${humanBytes(storedSize(manifest))} by this backup`],
    ["archive", `${humanBytes(archive.size)}, ${humanBytes(archive.rawSize)} decompressed`],
    ...describeBlocks(manifest),
    ["sha256", archive.sha256],
    [
      "made with",
      `dataops ${humanName(manifest.dataopsVersion)}, pg_dump ${humanName(manifest.tools.pgDump)}`,
    ],
    ...describeVerification(verification, now),
    ["contents", `${humanPlural(tables.length, "table")}, ${humanPlural(rows, "row")}`],
  ].map(([title = "", value = ""]) => `${title.padEnd(11)} ${value}`);
  if (tables.length === 0) return facts.join("\n");

  const largest = tables.toSorted((left, right) => right.rows - left.rows).slice(0, SHOWN_TABLES);
  const table = humanTable(
    TABLE_COLUMNS,
    largest.map(({ schema, name, rows }) => [humanName(`${schema}.${name}`), humanCount(rows)]),
  );
  const rest = tables.length - largest.length;
  return [
    ...facts,
    "",
    table,
    ...(rest > 0 ? [`and ${humanPlural(rest, "table")} with fewer rows`] : []),
  ].join("\n");
}
