import { z } from "zod";
import { DATABASE_NAME_PATTERN } from "./database-name.ts";

/** What a schedule or a command runs. */
export const JOB_KINDS = ["backup", "verify", "prune", "seed", "reindex"] as const;

export type JobKind = (typeof JOB_KINDS)[number];

/** A job of the configuration: `backup production`, `reindex products`. */
export interface Job {
  kind: JobKind;
  /** The database's name in the configuration; the index's, for `reindex`. */
  name: string;
  /** The database whose folder in the storage holds the job's records: `name`, or the one that the index is built from. */
  database: string;
}

/** Names of databases and indexes: folders in the storage, and words on a command line. */
export const jobNameSchema = z.string().regex(DATABASE_NAME_PATTERN);

/** `backup production`, as it is typed and shown. */
export function jobTitle({ kind, name }: Pick<Job, "kind" | "name">): string {
  return `${kind} ${name}`;
}
