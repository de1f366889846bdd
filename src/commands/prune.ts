import type { PlannedBackup, PrunePlan } from "../backup/prune/plan.ts";
import { isTooMany } from "../backup/prune/plan.ts";
import { describeMany, previewPrune, type PruneOutcome } from "../backup/prune/prune.ts";
import { pruneJob } from "../backup/prune/prune-job.ts";
import type { ReachableDatabase } from "../config/config.ts";
import { reach } from "../config/database.ts";
import { backupSettings, requireDatabase, requireStorage, theProductionDatabase } from "../config/select.ts";
import { humanBytes, humanDuration, humanPlural, humanTable, type Column } from "../observe/human.ts";
import type { WithLease } from "../repository/job-lease.ts";
import { jobTitle } from "../repository/job.ts";
import { buryBackup } from "../repository/bury-backup.ts";
import { visitingJobs } from "../schedule/hold-job.ts";
import type { JobOutcome, JobRun } from "../schedule/run.ts";
import { openStorage } from "../storage/open.ts";
import type { Storage } from "../storage/storage.ts";
import type { Command, CommandContext, CommandResult } from "./command.ts";
import { runAsJob } from "./run-as-job.ts";
import { parseSlot, runDependencies, SLOT_OPTION } from "./run-dependencies.ts";

export interface PruneOptions {
  database?: string | undefined;
  confirm: boolean;
  allowMany: boolean;
  slot?: string | undefined;
}

const COLUMNS = [
  { title: "ID", align: "left" },
  { title: "AGE", align: "right" },
  { title: "OWN SIZE", align: "right" },
  { title: "KEPT BY", align: "left" },
] as const satisfies readonly Column[];

export const command: Command<PruneOptions> = {
  options: (yargs) => {
    const extended = yargs
      .positional("database", {
        type: "string",
        describe: "the database whose backups are meant; the production one by default",
      })
      .option("confirm", {
        type: "boolean",
        default: false,
        describe: "delete; without it nothing is, and what would be is shown",
      })
      .option("allow-many", {
        type: "boolean",
        default: false,
        describe: "delete more than half of the good backups in one go, if it comes to that",
      })
      .option("slot", SLOT_OPTION);
    // eslint-disable-next-line typescript/no-unsafe-type-assertion -- yargs gives each in camel case, too; its types do not
    return extended as unknown as ReturnType<Command<PruneOptions>["options"]>;
  },
  run: runPrune,
  exits: [
    "warnings",
    "busy",
    "notPermitted",
    "refused",
    "corrupt",
    "fenced",
    "unreachable",
    "interrupted",
    "terminated",
  ],
  examples: [
    ["dataops prune production", "what the rules of `backup.production.keep` would delete"],
    ["dataops prune production --confirm", "delete it"],
  ],
};

/** Shows or deletes what the rules of retention do not keep. Exit `warnings` where something could not be read or deleted. */
export async function runPrune(options: PruneOptions, context: CommandContext): Promise<CommandResult> {
  const config = await context.config();
  const chosen =
    options.database === undefined
      ? theProductionDatabase(config)
      : requireDatabase(config, options.database);
  const database = chosen.name;
  const { keep: rules } = backupSettings(config, database);
  const slot = parseSlot(options.slot);
  const { reporter, signal } = context;
  const storage = await openStorage(requireStorage(config), reporter);
  const now = (): number => context.now();
  const confirmed = async (): Promise<JobOutcome<PruneOutcome>> => {
    const target = await reach(chosen, signal);
    return await runAsJob(
      context,
      { config, storage, database: target },
      pruneJob(
        { storage, now, slot, withLease: (run) => holdBackups(context, storage, target, { run, slot }) },
        { database, rules, allowMany: options.allowMany },
      ),
    );
  };
  try {
    const { value: outcome, exit } = options.confirm
      ? await confirmed()
      : preview(await previewPrune({ storage, signal, now }, { database, rules }));
    for (const warning of outcome.warnings) reporter.warn(warning);
    const lines = describe(outcome, {
      ...options,
      database,
      isRuled: rules !== undefined,
      now: context.now(),
    });
    return {
      exit,
      data: dataOf(outcome, database),
      text: lines.join("\n"),
    };
  } finally {
    await storage.close();
  }
}

