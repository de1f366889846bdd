import { createReadStream } from "node:fs";
import { open, rm } from "node:fs/promises";
import { DataopsError, messageOf } from "../../errors.ts";
import type { Progress } from "../../observe/reporter.ts";
import { archiveKey } from "../../repository/keys.ts";
import type { Manifest } from "../../repository/manifest.ts";
import { addDataOffsets } from "./archive-offsets.ts";
import { diskError, isSystemError, writeFully } from "../cache/disk.ts";
import { decompressFrames, ZstdFormatError } from "../../repository/zstd-frames.ts";

const READ_SIZE = 1024 * 1024;

export interface UnpackOptions {
  signal: AbortSignal;
  /** Told the bytes written, `archive.rawSize` in all. */
  progress: Progress;
}

/**
 * Decompresses the stored archive at `path` into the file `destination` (mode 0600), ready for a parallel `pg_restore`.
 * What was at `destination` is replaced; after a failure nothing is there.
 *
 * @throws DataopsError `corrupt` where it is not the archive that the manifest describes, `failed` where the disk is full
 */
export async function unpackArchive(
  path: string,
  manifest: Manifest,
  destination: string,
  options: UnpackOptions,
): Promise<void> {
  try {
    await decompressTo(path, manifest, destination, options);
    await addOffsets(manifest, destination, options.signal);
  } catch (error) {
    await rm(destination, { force: true });
    options.signal.throwIfAborted();
    throw classify(error, manifest, destination);
  }
}

async function decompressTo(
  path: string,
  manifest: Manifest,
  destination: string,
  { signal, progress }: UnpackOptions,
): Promise<void> {
  const { rawSize } = manifest.archive;
  // Made anew, so that the mode is ours and no link is followed.
  await rm(destination, { force: true });
  await using file = await open(destination, "wx", 0o600);
  const compressed = createReadStream(path, { highWaterMark: READ_SIZE, signal });
  let written = 0;
  for await (const chunk of decompressFrames(compressed)) {
    if (written + chunk.byteLength > rawSize) throw wrongSize(manifest, "more");
    await writeFully(file, chunk, written);
    written += chunk.byteLength;
    progress.add(chunk.byteLength);
  }
  if (written < rawSize) throw wrongSize(manifest, "fewer");
}

async function addOffsets(manifest: Manifest, destination: string, signal: AbortSignal): Promise<void> {
  try {
    await addDataOffsets(destination, signal);
  } catch (error) {
    if (signal.aborted || isSystemError(error)) throw error;
    throw corrupt(manifest, messageOf(error), error);
  }
}

function wrongSize(manifest: Manifest, comparison: "more" | "fewer"): DataopsError {
  const { rawSize } = manifest.archive;
  return corrupt(
    manifest,
    `it decompresses to ${comparison} bytes than the ${rawSize} that its manifest says`,
  );
}

function classify(error: unknown, manifest: Manifest, destination: string): unknown {
  if (error instanceof DataopsError) return error;
  if (error instanceof ZstdFormatError) return corrupt(manifest, error.message, error);
  return diskError(error, destination);
}

function corrupt(manifest: Manifest, what: string, cause?: unknown): DataopsError {
  return new DataopsError("corrupt", `${archiveKey(manifest.database, manifest.id)} is corrupt: ${what}`, {
    hint: "restore an older backup (`dataops list`)",
    cause,
  });
}
