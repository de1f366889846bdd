import type { RestoreConfig } from "./config.ts";
import type { Environment } from "./environment.ts";
import type { CheckedConfig } from "./schema.ts";
import { readThenJob } from "./then.ts";

/** A database's `restore` section, as the schema checked it, with what it leaves out. */
export function readRestore(
  name: string,
  checked: CheckedConfig["restore"][string],
  environment: Environment,
): RestoreConfig {
  const { then: jobs, ...rest } = checked;
  return {
    jobs: undefined,
    template: undefined,
    ...rest,
    thenJobs: jobs.map((job, index) => readThenJob(job, `restore.${name}.then[${index}]`, environment)),
  };
}
