import { readdir } from "node:fs/promises";
import { ListMultipartUploadsCommand } from "@aws-sdk/client-s3";
import { connect } from "../../src/postgres/client.ts";
import { clearLeftovers } from "../../src/replace/scratch/leftovers.ts";
import type { Job } from "../../src/repository/job.ts";
import { leaseKey, parseBackupKey } from "../../src/repository/keys.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { readWhole } from "../../src/repository/read-whole.ts";
import { MAX_LEASE_BYTES, parseLease } from "../../src/schedule/lease-record.ts";
import { clearProbes } from "../../src/storage/probe.ts";
import { settingsFor } from "../../test/support/postgres-servers.ts";
import { s3ClientFor } from "../../test/support/s3-servers.ts";
import { JOBS, SHOPS, STAGINGS } from "./jobs.ts";
import type { Program } from "./program.ts";
import { BUCKET, type Stage } from "./stage.ts";

const PROBES = "locks/probe-";

/** Milliseconds: more than a day. */
const LATER = 25 * 60 * 60 * 1000;

/** What should be gone once all programs have ended, a line for each thing that is not. */
export async function findLeftovers(stage: Stage, programs: readonly Program[]): Promise<string[]> {
  const found = [
    sessions(stage),
    databases(stage),
    probes(stage),
    leases(stage),
    uploads(stage),
    unfinishedBackups(stage),
    temporaryFiles(programs),
  ];
  return (await Promise.all(found)).flat();
}

async function sessions({ server }: Stage): Promise<string[]> {
  await using client = await connect(settingsFor(server), { applicationName: "soak" });
  const rows = await client.query<{ name: string; query: string }>(
    `SELECT application_name AS name, query FROM pg_stat_activity
      WHERE application_name LIKE 'dataops%' OR application_name LIKE 'pg\\_%'`,
  );
  return rows.map(({ name, query }) => `a session of ${name}: ${query}`);
}

/**
 * Scratch databases of runs that lost their server are dropped a day later, so this has it be a day later. Templates are kept
 * so that the next reset is quick.
 */
async function databases({ server }: Stage): Promise<string[]> {
  await using client = await connect(settingsFor(server), { applicationName: "soak" });
  for (const name of STAGINGS) await clearLeftovers(client, name, Date.now() + LATER);
  const rows = await client.query<{ name: string }>("SELECT datname AS name FROM pg_database");
  const expected = new Set([
    "postgres",
    "template0",
    "template1",
    ...SHOPS,
    ...STAGINGS.flatMap((name) => [name, `${name}__template`]),
  ]);
  return rows.filter(({ name }) => !expected.has(name)).map(({ name }) => `the database ${name}`);
}

/** What probes left that were killed is cleared a day later, too. */
async function probes({ storage }: Stage): Promise<string[]> {
  await clearProbes(storage, Date.now() + LATER);
  const found: string[] = [];
  for await (const { key } of storage.list(PROBES, {})) found.push(key);
  return found;
}

async function leases({ storage }: Stage): Promise<string[]> {
  return (await unsettledJobs(storage)).map(({ what }) => what);
}

/** Jobs whose lease is held, or remembers runs whose end nobody could write: the next run of the job settles that. */
export async function unsettledJobs(storage: Storage): Promise<{ job: Job; what: string }[]> {
  const found: { job: Job; what: string }[] = [];
  for (const job of JOBS) {
    const key = leaseKey(job);
    const { state, holder, unsettled } = parseLease(await readWhole(storage, key, MAX_LEASE_BYTES), key);
    if (state === "held") found.push({ job, what: `the lease ${key}, held by ${holder.run}` });
    else if (unsettled.length > 0) found.push({ job, what: `the lease ${key} has runs without an end` });
  }
  return found;
}

async function uploads({ s3 }: Stage): Promise<string[]> {
  const client = s3ClientFor(s3);
  try {
    const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: BUCKET }));
    return Uploads.map(({ Key = "" }) => `an upload of ${Key}`);
  } finally {
    client.destroy();
  }
}

/** Objects of a backup that has no manifest. */
async function unfinishedBackups({ storage }: Stage): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of storage.list("", {})) keys.push(key);
  const backups = keys.flatMap((key) => {
    const parsed = parseBackupKey(key);
    return parsed === undefined ? [] : [{ key, ...parsed }];
  });
  const finished = new Set(
    backups
      .filter(({ key }) => key.endsWith("/manifest.json"))
      .map(({ database, id }) => `${database}/${id}`),
  );
  return backups
    .filter(({ database, id }) => !finished.has(`${database}/${id}`))
    .map(({ key }) => `${key}, without a manifest`);
}

/** Of those that ended in order: one that was killed could clear nothing. */
async function temporaryFiles(programs: readonly Program[]): Promise<string[]> {
  const folders = new Set(programs.map(({ temporary }) => temporary));
  const found = await Promise.all(
    [...folders].map(async (folder) => (await readdir(folder)).map((name) => `${folder}/${name}`)),
  );
  return found.flat();
}
