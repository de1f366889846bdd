import { createHash } from "node:crypto";
import { buffer } from "node:stream/consumers";
import { stampOf } from "../../src/repository/backup-id.ts";
import { findMissing, listPacks } from "../../src/repository/blocks/find-packs.ts";
import { listBackups } from "../../src/repository/catalogue.ts";
import {
  archiveKey,
  backupOfPack,
  manifestKey,
  packKey,
  sidecarKey,
  type Sidecar,
} from "../../src/repository/keys.ts";
import type { JobHold, WithLease } from "../../src/repository/job-lease.ts";
import { serializeManifest, type Manifest } from "../../src/repository/manifest.ts";
import { serializeTombstone } from "../../src/repository/tombstone.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { exampleManifest } from "./manifests.ts";

/** Backups that were never made: their objects are there, and are what their manifests say, but hold no rows. */

export const DATABASE = "production";

export interface StoredBackupOptions {
  /** Names of the packs that it needs; those that bear its own id are stored with it. */
  packs?: readonly string[];
  suspect?: string[];
  sidecars?: readonly Sidecar[];
  archive?: string;
}

/** The id of the backup that starts then (ISO 8601, UTC). */
export function idAt(started: string): string {
  return `${stampOf(started)}-k3v9qa`;
}

export async function storeBackup(
  storage: Storage,
  started: string,
  { packs = [], suspect, sidecars = [], archive = "archive" }: StoredBackupOptions = {},
): Promise<Manifest> {
  const id = idAt(started);
  const sha256 = createHash("sha256").update(archive).digest("hex");
  const size = Buffer.byteLength(archive);
  const manifest = exampleManifest(started, {
    archive: { object: "archive.dump.zst", size, sha256, rawSize: size, pieceSize: 1024, pieces: [sha256] },
    blocks: {
      packs: packs.map((name) => ({ name, size: name.length })),
      tables: [],
    },
    ...(suspect === undefined ? {} : { suspect }),
  });
  for (const name of packs) if (backupOfPack(name) === id) await storePack(storage, name);
  await storage.put(archiveKey(DATABASE, id), Buffer.from(archive));
  await storage.put(manifestKey(DATABASE, id), serializeManifest(manifest));
  for (const sidecar of sidecars) await storage.put(sidecarKey(DATABASE, id, sidecar), Buffer.from("{}\n"));
  return manifest;
}

export async function storePack(storage: Storage, name: string): Promise<void> {
  await storage.put(packKey(DATABASE, name), Buffer.from(name));
}

export async function storeTombstone(storage: Storage, started: string, at: string): Promise<void> {
  const tombstone = serializeTombstone({ format: 1, abandoned: { by: "20261121T080000Z-p7w2mx", at } });
  await storage.put(manifestKey(DATABASE, idAt(started)), tombstone);
}

/** All keys that begin so, sorted. */
export async function keysOf(storage: Storage, prefix = ""): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of storage.list(prefix)) keys.push(key);
  return keys.sort();
}

/** What a restore of any backup that is listed would miss: nothing. */
export async function findDamage(storage: Storage): Promise<string[]> {
  const damage: string[] = [];
  const { backups, unreadable } = await listBackups(storage, undefined);
  for (const { key } of unreadable) damage.push(`${key} cannot be read`);
  const packs = await listPacks(storage, DATABASE, new AbortController().signal);
  for (const { manifest } of backups) {
    const key = archiveKey(manifest.database, manifest.id);
    try {
      const content = await buffer(await storage.get(key));
      const digest = createHash("sha256").update(content).digest("hex");
      if (digest !== manifest.archive.sha256) damage.push(`${key} is another`);
    } catch (error) {
      damage.push(`${key}: ${String(error)}`);
    }
    const missing = findMissing(manifest.database, manifest.blocks?.packs ?? [], packs);
    damage.push(...missing.map(({ what }) => `${manifest.id}: ${what}`));
  }
  return damage;
}

/** A hold that lasts for as long as the signal has not fired. */
export function holdUntil(signal: AbortSignal): JobHold {
  return {
    signal,
    isHeld: () => !signal.aborted,
    confirm: () => {
      signal.throwIfAborted();
      return Promise.resolve();
    },
  };
}

/** Where nobody else is. */
export const alone: WithLease = async (_job, work) => work(holdUntil(new AbortController().signal));
