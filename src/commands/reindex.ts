import { reach } from "../config/database.ts";
import { requireDatabase, requireIndex, requireStorage } from "../config/select.ts";
import { DataopsError } from "../errors.ts";
import { abortReindex, readReindexStatus, type ReindexStatus } from "../reindex/status.ts";
import { visitingJobs } from "../schedule/hold-job.ts";
import type { Job } from "../repository/job.ts";
import type { JobOutcome } from "../schedule/run.ts";
import { rollbackAlias } from "../search/swap-alias.ts";
import type { JobFacts } from "../status/facts.ts";
import { readJobs } from "../status/read-jobs.ts";
import { openStorage } from "../storage/open.ts";
import type { Storage } from "../storage/storage.ts";
import type { Command, CommandContext, CommandResult } from "./command.ts";
import { openPlace, reindexJob, type ReindexedIndex } from "./reindex-index.ts";
import { reindexOne } from "./reindex-one.ts";
import {
  describeAborted,
  describeOwnDriver,
  describeReindexed,
  describeReindexStatus,
  describeRollback,
} from "./reindex-text.ts";
import { parseSlot, runDependencies, SLOT_OPTION } from "./run-dependencies.ts";

export interface ReindexOptions {
  words?: string[] | undefined;
  adopt: boolean;
  docsPerSecond?: number | undefined;
  to?: string | undefined;
  slot?: string | undefined;
}

const ACTIONS = ["status", "rollback", "abort"] as const;

export const command: Command<ReindexOptions> = {
  options: (yargs) =>
    yargs
      .positional("words", {
        type: "string",
        array: true,
        describe: "the indexes to build anew, all by default; or status, rollback INDEX, abort INDEX",
      })
      .option("adopt", {
        type: "boolean",
        default: false,
        describe:
          "replace an index that has the alias's name; it is deleted in the step that makes the alias",
      })
      .option("docs-per-second", {
        type: "number",
        describe: "send so many documents each second at most, in place of maxDocsPerSecond",
      })
      .option("to", { type: "string", describe: "with rollback: the kept index to go back to" })
      .option("slot", SLOT_OPTION),
  run: runReindex,
  exits: [
    "warnings",
    "busy",
    "notPermitted",
    "refused",
    "fenced",
    "unreachable",
    "reindexFailed",
    "interrupted",
    "terminated",
  ],
  examples: [
    ["dataops reindex products", "build the index anew; searches use the old one until it is ready"],
    ["dataops reindex products --docs-per-second 2000", "the same, gently"],
    ["dataops reindex status", "where the aliases are, and how far a run has come"],
    ["dataops reindex rollback products", "let the alias stand for the index before"],
    ["dataops reindex abort products", "delete what a run left that shall not be gone on with"],
  ],
};

/** Builds indexes anew, or does what the first word says. */
export async function runReindex(options: ReindexOptions, context: CommandContext): Promise<CommandResult> {
  const [word, ...rest] = options.words ?? [];
  const action = ACTIONS.find((one) => one === word);
  if (action === undefined) return reindexAll(options, context);
  if (action === "status") return showStatus(rest, context);
  const [name, ...more] = rest;
  if (name === undefined || more.length > 0) {
    throw new DataopsError("usage", `${action} takes one index`, { hint: `dataops reindex ${action} INDEX` });
  }
  return action === "rollback" ? rollBack(name, options.to, context) : abort(name, context);
}

async function reindexAll(options: ReindexOptions, context: CommandContext): Promise<CommandResult> {
  const { docsPerSecond } = options;
  if (docsPerSecond !== undefined && !(docsPerSecond >= 1)) {
    throw new DataopsError("usage", "--docs-per-second takes a number from 1", {
      hint: "leave it out for as many as the engine takes",
    });
  }
  const names = await namesOf(options.words, context);
  const slot = parseSlot(options.slot);
  if (slot !== undefined && names.length !== 1) {
    throw new DataopsError("usage", "--slot is for one index", {
      hint: "name it: each has its own schedule",
    });
  }
  const done: JobOutcome<ReindexedIndex>[] = [];
  for (const name of names) {
    done.push(await reindexOne(name, { adopt: options.adopt, docsPerSecond, slot }, context));
  }
  return {
    exit: done.every(({ exit }) => exit === "done") ? "done" : "warnings",
    data: done.map(({ value }) => value),
    text: done.map(({ value }) => describeReindexed(value)).join("\n"),
  };
}

async function namesOf(words: readonly string[] | undefined, context: CommandContext): Promise<string[]> {
  const config = await context.config();
  const names = words === undefined || words.length === 0 ? Object.keys(config.indexes) : [...new Set(words)];
  for (const name of names) requireIndex(config, name);
  if (names.length > 0) return names;
  throw new DataopsError("usage", "no index is configured", { hint: "describe it under indexes" });
}

async function showStatus(words: readonly string[], context: CommandContext): Promise<CommandResult> {
  const config = await context.config();
  const statuses: ReindexStatus[] = [];
  const texts: string[] = [];
  for (const name of await namesOf(words, context)) {
    const index = requireIndex(config, name);
    const job = reindexJob(name, index);
    if (index.driver !== "builtin") {
      const storage = await openStorage(requireStorage(config), context.reporter);
      try {
        texts.push(describeOwnDriver(name, await readFacts(storage, job, context.signal), context.now()));
      } finally {
        await storage.close();
      }
      continue;
    }
    await using place = await openPlace(config, index, context);
    const status = await readReindexStatus({ ...place, job, alias: name }, context.signal);
    const facts = await readFacts(place.storage, job, context.signal);
    statuses.push(status);
    texts.push(describeReindexStatus(status, facts, context.now()));
  }
  return { exit: "done", data: statuses, text: texts.join("\n") };
}

/** What is written down of the newest runs of a job; undefined where it never ran. */
async function readFacts(storage: Storage, job: Job, signal: AbortSignal): Promise<JobFacts | undefined> {
  const jobs = await readJobs(storage, job.database, { signal });
  return jobs.find(({ kind, name }) => kind === job.kind && name === job.name);
}

async function rollBack(
  name: string,
  to: string | undefined,
  context: CommandContext,
): Promise<CommandResult> {
  const config = await context.config();
  const index = requireBuiltin(name, requireIndex(config, name));
  await using place = await openPlace(config, index, context);
  const result = await rollbackAlias(place.engine, name, { signal: context.signal, to });
  return {
    exit: "done",
    data: { name, ...result },
    text: describeRollback(name, result),
  };
}

async function abort(name: string, context: CommandContext): Promise<CommandResult> {
  const config = await context.config();
  const index = requireBuiltin(name, requireIndex(config, name));
  await using place = await openPlace(config, index, context);
  const job = reindexJob(name, index);
  const database = await reach(requireDatabase(config, index.database), context.signal);
  const dependencies = { ...runDependencies(context, place.storage, database), observers: [] };
  // Where a run is at work, its job cannot be had; where none is, every unfinished index is a dead one's.
  const holding = visitingJobs(dependencies, {
    visitor: `reindex abort ${name}`,
    isPatient: false,
    bury: () => Promise.resolve(),
  });
  const result = await holding(job, ({ signal }) =>
    abortReindex({ ...place, job, alias: name }, () => Promise.resolve(false), signal),
  );
  return { exit: "done", data: { name, ...result }, text: describeAborted(name, result) };
}

function requireBuiltin<T extends { driver: unknown }>(name: string, index: T): T {
  if (index.driver === "builtin") return index;
  throw new DataopsError("usage", `${name} is built by your own application`, {
    hint: "what it keeps and where its alias is, your application knows",
  });
}
