import { createHash } from "node:crypto";
import type { Environment } from "../../config/environment.ts";
import { isDataopsError } from "../../errors.ts";
import { leaveToGarbage } from "../../garbage.ts";
import { spawnTool, type InstalledTools } from "../../postgres/tools.ts";
import type { Findings } from "../../repository/findings.ts";
import { archiveKey } from "../../repository/keys.ts";
import type { Manifest } from "../../repository/manifest.ts";
import { decompressFrames, ZstdFormatError } from "../../repository/zstd-frames.ts";
import { readParts } from "../../storage/read-parts.ts";
import { isStorageError } from "../../storage/storage-error.ts";
import type { Storage } from "../../storage/storage.ts";
import { checkArchive } from "../archive-check.ts";
import { checkArguments } from "../plan.ts";

/** How often the archive is read before it is taken for corrupt: a bit may also flip on the way. */
const ATTEMPTS = 2;

/** Bytes of a piece, which is held: those of an archive of 1.6 TB. */
const MAX_PIECE_SIZE = 64 * 1024 * 1024;

export interface VerifyArchiveRequest {
  storage: Storage;
  manifest: Manifest;
  findings: Findings;
  /** The `pg_restore` to read it with; undefined where there is none that can. */
  tools: InstalledTools | undefined;
  /** Told the bytes as they come. */
  onReceived: (bytes: number) => void;
  environment: Environment;
  signal: AbortSignal;
}

/**
 * Reads a backup's archive, whole: its length, the digest of each piece, and what `pg_restore` makes of every byte of it.
 *
 * @throws what the storage throws, but for what says that it is missing; after an abort: the signal's reason
 */
export async function verifyArchive(request: VerifyArchiveRequest): Promise<void> {
  const { storage, manifest, findings, signal } = request;
  const object = archiveKey(manifest.database, manifest.id);
  const { size, pieceSize } = manifest.archive;
  if (Math.min(size, pieceSize) > MAX_PIECE_SIZE) {
    findings.add({ object, what: `the archive cannot be read: its pieces have ${pieceSize} bytes` });
    return;
  }
  const found = await sizeOf(storage, object, signal);
  if (found !== size) {
    const what = found === undefined ? "it is missing" : `it has ${found} bytes; the manifest says ${size}`;
    findings.add({ object, what: `the archive cannot be read: ${what}` });
    return;
  }
  for (let attempt = 1; ; attempt += 1) {
    const faults = await readOnce(request, object);
    if (faults.length > 0 && attempt < ATTEMPTS) continue;
    for (const fault of faults) findings.add({ object, ...fault });
    return;
  }
}

interface Fault {
  offset?: number;
  length?: number;
  what: string;
}

async function readOnce(request: VerifyArchiveRequest, key: string): Promise<Fault[]> {
  const { storage, manifest, signal } = request;
  const { archive } = manifest;
  const faults: Fault[] = [];
  const parts = readParts(storage, { key, size: archive.size, signal });
  const right = rightPieces(parts, archive, faults, request.onReceived);
  try {
    const unreadable = await parse(withoutEnd(right), request);
    // What stood behind the place where reading it failed is still to be checked.
    for await (const _chunk of right);
    // Why a wrong piece cannot be read says nothing more.
    if (faults.length === 0 && unreadable !== undefined) faults.push({ what: unreadable });
    return faults;
  } finally {
    await right.return();
  }
}

/**
 * Passes the pieces of an archive on as far as they are right, each once its digest was compared: `pg_restore` is not to see
 * what somebody else made of them. Pieces that are wrong are added to `faults`.
 */
async function* rightPieces(
  source: AsyncIterable<Uint8Array>,
  { pieceSize, pieces, size, sha256 }: Manifest["archive"],
  faults: Fault[],
  onReceived: (bytes: number) => void,
): AsyncGenerator<Uint8Array, void, void> {
  const whole = createHash("sha256");
  let held: Uint8Array[] = [];
  let filled = 0;
  let index = 0;
  const endPiece = (): readonly Uint8Array[] => {
    const digest = createHash("sha256");
    for (const chunk of held) digest.update(chunk);
    const isRight = digest.digest("hex") === pieces[index];
    // What it was is on its way to pg_restore, decompressed besides.
    leaveToGarbage(2 * filled);
    if (!isRight) faults.push({ offset: index * pieceSize, length: filled, what: WRONG_PIECE });
    const chunks = faults.length === 0 ? held : [];
    held = [];
    filled = 0;
    index += 1;
    return chunks;
  };
  for await (const chunk of source) {
    onReceived(chunk.byteLength);
    whole.update(chunk);
    for (let offset = 0; offset < chunk.byteLength;) {
      const length = Math.min(pieceSize - filled, chunk.byteLength - offset);
      held.push(chunk.subarray(offset, offset + length));
      offset += length;
      filled += length;
      if (filled === pieceSize) yield* endPiece();
    }
  }
  // Nothing at all is one empty piece.
  if (filled > 0 || size === 0) yield* endPiece();
  if (faults.length === 0 && whole.digest("hex") !== sha256) {
    faults.push({ what: "the archive is corrupt: its digest is not what the manifest says" });
  }
}

const WRONG_PIECE = "the archive is corrupt: the digest of this piece is not what the manifest says";

/** Decompresses the archive, and has `pg_restore` read it. @returns why it cannot be read */
async function parse(
  stored: AsyncIterable<Uint8Array>,
  { manifest, tools, environment, signal }: VerifyArchiveRequest,
): Promise<string | undefined> {
  const raw = decompressFrames(stored);
  try {
    const checked = tools === undefined ? raw : checkArchive(raw, startReader(tools, environment, signal));
    let rawSize = 0;
    for await (const chunk of checked) rawSize += chunk.byteLength;
    if (rawSize === manifest.archive.rawSize) return undefined;
    return `the archive has ${rawSize} bytes decompressed; the manifest says ${manifest.archive.rawSize}`;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof ZstdFormatError) return `the archive cannot be decompressed: ${error.message}`;
    if (isDataopsError(error, "corrupt")) return error.message;
    throw error;
  } finally {
    await raw.return();
  }
}

function startReader({ directory }: InstalledTools, environment: Environment, signal: AbortSignal) {
  const options = { environment, signal, stdin: "pipe" } as const;
  return spawnTool({ program: "pg_restore", directory }, checkArguments(), options);
}

async function sizeOf(storage: Storage, key: string, signal: AbortSignal): Promise<number | undefined> {
  try {
    return (await storage.head(key, { signal })).size;
  } catch (error) {
    if (isStorageError(error, "not-found")) return undefined;
    throw error;
  }
}

/** The same stream, which goes on for another reader where this one stops. */
function withoutEnd(source: AsyncGenerator<Uint8Array, void, void>): AsyncIterable<Uint8Array> {
  return { [Symbol.asyncIterator]: () => ({ next: () => source.next() }) };
}
