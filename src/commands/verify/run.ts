import { verifyBackups } from "../../backup/verify/verify-backups.ts";
import type { Config } from "../../config/config.ts";
import { reach } from "../../config/database.ts";
import { requireDatabase, requireVerifySettings, restoreSettings } from "../../config/select.ts";
import { DataopsError, isDataopsError } from "../../errors.ts";
import type { Catalogue } from "../../repository/catalogue.ts";
import { Findings } from "../../repository/findings.ts";
import { manifestKey } from "../../repository/keys.ts";
import type { Manifest } from "../../repository/manifest.ts";
import { verifyRestore } from "../../restore/verify/verify-restore.ts";
import { isStorageError } from "../../storage/storage-error.ts";
import type { Storage } from "../../storage/storage.ts";
import type { CommandContext } from "../command.ts";
import { judged, notRun, tryToKeep, type BackupPlace, type Verified, type VerifyRun } from "./keep-result.ts";

/** What a verification is given. */
export interface VerifySite {
  run: VerifyRun;
  context: CommandContext;
  config: Config;
  storage: Storage;
  /** Whether a pg_restore with known security holes will do. */
  allowVulnerableClient: boolean;
}

/**
 * Verifies one backup, by reading or by restoring it.
 *
 * @throws what kept it from running, which is kept as its result; `noSuchBackup` where the backup was removed meanwhile
 */
export async function verifyOne(site: VerifySite, manifest: Manifest): Promise<Verified[]> {
  const verified = await orNotRun(site, [manifest], () =>
    site.run.kind === "restore" ? restore(site, manifest) : read(site, [manifest]),
  );
  const there = await withoutRemoved(site, verified);
  if (there.length > 0) return there;
  throw new DataopsError("noSuchBackup", `backup ${manifest.id} was removed while it was verified`, {
    hint: "verify a newer one",
  });
}

/**
 * Reads all backups of a database. One whose manifest cannot be read is damaged, too; one that was removed meanwhile is left out.
 *
 * @throws what kept it from running, which is kept as the result of each
 */
export async function verifyAll(site: VerifySite, { backups, unreadable }: Catalogue): Promise<Verified[]> {
  const manifests = backups.map(({ manifest }) => manifest);
  const verified = await orNotRun(site, manifests, () => read(site, manifests));
  for (const { database, id, key, error } of unreadable) {
    const findings = new Findings();
    findings.add({ object: key, what: error.message });
    verified.push({ database, id, result: judged(site.run, findings) });
  }
  return await withoutRemoved(site, verified);
}

async function read(site: VerifySite, manifests: readonly Manifest[]): Promise<Verified[]> {
  const { context, storage, run, allowVulnerableClient } = site;
  const { reporter, signal, environment } = context;
  const request = { storage, manifests, allowVulnerableClient, reporter, signal, environment };
  const { verdicts, bytesRead } = await verifyBackups(request);
  return verdicts.map(({ manifest: { database, id }, findings, remarks }) => ({
    database,
    id,
    result: judged(run, findings, { remarks, bytesRead, restoreTime: null, serverVersion: null }),
  }));
}

async function restore(site: VerifySite, manifest: Manifest): Promise<Verified[]> {
  const { context, config, storage, run, allowVulnerableClient } = site;
  const { reporter, signal, environment } = context;
  const { database, id } = manifest;
  const { server: name, allowSourceServer } = requireVerifySettings(config, database);
  const server = await reach(requireDatabase(config, name), signal);
  const { findings, ...measured } = await verifyRestore(
    { storage, reporter, signal, environment, now: () => context.now() },
    {
      manifest,
      server,
      allowSourceServer,
      settings: restoreSettings(config, name),
      cache: config.cache,
      runId: run.id,
      allowVulnerableClient,
    },
  );
  return [{ database, id, result: judged(run, findings, measured) }];
}

/** Keeps why it could not run beside every backup that it was for. An interrupted one is nobody's fault, and leaves nothing. */
async function orNotRun(
  { run, context, storage }: VerifySite,
  backups: readonly BackupPlace[],
  verify: () => Promise<Verified[]>,
): Promise<Verified[]> {
  try {
    return await verify();
  } catch (error) {
    context.signal.throwIfAborted();
    // A mistake in the command or the configuration: nothing was begun.
    if (isDataopsError(error, "usage")) throw error;
    for (const { database, id } of backups) {
      const isKept = await tryToKeep(storage, { database, id, result: notRun(run, error) }, context);
      // What is in the way of one is in the way of all.
      if (!isKept) break;
    }
    throw error;
  }
}

/** A backup that somebody removes loses its objects one by one: then it is not damaged, but gone. */
async function withoutRemoved(
  { storage, context: { signal, reporter } }: VerifySite,
  verified: readonly Verified[],
): Promise<Verified[]> {
  const there: Verified[] = [];
  for (const each of verified) {
    if (each.result.state === "failed" && !(await exists(storage, each, signal))) {
      reporter.info(`backup ${each.id} was removed while it was verified`);
    } else there.push(each);
  }
  return there;
}

async function exists(
  storage: Storage,
  { database, id }: BackupPlace,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await storage.head(manifestKey(database, id), { signal });
    return true;
  } catch (error) {
    if (isStorageError(error, "not-found")) return false;
    throw error;
  }
}
