import type { Argv } from "yargs";
import { reach } from "../config/database.ts";
import { requireDatabase, requireSeed, requireStorage } from "../config/select.ts";
import type { Config, ReachableDatabase } from "../config/config.ts";
import { humanDuration, humanName } from "../observe/human.ts";
import { describeIdentity } from "../replace/guard/identity.ts";
import { checkThen } from "../replace/then/run-then.ts";
import { latestBackup } from "../repository/catalogue.ts";
import { prepareSchema } from "../restore/schema-of-backup.ts";
import type { SeedDependencies } from "../seed/run.ts";
import { previewSeed, runSeed, type SeedOutcome, type SeedPreview } from "../seed/seed.ts";
import type { JobOutcome } from "../schedule/run.ts";
import { openStorage } from "../storage/open.ts";
import type { Storage } from "../storage/storage.ts";
import type { Command, CommandContext, CommandResult } from "./command.ts";
import { runAsJob } from "./run-as-job.ts";
import { parseSlot, SLOT_OPTION } from "./run-dependencies.ts";
import { runThenJobs } from "./then-jobs.ts";

export interface SeedOptions {
  database: string;
  dryRun: boolean;
  force: boolean;
  asSuperuser: boolean;
  slot?: string | undefined;
}

export const command: Command<SeedOptions> = {
  options: (yargs) => {
    const extended = yargs
      .positional("database", {
        type: "string",
        demandOption: true,
        describe: "the database to reset, by its name in the configuration",
      })
      .option("dry-run", {
        type: "boolean",
        default: false,
        describe: "say what would be done, and to which database; change nothing",
      })
      .option("force", {
        type: "boolean",
        default: false,
        describe: "end sessions on the database, instead of waiting for them",
      })
      .option("as-superuser", {
        type: "boolean",
        default: false,
        describe: "run schema and seeds as a superuser, if that is who connects",
      })
      .option("slot", SLOT_OPTION);
    // eslint-disable-next-line typescript/no-unsafe-type-assertion -- yargs gives each in camel case, too; its types do not
    return extended as unknown as Argv<SeedOptions>;
  },
  run: runSeedCommand,
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
    ["dataops seed staging --dry-run", "what would be done, and to which database"],
    ["dataops seed staging", "staging as its seeds make it; the one from before is kept for `dataops undo`"],
  ],
};

/** Resets a database to its seeds. */
export async function runSeedCommand(options: SeedOptions, context: CommandContext): Promise<CommandResult> {
  const config = await context.config();
  const target = await reach(requireDatabase(config, options.database), context.signal);
  const settings = requireSeed(config, target.name);
  await checkThen(settings.thenJobs, { ...context, folder: config.folder });
  await using storage = lazyStorage(config, context);
  const dependencies = dependenciesOf(config, target, context, () => storage.open());
  const { force, asSuperuser } = options;
  const request = { target, settings, folder: config.folder, force, asSuperuser };
  if (options.dryRun) return tellPreview(target, await previewSeed(dependencies, request));
  // A job is recorded beside the backups; a reset needs none.
  if (config.storage === undefined) return tellOutcome(target, await runSeed(dependencies, request));
  const outcome = await runAsJob(
    context,
    { config, storage: await storage.open(), database: target },
    {
      job: { kind: "seed", name: target.name, database: target.name },
      slot: parseSlot(options.slot),
      prepare: () => Promise.resolve(undefined),
      // A reset that was lost left a scratch database, which the next one clears; its swap was one transaction, or none.
      bury: () => Promise.resolve(false),
      work: async (run) => outcomeOf(await runSeed({ ...dependencies, signal: run.signal }, request)),
    },
  );
  return { ...tellOutcome(target, outcome.value), exit: outcome.exit };
}

/** Characters of a message in a run's record. */
const LONGEST_MESSAGE = 2000;

function outcomeOf(value: SeedOutcome): JobOutcome<SeedOutcome> {
  const { failedJobs, fromTemplate } = value;
  const hasFailed = failedJobs.length > 0;
  return {
    value,
    exit: hasFailed ? "warnings" : "done",
    message: hasFailed ? `failed afterwards: ${failedJobs.join("; ")}`.slice(0, LONGEST_MESSAGE) : null,
    result: { fromTemplate },
  };
}

function dependenciesOf(
  config: Config,
  target: ReachableDatabase,
  context: CommandContext,
  storage: () => Promise<Storage>,
): SeedDependencies {
  const { reporter, signal, environment } = context;
  return {
    reporter,
    signal,
    environment,
    now: () => context.now(),
    async findSchema(database) {
      const opened = await storage();
      const manifest = await latestBackup(opened, database, { signal });
      return {
        id: manifest.id,
        source: manifest.source,
        prepare: (maintenance, who) =>
          prepareSchema(manifest, maintenance, who, {
            storage: opened,
            cache: config.cache,
            reporter,
            signal,
            environment,
          }),
      };
    },
    runThen: (jobs, { target: name, database, runId }) =>
      runThenJobs(
        jobs,
        { config, target, event: { job: "seed", target: name, database, run: runId } },
        context,
      ),
  };
}

/** Most resets need no storage. */
function lazyStorage(config: Config, { reporter }: CommandContext) {
  let opened: Promise<Storage> | undefined;
  return {
    open: () => (opened ??= openStorage(requireStorage(config), reporter)),
    async [Symbol.asyncDispose]() {
      await (await opened?.catch(() => undefined))?.close();
    },
  };
}

function tellPreview({ name }: ReachableDatabase, preview: SeedPreview): CommandResult {
  const { identity, strategy, backup, schema, seeds, fromTemplate } = preview;
  const from = backup === undefined ? schema : [`backup ${backup}, without rows`];
  const lines = [
    `would reset ${name}: ${describeIdentity(identity)}`,
    strategy === "schema"
      ? "in place, in one transaction; there would be nothing to undo it with"
      : `by a database built beside it${fromTemplate ? ", as a copy of the template of the last reset: nothing has changed since" : ""}`,
    `schema: ${from.length === 0 ? "kept as it is" : from.map(humanName).join(", ")}`,
    `seeds: ${seeds.length === 0 ? "none" : seeds.map(humanName).join(", ")}`,
    "nothing was changed",
  ];
  return { exit: "done", data: { target: name, ...preview, backup: backup ?? null }, text: lines.join("\n") };
}

function tellOutcome({ name }: ReachableDatabase, outcome: SeedOutcome): CommandResult {
  const { identity, old, leftOut, fromTemplate, failedJobs, duration } = outcome;
  const how = fromTemplate ? "copied from the template of the last reset" : "built from its seeds";
  const lines = [
    `reset ${humanName(identity.databaseName)}: ${how}, in ${humanDuration(duration)}`,
    ...(old === undefined
      ? []
      : [`the database from before is kept as ${humanName(old)}: \`dataops undo ${name}\` brings it back`]),
    ...leftOut.map((line) => `left out: ${humanName(line)}`),
    ...failedJobs.map((line) => `failed afterwards: ${humanName(line)}`),
  ];
  return {
    exit: failedJobs.length > 0 ? "warnings" : "done",
    data: {
      target: name,
      database: identity.databaseName,
      identity,
      old: old ?? null,
      fromTemplate,
      leftOut,
      failedJobs,
      duration,
    },
    text: lines.join("\n"),
  };
}
