import { BACKUP_ID_PATTERN, stampOf } from "./backup-id.ts";
import { DATABASE_NAME_PATTERN } from "./database-name.ts";
import { JOB_KINDS, type Job } from "./job.ts";

/** Where things are in the storage. Keys are built here, from ids, and nowhere else. */

export const MARKER_KEY = "dataops.json";

const MANIFEST_OBJECT = "manifest.json";
const ARCHIVE_OBJECT = "archive.dump.zst";

/**
 * Small objects beside a manifest, which is never changed: `accepted` a suspect that a person has looked at, `kept` a
 * backup that retention leaves alone, `verification` what became of the last one.
 */
export const SIDECARS = ["accepted", "kept", "verification"] as const;

export type Sidecar = (typeof SIDECARS)[number];

/** The folder of all backups of one database. */
export function backupsPrefix(database: string): string {
  return `${database}/backups/`;
}

function backupPrefix(database: string, id: string): string {
  return `${backupsPrefix(database)}${id}/`;
}

export function manifestKey(database: string, id: string): string {
  return `${backupPrefix(database, id)}${MANIFEST_OBJECT}`;
}

export function archiveKey(database: string, id: string): string {
  return `${backupPrefix(database, id)}${ARCHIVE_OBJECT}`;
}

export function sidecarKey(database: string, id: string, sidecar: Sidecar): string {
  return `${backupPrefix(database, id)}${sidecar}.json`;
}

/** What the verifications of a backup came to. */
export function verificationKey(database: string, id: string): string {
  return sidecarKey(database, id, "verification");
}

/** A pack's name: the id of the backup that wrote it, and a number from 1. */
export const PACK_NAME_PATTERN = /^\d{8}T\d{6}Z-[a-z0-9]{6}-[1-9]\d{0,8}$/;

/** The folder of all packs of one database. */
export function packsPrefix(database: string): string {
  return `${database}/packs/`;
}

export function packName(id: string, number: number): string {
  return `${id}-${number}`;
}

export function packKey(database: string, name: string): string {
  return `${packsPrefix(database)}${name}.pack`;
}

/** The id of the backup that wrote the pack of this name. */
export function backupOfPack(name: string): string {
  return name.slice(0, name.lastIndexOf("-"));
}

/** Reads a key that may be a pack's; undefined for everything else. */
export function parsePackKey(key: string): { database: string; name: string } | undefined {
  const [, database = "", name = ""] = /^([^/]*)\/packs\/([^/]*)\.pack$/.exec(key) ?? [];
  const isPack = DATABASE_NAME_PATTERN.test(database) && PACK_NAME_PATTERN.test(name);
  return isPack ? { database, name } : undefined;
}

/** The folder of the records of all runs of all jobs of one database. */
export function databaseRunsPrefix(database: string): string {
  return `${database}/runs/`;
}

/** Reads a key that may be the record of a run of any job of `database`: the job, and the run's id; or undefined. */
export function parseDatabaseRunKey(database: string, key: string): { job: Job; id: string } | undefined {
  const [, kindText, name = ""] = /^[^/]*\/runs\/([a-z]+)-([^/]+)\/[^/]+$/.exec(key) ?? [];
  const kind = JOB_KINDS.find((known) => known === kindText);
  if (kind === undefined || !DATABASE_NAME_PATTERN.test(name)) return undefined;
  const job = { kind, name, database };
  const id = parseRunKey(job, key);
  return id === undefined ? undefined : { job, id };
}

/** `backup-production`, as a job stands in keys. */
function jobFolder({ kind, name }: Job): string {
  return `${kind}-${name}`;
}

/** The folder of the records of a job's runs. */
export function runsPrefix(job: Job): string {
  return `${job.database}/runs/${jobFolder(job)}/`;
}

export function runKey(job: Job, id: string): string {
  return `${runsPrefix(job)}${id}.json`;
}

/** Reads a key that may be the record of a run of `job`: the run's id, or undefined. */
export function parseRunKey(job: Job, key: string): string | undefined {
  const prefix = runsPrefix(job);
  const id = key.startsWith(prefix) && key.endsWith(".json") ? key.slice(prefix.length, -".json".length) : "";
  return BACKUP_ID_PATTERN.test(id) ? id : undefined;
}

/** Which runs a scheduled instant was given to, in milliseconds since the epoch. Slots are whole seconds. */
export function slotKey(job: Job, slot: number): string {
  return `${slotsPrefix(job)}${stampOf(new Date(slot).toISOString())}.json`;
}

/** The folder of the slots of a job's schedule. */
export function slotsPrefix(job: Job): string {
  return `${job.database}/slots/${jobFolder(job)}/`;
}

/** Reads a key that may be a slot of `job`: its instant in milliseconds since the epoch, or undefined. */
export function parseSlotKey(job: Job, key: string): number | undefined {
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z\.json$/.exec(key.slice(slotsPrefix(job).length)) ?? [];
  const slot = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return !Number.isNaN(slot) && key === slotKey(job, slot) ? slot : undefined;
}

/** The lease that says which run holds the job. */
export function leaseKey(job: Job): string {
  return `locks/${job.database}/${jobFolder(job)}.json`;
}

/** The folder of the checkpoints of all indexes that are built from one database. */
export function checkpointsPrefix(database: string): string {
  return `${database}/reindex/`;
}

/** The folder of what a run of a reindex leaves for one that goes on with it. */
export function checkpointPrefix({ database, name }: Pick<Job, "database" | "name">, run: string): string {
  return `${checkpointsPrefix(database)}${name}/${run}/`;
}

/** What a key found in the storage belongs to. */
export interface BackupKey {
  database: string;
  id: string;
  object: BackupObject;
}

/** What a backup may consist of, besides packs. */
export type BackupObject = "manifest" | "archive" | Sidecar;

/** Reads a key that may be an object of a backup; undefined for everything else. */
export function parseBackupKey(key: string): BackupKey | undefined {
  const [database, folder, id, object, ...rest] = key.split("/");
  if (database === undefined || folder !== "backups" || id === undefined || rest.length > 0) return undefined;
  if (!DATABASE_NAME_PATTERN.test(database) || !BACKUP_ID_PATTERN.test(id)) return undefined;
  if (object === MANIFEST_OBJECT) return { database, id, object: "manifest" };
  if (object === ARCHIVE_OBJECT) return { database, id, object: "archive" };
  const sidecar = SIDECARS.find((name) => object === `${name}.json`);
  return sidecar === undefined ? undefined : { database, id, object: sidecar };
}
