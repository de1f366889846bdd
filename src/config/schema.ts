import { z } from "zod";
import { indexesSchema } from "./index-schema.ts";
import { DURATION_PATTERN, parseDuration, parseSize, SIZE_PATTERN } from "./units.ts";

/**
 * The configuration file, whole. The one source for parsing, error messages, the reference documentation and the JSON schema.
 *
 * Every object is strict: a key that is not here is an error. Defaults are written here and nowhere else.
 */

const DURATION_MESSAGE = "expected a duration such as 500ms, 30s, 5m, 2h or 1d";
const SIZE_MESSAGE = "expected a size such as 500MB, 64MiB or 20GB, or a number of bytes";

/** Names of databases and search engines: folders in the storage, and words on a command line. */
const databaseName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, "expected a name of a-z, 0-9, - and _, at most 63 long");

const environmentName = z
  .string()
  .regex(/^[a-z][a-z0-9_-]{0,31}$/, "expected a word of a-z, 0-9, - and _, such as production");

/** Milliseconds, written as `30s`. */
function duration(limits: { least: string; most: string }) {
  const least = parseDuration(limits.least) ?? 0;
  const most = parseDuration(limits.most) ?? Number.POSITIVE_INFINITY;
  return z
    .string({ error: DURATION_MESSAGE })
    .regex(DURATION_PATTERN, DURATION_MESSAGE)
    .transform((text) => parseDuration(text) ?? Number.NaN)
    .refine((milliseconds) => milliseconds >= least && milliseconds <= most, {
      error: `expected a duration from ${limits.least} to ${limits.most}`,
    });
}

/** Bytes, written as a number or as `64MiB`. */
function size() {
  return z.union(
    [
      z.int().min(1),
      z
        .string()
        .regex(SIZE_PATTERN)
        .transform((text) => parseSize(text) ?? Number.NaN),
    ],
    { error: SIZE_MESSAGE },
  );
}

/** A whole number, or text that is one: what `${VARIABLE}` gives is text. */
function count(least: number, most: number) {
  const message = `expected a whole number from ${least} to ${most}`;
  return z
    .union([z.int(), z.string().regex(/^\d+$/).transform(Number)], { error: message })
    .refine((value) => value >= least && value <= most, { error: message });
}

function flag() {
  return z.union([z.boolean(), z.enum(["true", "false"]).transform((text) => text === "true")], {
    error: "expected true or false",
  });
}

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
        "the least size of a part of an upload; parts are made larger where the database needs it (8 MiB)",
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
      .describe("`postgres://user@host:5432/name`; best taken from a variable: `${DATABASE_URL}`"),
    environment: environmentName.describe(
      "what the database is for. `production` can never be replaced by a restore; other words are yours",
    ),
  })
  .describe("a PostgreSQL database, under a name of your choice");

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
  indexes: indexesSchema,
  search: z.record(databaseName, search).default({}),
  cache: cache.prefault({}),
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
