import type { RestoreConfig } from "./config.ts";
import type { LateOptions } from "./late-value.ts";
import type { CheckedConfig } from "./schema.ts";
import { readThenJob } from "./then.ts";

/** A database's `restore` section, as the schema checked it, with what it leaves out. */
export function readRestore(
  name: string,
  checked: CheckedConfig["restore"][string],
  late: Omit<LateOptions, "origin">,
): RestoreConfig {
  const { then: jobs, ...rest } = checked;
  return {
    jobs: undefined,
    template: undefined,
    ...rest,
    thenJobs: jobs.map((job, index) =>
      readThenJob(job, { ...late, origin: `restore.${name}.then[${index}]` }),
    ),
  };
}