function preview(value: PruneOutcome): { value: PruneOutcome; exit: CommandResult["exit"] } {
  return { value, exit: value.warnings.length > 0 ? "warnings" : "done" };
}

/** While something is deleted, no backup of the database runs: it could refer to packs that go. */
function holdBackups(
  context: CommandContext,
  storage: Storage,
  database: ReachableDatabase,
  { run: { job, signal }, slot }: { run: JobRun; slot: number | undefined },
): WithLease {
  return visitingJobs(
    { ...runDependencies(context, storage, database), signal, observers: [] },
    {
      visitor: jobTitle(job),
      isPatient: slot !== undefined,
      bury: (id, { id: by, conditional, signal }) =>
        buryBackup({ storage, database: database.name, id, by, conditional, now: context.now() }, { signal }),
    },
  );
}

function dataOf({ plan, survey, deleted, warnings }: PruneOutcome, database: string): unknown {
  return {
    database,
    confirmed: deleted !== undefined,
    backups: plan.backups.map(({ started, ...backup }) => ({
      ...backup,
      started: new Date(started).toISOString(),
      deleted: backup.keptBy.length === 0,
    })),
    packs: plan.packs.map(({ name, size }) => ({ name, size })),
    leftovers: plan.leftovers.map(({ id }) => id),
    bytes: plan.bytes,
    deleted: deleted ?? null,
    foreign: survey.foreign,
    warnings,
  };
}

interface Shown extends PruneOptions {
  database: string;
  isRuled: boolean;
  now: number;
}

function describe({ plan, survey, deleted }: PruneOutcome, shown: Shown): string[] {
  const { database, isRuled, now } = shown;
  const table = humanTable(
    COLUMNS,
    plan.backups.map((backup) => [
      backup.id,
      humanDuration(now - backup.started),
      humanBytes(backup.size),
      describeVerdict(backup),
    ]),
  );
  const { foreign } = survey;
  return [
    ...(plan.backups.length === 0 ? [`no backups of ${database}`] : [table]),
    "",
    ...(isRuled ? [] : [`no backup.${database}.keep is configured: every backup is kept`]),
    ...(foreign.length > 0
      ? [`${humanPlural(foreign.length, "object")} that dataops did not write: left alone`]
      : []),
    ...(deleted === undefined
      ? describePreview(plan, shown)
      : [
          `deleted ${countAll(deleted.backups, deleted.packs, deleted.leftovers)}: ${humanBytes(deleted.bytes)}`,
        ]),
  ];
}

function describeVerdict({ keptBy, state }: PlannedBackup): string {
  const verdict = keptBy.length === 0 ? "nothing: it goes" : keptBy.join(", ");
  return state === "good" || state === "unreadable" ? verdict : `${verdict} (${state})`;
}

function describePreview(plan: PrunePlan, { database }: Shown): string[] {
  const { removals, packs, leftovers, bytes } = plan;
  if (removals.length + packs.length + leftovers.length === 0) return ["there is nothing to delete"];
  const what = countAll(removals.length, packs.length, leftovers.length);
  const flags = isTooMany(plan) ? "--confirm --allow-many" : "--confirm";
  return [
    `would delete ${what}: ${humanBytes(bytes)}`,
    ...(isTooMany(plan) ? [`that is ${describeMany(plan)}: more than half`] : []),
    `\`dataops prune ${database} ${flags}\` does it`,
  ];
}

/** `2 backups, 1 pack`: what there is of each, at least one. */
function countAll(backups: number, packs: number, leftovers: number): string {
  const parts = [
    ...(backups > 0 ? [humanPlural(backups, "backup")] : []),
    ...(packs > 0 ? [humanPlural(packs, "pack")] : []),
    ...(leftovers > 0 ? [`what ${humanPlural(leftovers, "dead run")} left`] : []),
  ];
  return parts.length === 0 ? "nothing" : parts.join(", ");
}
