import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { zstdCompress, zstdDecompress } from "node:zlib";
import { z } from "zod";
import { DataopsError, isDataopsError } from "../errors.ts";
import type { Job } from "../repository/job.ts";
import { checkpointPrefix } from "../repository/keys.ts";
import { readWhole } from "../repository/read-whole.ts";
import { isStorageError } from "../storage/storage-error.ts";
import type { Storage, StorageOptions } from "../storage/storage.ts";
import { DocumentTable } from "./document-table.ts";
import { restoreEntries, serializeEntries, settledBits } from "./saved-entries.ts";

/** What a run keeps in the storage, so that another one can go on where it stopped, on whatever machine. */

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

const CHECKPOINT_FORMAT = 1;

/** Bytes: a bit for each of five hundred million documents. */
const MAX_PROGRESS_BYTES = 96 * 1024 * 1024;
/** Bytes of one segment's entries. */
const MAX_SEGMENT_BYTES = 2 ** 31;
const MAX_SEGMENTS = 10_000;

const digest = z.string().regex(/^[0-9a-f]{64}$/);

const checkpointSchema = z.strictObject({
  format: z.literal(CHECKPOINT_FORMAT),
  /** Of the SQL, and of what says how it is read. */
  digest,
  /** Of the database server's life: after another one the numbers of transactions may mean something else. */
  history: z.string().max(200),
  /** The last pass's. */
  version: z.int().min(0),
  /** Objects that hold the entries, in their order. */
  segments: z
    .array(z.strictObject({ size: z.int().min(0).max(MAX_SEGMENT_BYTES), stored: z.int().min(0), digest }))
    .max(MAX_SEGMENTS),
  /** One bit for each entry, compressed. */
  settled: z.base64(),
  documents: z.int().min(0),
  documentsSettled: z.int().min(0),
  updated: z.iso.datetime({ precision: 3 }),
});

type Checkpoint = z.infer<typeof checkpointSchema>;

/** What must be the same for a run to go on with what another one began. */
export type CheckpointIdentity = Pick<Checkpoint, "digest" | "history">;

/** How far a run came, as `reindex status` shows it. */
export type CheckpointProgress = Pick<Checkpoint, "documents" | "documentsSettled" | "updated">;

/** The checkpoint of one run's index, as it is written. */
export class CheckpointWriter {
  readonly #storage: Storage;
  readonly #prefix: string;
  readonly #identity: CheckpointIdentity;
  readonly #now: () => number;
  readonly #segments: Checkpoint["segments"] = [];
  #savedEntries = 0;
  /** Numbers of this run's segments: those of the run that it goes on with may not be overwritten before they are of no more use. */
  readonly #firstSegment: number;

  constructor(
    place: { storage: Storage; job: Job; run: string; firstSegment: number },
    identity: CheckpointIdentity,
    now: () => number,
  ) {
    this.#storage = place.storage;
    this.#prefix = checkpointPrefix(place.job, place.run);
    this.#firstSegment = place.firstSegment;
    this.#identity = identity;
    this.#now = now;
  }

