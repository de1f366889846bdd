import type { Config } from "../config/config.ts";
import type { Job } from "../repository/job.ts";
import { runBackupCommand } from "./backup.ts";
import type { CommandContext, CommandResult } from "./command.ts";
import { runPrune } from "./prune.ts";
import { runReindex } from "./reindex.ts";
import { runSeedCommand } from "./seed.ts";
import { runVerify } from "./verify.ts";

/** Runs a job for a slot as its command would: whoever fires it, it is the same. */
export async function runScheduled(
  job: Job,
  slot: number,
  config: Config,
  context: CommandContext,
): Promise<CommandResult> {
  const options = { database: job.name, slot: new Date(slot).toISOString() };
  switch (job.kind) {
    case "backup":
      return await runBackupCommand(options, context);
    case "prune":
      return await runPrune({ ...options, confirm: true, allowMany: false }, context);
    case "verify": {
      const restore = config.verify[job.name]?.server !== undefined;
      return await runVerify({ ...options, all: false, restore, allowVulnerableClient: false }, context);
    }
    case "seed":
      return await runSeedCommand({ ...options, dryRun: false, force: false, asSuperuser: false }, context);
    default:
      return await runReindex({ words: [job.name], adopt: false, slot: options.slot }, context);
  }
}
