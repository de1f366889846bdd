import { describe, expect, vi } from "vitest";
import type { CommandContext, CommandResult } from "../../../src/commands/command.ts";
import { storagePolicy, type StorageRole } from "../../../src/deploy/iam-policy.ts";
import { quoteIdentifier } from "../../../src/postgres/quote.ts";
import { openS3Storage } from "../../../src/storage/s3.ts";
import { isStorageError } from "../../../src/storage/storage-error.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import { commandContext } from "../../support/command-context.ts";
import type { TestBucket } from "../../support/e2e-bucket.ts";
import { test as e2eTest } from "../../support/e2e-test.ts";
import { urlFor } from "../../support/postgres-servers.ts";
import { runAsSuperuser, uniqueName, type TestDatabase } from "../../support/postgres-test.ts";
import { idAt, keysOf, storeBackup } from "../../support/stored-backups.ts";
import { runHere } from "../../support/run-here.ts";
import { createS3Role, type S3Role } from "../../support/s3-roles.ts";
import { ServerUnavailable } from "../../support/server-unavailable.ts";

/** What `dataops print iam-policy` prints, given to users of a real gateway: each can do its job, and nothing more. */

const PREFIX = "acme/dataops";
/** Its name begins as ours does. */
const NEIGHBOUR = "acme/dataops-of-others";
const BODY = Buffer.from("x");

interface Actor {
  /** Runs a command line with this role's credentials. */
  run(...args: string[]): Promise<CommandResult>;
  storage: Storage;
  /** Where others keep theirs, in the same bucket. */
  neighbour: Storage;
  /** All of the bucket. */
  whole: Storage;
}

interface Fixtures {
  /** The storage, as its owner sees it. */
  owner: Storage;
  as: (role: StorageRole, indexedDatabases?: readonly string[]) => Promise<Actor>;
  /** A database that is not there yet. */
  local: { name: string };
}

const test = e2eTest.extend<Fixtures>({
  owner: async ({ bucket }, use) => {
    const owner = storageOf(bucket, bucket.server, PREFIX);
    await storageOf(bucket, bucket.server, NEIGHBOUR).put("production/secret", BODY);
    await use(owner);
    await owner.close();
  },
  local: async ({ database: { server } }, use) => {
    const name = uniqueName("fetched");
    await use({ name });
    await runAsSuperuser(server, `DROP DATABASE IF EXISTS ${quoteIdentifier(name)}`);
  },
  as: async ({ bucket, database, local, owner: _owner, skip }, use) => {
    await using roles = new AsyncDisposableStack();
    await use(async (role, indexedDatabases = []) => {
      const storageUrl = `s3://${bucket.name}/${PREFIX}`;
      const policy = storagePolicy(role, { storageUrl, kmsKeyId: undefined, indexedDatabases });
      const keys = roles.use(await createS3Role(bucket.server, policy).catch(orSkip(skip)));
      const open = (prefix: string): Storage =>
        roles.adopt(storageOf(bucket, keys, prefix), async (opened) => opened.close());
      const context = await contextOf(bucket, database, local.name);
      const run: Actor["run"] = async (...args) => {
        vi.stubEnv("AWS_ACCESS_KEY_ID", keys.accessKeyId);
        vi.stubEnv("AWS_SECRET_ACCESS_KEY", keys.secretAccessKey);
        try {
          return await runHere(args, context);
        } finally {
          vi.unstubAllEnvs();
        }
      };
      return { run, storage: open(PREFIX), neighbour: open(NEIGHBOUR), whole: open("") };
    });
  },
});

function storageOf(bucket: TestBucket, keys: Omit<S3Role, symbol>, prefix: string): Storage {
  const { endpoint, region } = bucket.server;
  return openS3Storage({ bucket: bucket.name, prefix, endpoint, region, credentials: keys });
}

function orSkip(skip: (note?: string) => never): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof ServerUnavailable) || process.env["CI"] === "true") throw error;
    process.stderr.write(`SKIPPED: ${error.message}\n`);
    return skip(error.message);
  };
}

async function contextOf(
  bucket: TestBucket,
  { server, name }: TestDatabase,
  local: string,
): Promise<CommandContext> {
  const { endpoint, region } = bucket.server;
  const config = {
    storage: { url: `s3://${bucket.name}/${PREFIX}`, endpoint, region },
    databases: {
      production: { url: urlFor(server, name), environment: "production" },
      local: { url: urlFor(server, local), environment: "development" },
    },
    backup: { production: { keep: { last: 1 } } },
    restore: { local: { template: false } },
  };
  const context = await commandContext(JSON.stringify(config));
  return { ...context, environment: { ...context.environment, PATH: process.env["PATH"] } };
}

async function fill(database: TestDatabase): Promise<void> {
  await using client = await database.connect();
  // More than what stays inside the archive: there shall be a pack.
  await client.query(
    "CREATE TABLE item AS SELECT i AS id, repeat(md5(i::text), 8) AS text FROM generate_series(1, 40000) i",
  );
}

