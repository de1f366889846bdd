import { z } from "zod";
import { httpSchema } from "./http-schema.ts";
import { indexesSchema } from "./index-schema.ts";
import { notifySchema } from "./notify-schema.ts";
import { scheduleKeys } from "./schedule.ts";
import { count, databaseName, duration, environmentName, flag, size } from "./schema-values.ts";
import { seedSchema } from "./seed-schema.ts";
import { share } from "./share.ts";
import { thenSchema } from "./then-schema.ts";

/**
 * The configuration file, whole. The one source for parsing, error messages, the reference documentation and the JSON schema.
 *
 * Every object is strict: a key that is not here is an error. Defaults are written here and nowhere else.
 */

const storageObject = z
  .strictObject({
    url: z.string().min(1).describe("`s3://bucket/prefix`, or `file:///directory`"),
    endpoint: z
      .url({ protocol: /^https?$/, error: "expected an http(s) URL" })
      .optional()
      .describe("where the S3 service is, for one that is not Amazon's; `AWS_ENDPOINT_URL_S3` does the same"),
    region: z.string().min(1).optional().describe("the bucket's region; `AWS_REGION` does the same"),
    forcePathStyle: flag()
      .optional()
      .describe(
        "`https://host/bucket` instead of `https://bucket.host`; by default where an endpoint is given",
      ),
    partSize: size()
      .optional()
      .describe(
        "the least size of a part of an upload; parts are made larger where the database needs it (5 MiB)",
      ),
    maxParts: count(1, 10_000)
      .optional()
      .describe("the most parts the service allows in one upload: 10,000, but 1,000 at Scaleway"),
    checksums: z
      .enum(["when-supported", "when-required"])
      .optional()
      .describe("`when-required` for services that refuse Amazon's checksum headers"),
    kmsKeyId: z.string().min(1).optional().describe("encrypt objects with this KMS key (SSE-KMS)"),
  })
  .describe("where backups are");

const storage = z
  .union([z.string().min(1), storageObject])
  .transform((value) => (typeof value === "string" ? { url: value } : value));

const database = z
  .strictObject({
    url: z
      .string()
      .min(1)
      .describe(
        "`postgres://user@host:5432/name`; best taken from a variable, `${DATABASE_URL}`, or a reference: `secretsmanager:prod/app#url`",
      ),
    password: z
      .string()
      .min(1)
      .optional()
      .describe(
        "where the URL holds none: a variable, or a reference such as `secretsmanager:rds!db-1234#password`",
      ),
    auth: z
      .enum(["password", "rds-iam"])
      .optional()
      .describe(
        "`rds-iam` for a token of IAM in place of a password, made for each connection and program; needs TLS (`password`)",
      ),
    region: z
      .string()
      .regex(/^[a-z0-9-]{1,32}$/, "expected a region such as eu-west-1")
      .optional()
      .describe("for `rds-iam`: by default what the host's name says, else `AWS_REGION`"),
    environment: environmentName.describe(
      "what the database is for. `production` can never be replaced by a restore; other words are yours",
    ),
  })
  .describe("a PostgreSQL database, under a name of your choice");

const keep = z
  .strictObject({
    last: count(1, 100_000).optional().describe("so many of the newest"),
    within: duration({ least: "1h", most: "3650d" })
      .optional()
      .describe("all of so long before the newest one: `2d`"),
    hourly: count(1, 100_000).optional().describe("the newest of each of so many hours that have one"),
    daily: count(1, 100_000).optional().describe("of so many days"),
    weekly: count(1, 100_000).optional().describe("of so many weeks, which begin on Monday"),
    monthly: count(1, 100_000).optional().describe("of so many months"),
    yearly: count(1, 100_000).optional().describe("of so many years"),
  })
  .refine((rules) => Object.values(rules).some((rule) => rule !== undefined), {
    error: "expected at least one of last, within, hourly, daily, weekly, monthly and yearly",
  })
  .describe(
    "which backups `dataops prune` keeps: those that any of these rules keeps, by their start in UTC. Without it, all",
  );

const backup = z
  .strictObject({
    format: z
      .enum(["archive", "blocks"])
      .default("blocks")
      .describe(
        "how backups are stored: `archive`, whole each time, or `blocks`, where large tables' rows that did not change are not stored again",
      ),
    lockWaitTimeout: duration({ least: "1s", most: "1d" })
      .prefault("30s")
      .describe("how long the backup waits for a table that somebody has locked, before it gives up"),
    stallTimeout: duration({ least: "1s", most: "1d" })
      .prefault("5m")
      .describe("how long it may go without a byte, before it gives up"),
    jobs: count(1, 64)
      .optional()
      .describe("connections that read blocks at the same time; one for each core by default"),
    compressionLevel: count(1, 19).prefault(1).describe("zstd's level"),
    ...scheduleKeys,
    maxAge: duration({ least: "1m", most: "3650d" })
      .optional()
      .describe(
        "the oldest that the newest good backup may be before `check` calls it stale; by default until the second scheduled backup after it is due, and 25h without a schedule",
      ),
    minimum: count(1, 10_000)
      .prefault(1)
      .describe("the least number of good backups there should be; `check` warns of fewer"),
    maxSizeChange: share(1, 10_000)
      .prefault("50%")
      .describe(
        "how far the newest good backup's size may be from the median of those before; `check` warns of more",
      ),
    maxVerificationAge: duration({ least: "1h", most: "3650d" })
      .optional()
      .describe(
        "how long ago a backup may last have passed a verification before `check` warns; by default any time, or never",
      ),
    volatileTables: z
      .array(z.string().min(1))
      .default([])
      .describe(
        "tables that come and go, such as queues, as `schema.table` or `table`: empty or gone, they make no backup suspect",
      ),
    keep: keep.optional(),
  })
  .describe("how one database is backed up");

