import { manifestKey } from "../repository/keys.ts";
import { MAX_MANIFEST_BYTES, serializeManifest, type Manifest } from "../repository/manifest.ts";
import { readWhole } from "../repository/read-whole.ts";
import { parseTombstone, type Tombstone } from "../repository/tombstone.ts";
import { DataopsError } from "../errors.ts";
import { isStorageError, StorageError } from "../storage/storage-error.ts";
import type { Storage } from "../storage/storage.ts";
import { delayedSignal } from "../delayed-signal.ts";

/** Milliseconds that a commit which has begun goes on after an abort: a run that was terminated has 25 s in all. */
const GRACE = 10_000;

/** A manifest that could not be written. `mayExist`: the storage may have taken it all the same, now or later. */
export class CommitError extends DataopsError {
  readonly mayExist: boolean;

  constructor(cause: DataopsError, mayExist: boolean) {
    super(cause.exit, `the backup's manifest could not be written: ${cause.message}`, {
      ...(cause.hint === undefined ? {} : { hint: cause.hint }),
      cause,
    });
    this.mayExist = mayExist;
  }
}

export interface CommitOptions {
  /** Whether the storage's conditional writes are real. */
  conditional: boolean;
  signal: AbortSignal;
}

/**
 * Writes the manifest: from here on the backup exists. Not interrupted in the middle by an abort, but bounded after one.
 *
 * A write whose answer was lost is looked up: what counts is whether our bytes are there.
 *
 * @throws CommitError where they are not, or nobody can tell; `fenced` where another run took over and left a tombstone there
 */
export async function commitManifest(
  storage: Storage,
  manifest: Manifest,
  options: CommitOptions,
): Promise<void> {
  const key = manifestKey(manifest.database, manifest.id);
  const body = serializeManifest(manifest);
  options.signal.throwIfAborted();
  using delayed = delayedSignal(options.signal, GRACE);
  try {
    await writeOnce(storage, key, body, { conditional: options.conditional, signal: delayed.signal });
  } catch (error) {
    if (!isStorageError(error)) throw error;
    const found = await readBack(storage, key, delayed.signal);
    if (found !== undefined && Buffer.compare(found, body) === 0) return;
    const tombstone = found && parseTombstone(found);
    if (tombstone !== undefined) throw new CommitError(fencedBy(tombstone, error), false);
    throw new CommitError(error, isAmbiguous(error));
  }
}

function fencedBy({ abandoned }: Tombstone, cause: unknown): DataopsError {
  return new DataopsError("fenced", `run ${abandoned.by} took over, at ${abandoned.at}`, {
    hint: "this run was taken for dead; nothing of it counts",
    cause,
  });
}

async function writeOnce(
  storage: Storage,
  key: string,
  body: Uint8Array,
  { conditional, signal }: CommitOptions,
): Promise<void> {
  if (conditional) {
    await storage.create(key, body, { signal });
    return;
  }
  // The id's random tail makes a clash as good as impossible; this is for the storage that cannot say no by itself.
  const existing = await storage.head(key, { signal }).catch((error: unknown) => {
    if (isStorageError(error, "not-found")) return undefined;
    throw error;
  });
  if (existing !== undefined) {
    throw new StorageError("precondition-failed", `${key} exists already in ${storage.url}`);
  }
  await storage.put(key, body, { signal });
}

async function readBack(storage: Storage, key: string, signal: AbortSignal): Promise<Uint8Array | undefined> {
  try {
    return await readWhole(storage, key, MAX_MANIFEST_BYTES, { signal });
  } catch {
    return undefined;
  }
}

/** A write that was refused did not happen; one that broke may happen yet. */
function isAmbiguous({ kind }: StorageError): boolean {
  return kind === "transient" || kind === "permanent";
}
