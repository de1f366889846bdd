import { messageOf } from "../../errors.ts";
import { isBackupId, startStamp, stampOf } from "../../repository/backup-id.ts";
import { BlockList } from "../../repository/blocks/block-list.ts";
import { readPackContents, type PackedBlock } from "../../repository/blocks/pack-contents.ts";
import { backupOfPack, packKey, parsePackKey } from "../../repository/keys.ts";
import { startOfRun } from "../../repository/run-record.ts";
import type { Storage } from "../../storage/storage.ts";
import type { KnownBlocks } from "./known-blocks.ts";

/**
 * Milliseconds that a dead run may have begun before this one: `docs/format.md` has packs that no manifest names stay
 * for twice as long.
 */
const OLDEST = 24 * 60 * 60 * 1000;

export interface DeadRunsRequest {
  storage: Storage;
  database: string;
  /** The backup that is being made. */
  id: string;
  /** The last backup's id: runs before it are of no use any more. */
  since: string | undefined;
  /** Whether a run is certainly over, has made no backup, and will never take away its packs. */
  isAbandoned: (id: string) => Promise<boolean>;
  /** Every pack that is there, with its size in bytes, by its key. */
  found: ReadonlyMap<string, number>;
  /** Blocks that may be referred to: those found are added. */
  blocks: KnownBlocks;
  /** Packs that may be referred to, by name, with their sizes: those found are added. */
  packs: Map<string, number>;
  signal: AbortSignal;
  warn: (message: string) => void;
}

/**
 * Adds the blocks of runs that were killed: their packs are whole, and no manifest names them.
 *
 * Only of runs that were written down as lost: one that merely fails takes its packs away, and writes that down before.
 *
 * @throws what the storage throws
 */
export async function readDeadRuns(request: DeadRunsRequest): Promise<void> {
  const { storage, database, found, blocks, packs, isAbandoned, signal, warn } = request;
  const names = [...found.keys()].flatMap((key) => parsePackKey(key)?.name ?? []);
  const candidates = names.filter((name) => !packs.has(name) && isRecent(backupOfPack(name), request));
  const dead = new Map<string, boolean>();
  for (const name of candidates) {
    const id = backupOfPack(name);
    if (!dead.has(id)) dead.set(id, await isAbandoned(id));
    if (dead.get(id) !== true) continue;
    const size = found.get(packKey(database, name)) ?? 0;
    try {
      const contents = await readPackContents(storage, database, { name, size }, signal);
      packs.set(name, size);
      blocks.add(listOf(name, contents), () => true);
    } catch (error) {
      signal.throwIfAborted();
      warn(`what run ${id} left is not used: ${messageOf(error)}`);
    }
  }
}

/** Which ranges the blocks are of, nobody knows. */
function listOf(pack: string, contents: readonly PackedBlock[]): BlockList {
  return BlockList.of(
    contents.map(({ rows, size, sha256, offset, length }, index) => ({
      from: index,
      block: { rows, size, sha256, frame: { pack, offset, length }, base: undefined },
    })),
  );
}

function isRecent(id: string, { since, id: own }: Pick<DeadRunsRequest, "since" | "id">): boolean {
  if (!isBackupId(id) || id === own) return false;
  if (since !== undefined && startStamp(id) < startStamp(since)) return false;
  return startStamp(id) >= stampOf(new Date(startOfRun(own) - OLDEST).toISOString());
}