const DENIED: unknown = expect.toSatisfy(
  (error: unknown) => isStorageError(error, "not-permitted"),
  "not permitted",
);

async function expectNothingElsewhere({ neighbour, whole }: Actor): Promise<void> {
  await expect(keysOf(neighbour)).rejects.toEqual(DENIED);
  await expect(keysOf(whole)).rejects.toEqual(DENIED);
  await expect(keysOf(whole, PREFIX)).rejects.toEqual(DENIED);
  await expect(neighbour.get("production/secret")).rejects.toEqual(DENIED);
  await expect(neighbour.get("production/other")).rejects.toEqual(DENIED);
  await expect(neighbour.put("production/secret", BODY)).rejects.toEqual(DENIED);
  await expect(neighbour.delete("production/secret")).rejects.toEqual(DENIED);
}

describe("the policy of a", () => {
  test("writer is enough for backups, and deletes none", async ({ as, owner, database }) => {
    await fill(database);
    const writer = await as("writer");
    expect(await writer.run("backup", "production")).toMatchObject({ exit: "done" });
    expect(await writer.run("backup", "production")).toMatchObject({ exit: "done" });
    const upload = await writer.storage.startUpload("production/packs/x", 5 * 2 ** 20);
    await upload.abort();

    const before = await keysOf(owner);
    const kinds = [
      "dataops.json",
      "/manifest.json",
      "/archive.dump.zst",
      ".pack",
      "/runs/",
      "locks/production/",
    ];
    for (const kind of kinds) {
      const key = before.find((one) => one.includes(kind));
      expect(key, kind).toBeDefined();
      await expect(writer.storage.delete(key ?? ""), kind).rejects.toEqual(DENIED);
    }
    expect(await keysOf(owner)).toEqual(before);
    await expectNothingElsewhere(writer);
  });

  test("reader is enough to list, verify and fetch, and writes nothing", async ({
    as,
    owner,
    database,
    local,
  }) => {
    await fill(database);
    await (await as("writer")).run("backup", "production");
    const before = await keysOf(owner);

    const reader = await as("reader");
    expect(await reader.run("list")).toMatchObject({
      exit: "done",
      text: expect.stringContaining("T") as unknown,
    });
    expect(await reader.run("status")).toMatchObject({ exit: "done" });
    // All was read; what it came to could not be kept.
    expect(await reader.run("verify")).toMatchObject({ exit: "warnings" });
    expect(await reader.run("fetch-latest-db")).toMatchObject({ exit: "done" });
    await runAsSuperuser(database.server, `COMMENT ON DATABASE ${quoteIdentifier(local.name)} IS 'is there'`);

    const manifest = before.find((key) => key.endsWith("/manifest.json")) ?? "";
    await expect(reader.storage.put("production/runs/x", BODY)).rejects.toEqual(DENIED);
    await expect(reader.storage.put(manifest, BODY)).rejects.toEqual(DENIED);
    await expect(reader.storage.create("locks/x", BODY)).rejects.toEqual(DENIED);
    await expect(reader.storage.startUpload("production/packs/x", 5 * 2 ** 20)).rejects.toEqual(DENIED);
    await expect(reader.storage.delete(manifest)).rejects.toEqual(DENIED);
    await expect(reader.run("backup", "production")).rejects.toMatchObject({ exit: "notPermitted" });
    expect(await keysOf(owner)).toEqual(before);
    await expectNothingElsewhere(reader);
  });

  test("pruner is enough to delete what no rule keeps, and a writer's is not", async ({ as, owner }) => {
    const hoursAgo = (hours: number): string => new Date(Date.now() - hours * 3_600_000).toISOString();
    for (const started of [hoursAgo(10), hoursAgo(5)])
      await storeBackup(owner, started, { packs: [`${idAt(started)}-1`] });
    const manifests = async (): Promise<string[]> =>
      (await keysOf(owner)).filter((key) => key.endsWith("/manifest.json"));
    const before = await manifests();

    const writer = await as("writer");
    expect(await writer.run("prune", "production", "--confirm")).toMatchObject({ exit: "warnings" });
    expect(await manifests()).toEqual(before);

    const pruner = await as("pruner");
    expect(await pruner.run("prune", "production", "--confirm")).toMatchObject({ exit: "done" });
    expect(await manifests()).toEqual(before.slice(1));
    await expectNothingElsewhere(pruner);
  });

  test("writer that builds indexes clears their checkpoints, and nothing else", async ({ as, owner }) => {
    const writer = await as("writer", ["production"]);
    const checkpoint = "production/reindex/products/20261121T040000Z-k3v9qa/progress.json";
    const others = ["production/backups/x/manifest.json", "production/packs/x.pack", "staging/reindex/x"];
    for (const key of [checkpoint, ...others]) await writer.storage.put(key, BODY);
    for (const key of others) await expect(writer.storage.delete(key), key).rejects.toEqual(DENIED);
    await writer.storage.delete(checkpoint);
    expect(await keysOf(owner)).toEqual(others.toSorted());
  });
});
