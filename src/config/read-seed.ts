import type { SeedConfig } from "./config.ts";
import { UNSET_SCHEDULE } from "./defaults.ts";
import type { LateOptions } from "./late-value.ts";
import type { CheckedSeed } from "./seed-schema.ts";
import { readThenJob } from "./then.ts";

/** A database's `seed` section, as the schema checked it, with what it leaves out. */
export function readSeed(name: string, checked: CheckedSeed, late: Omit<LateOptions, "origin">): SeedConfig {
  const { then: jobs, ...rest } = checked;
  return {
    ...UNSET_SCHEDULE,
    schema: undefined,
    environment: undefined,
    template: undefined,
    ...rest,
    thenJobs: jobs.map((job, index) => readThenJob(job, { ...late, origin: `seed.${name}.then[${index}]` })),
  };
}
