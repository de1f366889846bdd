import type { Environment } from "../../config/environment.ts";
import { isDataopsError } from "../../errors.ts";
import { spawnTool, type InstalledTools } from "../../postgres/tools.ts";
import type { Findings } from "../../repository/findings.ts";
import { archiveKey } from "../../repository/keys.ts";
import type { Manifest } from "../../repository/manifest.ts";
import { decompressFrames, ZstdFormatError } from "../../repository/zstd-frames.ts";
import { readParts } from "../../storage/read-parts.ts";
import { isStorageError } from "../../storage/storage-error.ts";
import type { Storage } from "../../storage/storage.ts";
import { checkArchive } from "../archive-check.ts";
import { PieceHasher } from "../pieces.ts";
import { checkArguments } from "../plan.ts";

/** How often the archive is read before it is taken for corrupt: a bit may also flip on the way. */
const ATTEMPTS = 2;

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
  const { size } = manifest.archive;
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
  const { storage, manifest, signal, onReceived } = request;
  const { archive } = manifest;
  const hasher = new PieceHasher(archive.pieceSize);
  const parts = readParts(storage, { key, size: archive.size, signal });
  const hashed = tap(parts, (chunk) => {
    hasher.update(chunk);
    onReceived(chunk.byteLength);
  });
  try {
    const unreadable = await parse(withoutEnd(hashed), request);
    // What stood behind the place where reading it failed is still to be hashed.
    for await (const _chunk of hashed);
    const faults = wrongPieces(archive, hasher.finish());
    // Why a wrong piece cannot be read says nothing more.
    return faults.length > 0 || unreadable === undefined ? faults : [{ what: unreadable }];
  } finally {
    await hashed.return();
  }
}

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

function wrongPieces(
  { pieceSize, pieces, size, sha256 }: Manifest["archive"],
  found: { pieces: readonly string[]; sha256: string },
): Fault[] {
  const faults: Fault[] = [];
  for (const [index, expected] of pieces.entries()) {
    if (found.pieces[index] === expected) continue;
    const offset = index * pieceSize;
    const what = "the archive is corrupt: the digest of this piece is not what the manifest says";
    faults.push({ offset, length: Math.min(pieceSize, size - offset), what });
  }
  if (faults.length === 0 && found.sha256 !== sha256) {
    faults.push({ what: "the archive is corrupt: its digest is not what the manifest says" });
  }
  return faults;
}

async function sizeOf(storage: Storage, key: string, signal: AbortSignal): Promise<number | undefined> {
  try {
    return (await storage.head(key, { signal })).size;
  } catch (error) {
    if (isStorageError(error, "not-found")) return undefined;
    throw error;
  }
}

/** Passes a stream on, and shows each chunk to `look` first. */
async function* tap(
  source: AsyncIterable<Uint8Array>,
  look: (chunk: Uint8Array) => void,
): AsyncGenerator<Uint8Array, void, void> {
  for await (const chunk of source) {
    look(chunk);
    yield chunk;
  }
}

/** The same stream, which goes on for another reader where this one stops. */
function withoutEnd(source: AsyncGenerator<Uint8Array, void, void>): AsyncIterable<Uint8Array> {
  return { [Symbol.asyncIterator]: () => ({ next: () => source.next() }) };
}
