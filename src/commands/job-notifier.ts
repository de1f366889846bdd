import { hostname } from "node:os";
import type { Config } from "../config/config.ts";
import type { Author } from "../notices/compose.ts";
import { createNotifier, NOTICE_HISTORY, type Notifier } from "../notices/notifier.ts";
import { knownSecrets, redactor } from "../notices/redact.ts";
import type { Job } from "../repository/job.ts";
import { listRuns } from "../repository/run-record.ts";
import type { Storage } from "../storage/storage.ts";
import { version } from "../version.ts";
import type { CommandContext } from "./command.ts";

/** What notices are signed with, and cleaned of. */
export function noticeAuthor(config: Config, context: Pick<CommandContext, "environment" | "now">): Author {
  return {
    host: hostname(),
    dataopsVersion: version,
    now: () => context.now(),
    // Looked for each time: some are not known before they are asked for.
    redact: (text) => redactor(knownSecrets(config, context.environment))(text),
  };
}

/** Looks on at a job's runs, and tells those whom the configuration names. Earlier runs are read from the storage. */
export function jobNotifier(
  config: Config,
  job: Job,
  storage: Storage,
  context: Pick<CommandContext, "environment" | "now">,
): Notifier {
  return createNotifier({
    channels: config.notify,
    job,
    author: noticeAuthor(config, context),
    previousRuns: async (signal) => {
      const { runs } = await listRuns(storage, job, { since: context.now() - NOTICE_HISTORY, signal });
      return runs;
    },
  });
}
