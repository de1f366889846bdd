import type { Argv } from "yargs";
import { reach } from "../config/database.ts";
import { requireDatabase, requireStorage, theProductionDatabase } from "../config/select.ts";
import type { Config } from "../config/config.ts";
import { DataopsError } from "../errors.ts";
import { makeBackupId } from "../repository/backup-id.ts";
import { findBackup, latestBackup, listBackups } from "../repository/catalogue.ts";
import type { Job } from "../repository/job.ts";
import type { Manifest } from "../repository/manifest.ts";
import { openStorage } from "../storage/open.ts";
import type { Storage } from "../storage/storage.ts";
import type { Command, CommandContext, CommandResult } from "./command.ts";
import { runAsJob } from "./run-as-job.ts";
import { parseSlot, SLOT_OPTION } from "./run-dependencies.ts";
import { describeVerified } from "./verify/describe.ts";
import { tryToKeep, type Verified, type VerifyRun } from "./verify/keep-result.ts";
import { verifyAll, verifyOne, type VerifySite } from "./verify/run.ts";
import { whoseLatest } from "./whose-latest.ts";

export interface VerifyOptions {
  id?: string | undefined;
  database?: string | undefined;
  all: boolean;
  restore: boolean;
  allowVulnerableClient: boolean;
  slot?: string | undefined;
}

export const command: Command<VerifyOptions> = {
  options: (yargs) => {
    const extended = yargs
      .positional("id", {
        type: "string",
        describe: "a backup's id, the beginning of one, or `latest`, which is the default",
      })
      .option("database", {
        type: "string",
        requiresArg: true,
        describe: "whose backups, where the storage holds several databases",
      })
      .option("all", {
        type: "boolean",
        default: false,
        describe: "read every backup of the database; what they share, once",
      })
      .option("restore", {
        type: "boolean",
        default: false,
        describe:
          "restore it on the server that `verify` in the configuration names, compare every row, and drop it",
      })
      .option("allow-vulnerable-client", {
        type: "boolean",
        default: false,
        describe: "use a pg_restore with known security holes, if there is no other",
      })
      .option("slot", SLOT_OPTION);
    // eslint-disable-next-line typescript/no-unsafe-type-assertion -- yargs gives each in camel case, too; its types do not
    return extended as unknown as Argv<VerifyOptions>;
  },
  run: runVerify,
  exits: [
    "warnings",
    "noSuchBackup",
    "busy",
    "notPermitted",
    "refused",
    "corrupt",
    "fenced",
    "unreachable",
    "tool",
    "interrupted",
    "terminated",
  ],
  examples: [
    ["dataops verify", "read every byte of the newest backup, and check every digest"],
    ["dataops verify --all", "of every backup of production"],
    [
      "dataops verify --restore",
      "restore the newest backup on another server, compare every row, and time it",
    ],
  ],
};

/** Verifies backups. Exit `corrupt` where one of them is damaged, `warnings` where a result could not be kept. */
export async function runVerify(given: VerifyOptions, context: CommandContext): Promise<CommandResult> {
  const options = given.id === "latest" ? { ...given, id: undefined } : given;
  requireFitting(options);
  const config = await context.config();
  const storage = await openStorage(requireStorage(config), context.reporter);
  try {
    return options.slot === undefined
      ? await verify(options, context, config, storage)
      : await verifyForSlot(options, context, config, storage);
  } finally {
    await storage.close();
  }
}

/** What a schedule starts is a job: run once for its slot, recorded, and told. By hand it is also for who may only read. */
async function verifyForSlot(
  options: VerifyOptions,
  context: CommandContext,
  config: Config,
  storage: Storage,
): Promise<CommandResult> {
  const chosen =
    options.database === undefined
      ? theProductionDatabase(config)
      : requireDatabase(config, options.database);
  const database = await reach(chosen, context.signal);
  const job: Job = { kind: "verify", name: database.name, database: database.name };
  const outcome = await runAsJob(
    context,
    { config, storage, database },
    {
      job,
      slot: parseSlot(options.slot),
      prepare: () => Promise.resolve(undefined),
      // What it comes to is of value whoever else has run meanwhile.
      bury: () => Promise.resolve(false),
      work: async ({ signal }) => {
        const result = await verify(
          { ...options, database: database.name },
          { ...context, signal },
          config,
          storage,
        );
        if (result.exit === "corrupt") throw verificationFailed(result);
        const isKept = result.exit === "done";
        return {
          value: result,
          exit: isKept ? "done" : "warnings",
          message: isKept ? null : "the result could not be kept",
          result: {},
        };
      },
    },
  );
  return { ...outcome.value, exit: outcome.exit };
}

function verificationFailed({ text }: CommandResult): DataopsError {
  const [first = "a backup is damaged"] = text.split("\n", 1);
  return new DataopsError("corrupt", first, {
    hint: "`dataops show ID` tells all that was found; make a new backup, and find out what wrote to the storage",
  });
}

async function verify(
  options: VerifyOptions,
  context: CommandContext,
  config: Config,
  storage: Storage,
): Promise<CommandResult> {
  const site = await siteOf(options, context, config, storage);
  const verified = options.all
    ? await verifyAll(site, await listBackups(storage, site.database, { signal: context.signal }))
    : await verifyOne(site, await theBackup(options, site));
  let isKept = true;
  for (const each of verified) isKept = (await tryToKeep(storage, each, context)) && isKept;
  return {
    exit: exitOf(verified, isKept),
    data: {
      verifications: verified.map(({ database, id, result }) => ({ database, backup: id, ...result })),
    },
    text: verified.map(describeVerified).join("\n"),
  };
}

function requireFitting({ id, all, restore }: VerifyOptions): void {
  if (!all) return;
  const other = id === undefined ? (restore ? "--restore" : undefined) : "an id";
  if (other === undefined) return;
  throw new DataopsError("usage", `--all does not go with ${other}`, {
    hint: "--all reads every backup; one at a time is restored",
  });
}

async function siteOf(
  options: VerifyOptions,
  context: CommandContext,
  config: Config,
  storage: Storage,
): Promise<VerifySite & { database: string | undefined }> {
  const { signal } = context;
  const started = context.now();
  const run: VerifyRun = {
    id: makeBackupId(started),
    kind: options.restore ? "restore" : "read",
    started,
    now: () => context.now(),
  };
  const { database } = options;
  const { allowVulnerableClient } = options;
  return {
    run,
    context,
    config,
    storage,
    allowVulnerableClient,
    // An id says itself whose backup it is.
    database:
      database ??
      (options.id === undefined ? await whoseLatest(storage, config, signal, "--database") : undefined),
  };
}

async function theBackup(
  { id }: VerifyOptions,
  { storage, database, context: { signal } }: VerifySite & { database: string | undefined },
): Promise<Manifest> {
  if (id === undefined) {
    if (database === undefined) throw new Error("neither a backup nor a database is named");
    return await latestBackup(storage, database, { signal });
  }
  const manifest = await findBackup(storage, id, { signal });
  if (database === undefined || manifest.database === database) return manifest;
  throw new DataopsError(
    "noSuchBackup",
    `backup ${manifest.id} is of ${manifest.database}, not of ${database}`,
    {
      hint: "leave out --database",
    },
  );
}

function exitOf(verified: readonly Verified[], isKept: boolean): CommandResult["exit"] {
  if (verified.some(({ result }) => result.state === "failed")) return "corrupt";
  return isKept ? "done" : "warnings";
}
