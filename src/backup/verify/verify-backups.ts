import type { Environment } from "../../config/environment.ts";
import { isDataopsError } from "../../errors.ts";
import type { Reporter } from "../../observe/reporter.ts";
import { inParallel } from "../../parallel.ts";
import { chooseRestoreClient, discoverTools, type InstalledTools } from "../../postgres/tools.ts";
import { listPacks } from "../../repository/blocks/find-packs.ts";
import { noPackCache } from "../../repository/blocks/pack-cache.ts";
import { PackReader } from "../../repository/blocks/pack-reader.ts";
import { Findings } from "../../repository/findings.ts";
import { packKey } from "../../repository/keys.ts";
import type { Manifest, ManifestBlockTable } from "../../repository/manifest.ts";
import type { Storage } from "../../storage/storage.ts";
import { framesOf, FrameGroups, type FrameGroup } from "./frame-groups.ts";
import { nameBadBlocks } from "./name-bad-blocks.ts";
import { readFrames } from "./read-frames.ts";
import { StoredPacks } from "./stored-packs.ts";
import { verifyArchive } from "./verify-archive.ts";
import { IndexReader } from "./verify-indexes.ts";

/** Indexes read at the same time. */
const CONCURRENCY = 8;

export interface VerifyBackupsRequest {
  storage: Storage;
  /** Of one database. */
  manifests: readonly Manifest[];
  /** Whether a pg_restore with known security holes will do. */
  allowVulnerableClient: boolean;
  reporter: Reporter;
  environment: Environment;
  signal: AbortSignal;
}

/** What reading came to for one backup. */
export interface ReadVerdict {
  manifest: Manifest;
  findings: Findings;
  /** What could not be checked on this machine. */
  remarks: string[];
}

export interface ReadOutcome {
  /** In the order of the manifests. */
  verdicts: ReadVerdict[];
  /** Bytes that came from the storage. */
  bytesRead: number;
}

/**
 * Reads every byte of backups of one database: their archives, their lists of blocks, and every block of every table, in
 * whichever pack it is; what several backups share, once. Nothing is taken from a cache.
 *
 * @throws what the storage throws where it cannot be read; after an abort: the signal's reason. What is wrong with a backup is
 *   in its findings.
 */
export async function verifyBackups(request: VerifyBackupsRequest): Promise<ReadOutcome> {
  const { storage, manifests, reporter, environment, signal } = request;
  const database = manifests[0]?.database;
  if (database === undefined) return { verdicts: [], bytesRead: 0 };
  const checks = manifests.map((manifest): BackupCheck => ({
    manifest,
    findings: new Findings(),
    remarks: [],
    tools: undefined,
    badIndexes: new Set(),
  }));
  await chooseTools(checks, request);

  const stored = new StoredPacks(database, await listPacks(storage, database, signal));
  for (const check of checks) checkPacks(check, stored);
  const indexes = new IndexReader({ storage, database, stored, signal });
  const groups = await readIndexes(checks, indexes, signal);

  const progress = reporter.progress("verify", bytesToRead(manifests, groups));
  let bytesRead = 0;
  const onReceived = (bytes: number): void => {
    bytesRead += bytes;
    progress.add(bytes);
  };
  try {
    const packs = new PackReader({ storage, database, cache: noPackCache, onReceived });
    const readArchives = (either: AbortSignal): Promise<void> =>
      inParallel(checks, 1, either, (check) =>
        verifyArchive({ ...check, storage, onReceived, environment, signal: either }),
      );
    const readBlocks = async (either: AbortSignal): Promise<void> => {
      const bad = await readFrames(groups, { packs, stored, signal: either });
      if (bad.size > 0) await nameBadBlocks(checks, { bad, database, stored, indexes });
    };
    await inParallel([readArchives, readBlocks], 2, signal, (read, either) => read(either));
  } finally {
    progress.end();
  }
  return {
    verdicts: checks.map(({ manifest, findings, remarks }) => ({ manifest, findings, remarks })),
    bytesRead,
  };
}

/** One backup while it is looked at. */
export interface BackupCheck extends ReadVerdict {
  tools: InstalledTools | undefined;
  /** Tables whose list of blocks is not right. */
  badIndexes: Set<ManifestBlockTable>;
}

/** The `pg_restore` for each archive. Without one, that is a remark: the digests tell as much of bytes that did not change. */
async function chooseTools(
  checks: readonly BackupCheck[],
  { environment, allowVulnerableClient: allowVulnerable }: VerifyBackupsRequest,
): Promise<void> {
  let installed: Promise<InstalledTools[]> | undefined;
  for (const check of checks) {
    const archiveMajor = Number.parseInt(check.manifest.tools.pgDump, 10);
    try {
      installed ??= discoverTools(environment);
      const request = { archiveMajor, serverMajor: archiveMajor, allowVulnerable };
      check.tools = chooseRestoreClient(await installed, request);
    } catch (error) {
      if (!isDataopsError(error)) throw error;
      check.remarks.push(`pg_restore did not read the archive, whose digests were checked: ${error.message}`);
    }
  }
}

function checkPacks({ manifest, findings }: BackupCheck, stored: StoredPacks): void {
  for (const { name, size } of manifest.blocks?.packs ?? []) {
    const actual = stored.sizeOf(name);
    if (actual === size) continue;
    const what =
      actual === undefined
        ? "the pack is missing"
        : `the pack has ${actual} bytes; the manifest says ${size}`;
    findings.add({ object: packKey(manifest.database, name), what });
  }
}

/** @returns all that has to be read for the backups' blocks, in the order of the packs */
async function readIndexes(
  checks: readonly BackupCheck[],
  indexes: IndexReader,
  signal: AbortSignal,
): Promise<FrameGroup[]> {
  const groups = new FrameGroups();
  for (const check of checks) {
    const { manifest, findings, badIndexes } = check;
    const rows = new Map(
      manifest.tables.map((table) => [JSON.stringify([table.schema, table.name]), table.rows]),
    );
    await inParallel(manifest.blocks?.tables ?? [], CONCURRENCY, signal, async (table) => {
      const name = `${table.schema}.${table.name}`;
      const counted = rows.get(JSON.stringify([table.schema, table.name]));
      if (counted !== table.rows) {
        const what = `its blocks have ${table.rows} rows; ${counted ?? "no"} rows of it were counted`;
        findings.add({ table: name, what });
      }
      if (indexes.isKnown(table, manifest)) return;
      const ranges = await indexes.read(table, manifest, findings);
      if (ranges === undefined) badIndexes.add(table);
      for (const { block } of ranges ?? []) if (block !== undefined) groups.add(block);
    });
  }
  return groups.sorted();
}

function bytesToRead(manifests: readonly Manifest[], groups: readonly FrameGroup[]): number {
  let bytes = 0;
  for (const { archive } of manifests) bytes += archive.size;
  for (const group of groups) for (const { length } of framesOf(group)) bytes += length;
  return bytes;
}