  /** Writes down what is settled, with the entries that are new. To be called before a pass sends anything, and while it does. */
  async write(table: DocumentTable, version: number, options: StorageOptions): Promise<void> {
    if (table.length > this.#savedEntries) await this.#writeSegment(table, options);
    const bits = settledBits(table);
    const content = {
      format: CHECKPOINT_FORMAT,
      ...this.#identity,
      version,
      segments: this.#segments,
      settled: (await compress(bits)).toString("base64"),
      documents: table.length,
      documentsSettled: countBits(bits),
      updated: new Date(this.#now()).toISOString(),
    } satisfies Checkpoint;
    await this.#storage.put(progressKey(this.#prefix), Buffer.from(`${JSON.stringify(content)}\n`), options);
  }

  async #writeSegment(table: DocumentTable, options: StorageOptions): Promise<void> {
    const entries = serializeEntries(table, this.#savedEntries, table.length);
    const body = await compress(entries);
    const number = this.#firstSegment + this.#segments.length;
    await this.#storage.put(segmentKey(this.#prefix, number), body, options);
    this.#segments.push({ size: entries.byteLength, stored: number, digest: digestOf(entries) });
    table.markSaved(this.#savedEntries);
    this.#savedEntries = table.length;
  }
}

/** What a run left behind. */
export interface FoundCheckpoint extends CheckpointIdentity {
  /** The last pass's. */
  version: number;
  /** Where another run's segments may begin. */
  nextSegment: number;
  progress: CheckpointProgress;
  /**
   * Reads its entries.
   *
   * @throws DataopsError `corrupt`; StorageError
   */
  readTable(options: StorageOptions): Promise<DocumentTable>;
}

/**
 * The checkpoint that a run left; undefined where there is none.
 *
 * @throws DataopsError `corrupt`; StorageError
 */
export async function readCheckpoint(
  place: { storage: Storage; job: Job; run: string },
  options: StorageOptions,
): Promise<FoundCheckpoint | undefined> {
  const { storage } = place;
  const prefix = checkpointPrefix(place.job, place.run);
  const key = progressKey(prefix);
  let checkpoint: Checkpoint;
  try {
    const bytes = await readWhole(storage, key, MAX_PROGRESS_BYTES, options);
    checkpoint = checkpointSchema.parse(JSON.parse(Buffer.from(bytes).toString("utf8")));
  } catch (error) {
    if (isStorageError(error, "not-found")) return undefined;
    if (isStorageError(error) || isDataopsError(error)) throw error;
    throw corrupt(key, error);
  }
  const { segments, version, documents, documentsSettled, updated } = checkpoint;
  return {
    digest: checkpoint.digest,
    history: checkpoint.history,
    version,
    nextSegment: Math.max(0, ...segments.map(({ stored }) => stored + 1)),
    progress: { documents, documentsSettled, updated },
    readTable: async (readOptions) => {
      const settled = await unpack(key, Buffer.from(checkpoint.settled, "base64"), Math.ceil(documents / 8));
      const table = new DocumentTable();
      for (const segment of segments) {
        const name = segmentKey(prefix, segment.stored);
        const body = await readWhole(storage, name, segment.size + MAX_PROGRESS_BYTES, readOptions);
        const entries = await unpack(name, body, segment.size);
        if (digestOf(entries) !== segment.digest) throw corrupt(name);
        try {
          restoreEntries(table, entries, settled, version);
        } catch (error) {
          throw corrupt(name, error);
        }
      }
      return table;
    },
  };
}

/** Removes what a run left for another one. What is not there any more is no failure. */
export async function removeCheckpoint(
  { storage, job, run }: { storage: Storage; job: Job; run: string },
  options: StorageOptions,
): Promise<void> {
  const keys: string[] = [];
  for await (const { key } of storage.list(checkpointPrefix(job, run), options)) keys.push(key);
  for (const key of keys) await storage.delete(key, options);
}

async function unpack(key: string, bytes: Uint8Array, size: number): Promise<Buffer> {
  try {
    const unpacked = await decompress(bytes, { maxOutputLength: Math.max(1, size) });
    if (unpacked.byteLength !== size) throw new RangeError("it is of another length");
    return unpacked;
  } catch (error) {
    throw corrupt(key, error);
  }
}

function progressKey(prefix: string): string {
  return `${prefix}progress.json`;
}

function segmentKey(prefix: string, number: number): string {
  return `${prefix}documents-${number}.zst`;
}

function digestOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

function countBits(bits: Uint8Array): number {
  let count = 0;
  for (const byte of bits) for (let rest = byte; rest > 0; rest &= rest - 1) count += 1;
  return count;
}

function corrupt(key: string, cause?: unknown): DataopsError {
  return new DataopsError("corrupt", `${key} is not what a reindex left there`, {
    hint: "find out what wrote to the bucket",
    cause,
  });
}