const afterStep = z.union(
  [
    z.strictObject({ sql: z.string().min(1).describe("an SQL file, relative to this file") }),
    z.strictObject({
      command: z
        .array(z.string())
        .min(1)
        .describe("a program and its arguments; it finds the database in `DATABASE_URL` and `PG*`"),
    }),
  ],
  { error: "expected { sql: FILE } or { command: [PROGRAM, ARGUMENT…] }" },
);

const restore = z
  .strictObject({
    after: z
      .array(afterStep)
      .default([])
      .describe("what is done to the restored copy before anybody can connect to it, in this order"),
    // eslint-disable-next-line unicorn/no-thenable -- the key's name in the file
    then: thenSchema,
    jobs: count(1, 64).optional().describe("parallel workers; one for each core by default"),
    keepOld: flag()
      .prefault(true)
      .describe("keep the replaced database as `<name>__old`, for `dataops undo`"),
    template: flag()
      .optional()
      .describe(
        "keep a copy of the last restored backup as `<name>__template`, so that restoring it again is quick; by default on this machine's own server only",
      ),
    waitForSessions: duration({ least: "0s", most: "1h" })
      .prefault("10s")
      .describe("how long to wait for sessions on the old database to leave, before the swap"),
    skipExtensions: z
      .array(z.string().min(1))
      .default([])
      .describe("extensions to do without where the server lacks them, though something uses them"),
  })
  .describe("how backups are restored into one database");

const verify = z
  .strictObject({
    server: databaseName
      .optional()
      .describe(
        "a database of this file, on whose server backups are restored to see whether they can be: beside it, into one of their own that is dropped afterwards. Without it, scheduled runs read every byte",
      ),
    ...scheduleKeys,
    allowSourceServer: flag()
      .prefault(false)
      .describe(
        "whether that may be the server that the backups are made of, or one with a production database",
      ),
  })
  .describe("how one database's backups are verified");

const prune = z
  .strictObject(scheduleKeys)
  .describe("when one database's backups are deleted that no rule of `backup.<database>.keep` keeps");

const search = z
  .strictObject({
    url: z
      .string()
      .min(1)
      .describe(
        "`https://host:9200`; best taken from a variable: `${OPENSEARCH_URL}`. It may hold a user and a password",
      ),
    auth: z
      .enum(["none", "basic", "sigv4"])
      .optional()
      .describe(
        "`basic` for a user and a password, `sigv4` for Amazon's services, with the credentials of AWS's own chain; by default `basic` where a user is given, else `none`",
      ),
    username: z.string().min(1).optional().describe("for `basic`, where the URL holds none"),
    password: z
      .string()
      .min(1)
      .optional()
      .describe("for `basic`; only ever as a variable: `${OPENSEARCH_PASSWORD}`"),
    region: z
      .string()
      .min(1)
      .optional()
      .describe("for `sigv4`: the domain's region; by default that of its host name, else `AWS_REGION`"),
    service: z
      .enum(["es", "aoss"])
      .optional()
      .describe(
        "for `sigv4`: `es` for a domain, `aoss` for a serverless collection; by default what its host name says",
      ),
    ca: z
      .string()
      .min(1)
      .optional()
      .describe(
        "a PEM file with the certificates to trust, relative to this file; by default those that the system trusts",
      ),
  })
  .describe("a search engine, OpenSearch or Elasticsearch, under a name of your choice");

const cache = z
  .strictObject({
    directory: z
      .string()
      .min(1)
      .optional()
      .describe("where downloaded backups are kept (`$XDG_CACHE_HOME/dataops`, else `~/.cache/dataops`)"),
    maxSize: size().prefault("20GB").describe("the most it holds; the backups used longest ago go first"),
  })
  .describe("the cache of downloaded backups");

export const configSchema = z.strictObject({
  storage: storage.optional(),
  databases: z.record(databaseName, database).default({}),
  backup: z.record(databaseName, backup).default({}),
  restore: z.record(databaseName, restore).default({}),
  verify: z.record(databaseName, verify).default({}),
  prune: z.record(databaseName, prune).default({}),
  seed: z.record(databaseName, seedSchema).default({}),
  indexes: indexesSchema,
  search: z.record(databaseName, search).default({}),
  cache: cache.prefault({}),
  notify: notifySchema,
  http: httpSchema.prefault({}),
});

/** A checked configuration, before the databases' URLs are looked at. */
export type CheckedConfig = z.output<typeof configSchema>;
/** A search engine as the file has it: what its values come to is found out when it is first needed. */
export type GivenSearch = z.output<typeof search>;
/** One step after a restore. */
export type AfterStep = z.output<typeof afterStep>;

export const DEFAULT_BACKUP = backup.parse({});
export const DEFAULT_RESTORE = restore.parse({});

/** The configuration file's JSON schema, for editors. */
export function configJsonSchema(): Record<string, unknown> {
  return {
    ...z.toJSONSchema(configSchema, { io: "input", target: "draft-2020-12" }),
    title: "dataops.config.yaml",
  };
}
