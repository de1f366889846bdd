import type { FileHandle } from "node:fs/promises";
import { DataopsError } from "../../errors.ts";

const READ_SIZE = 1024 * 1024;

/** Writes all of `bytes` at `position`; a single write may end short. */
export async function writeFully(file: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let offset = 0; offset < bytes.byteLength;) {
    const { bytesWritten } = await file.write(bytes, offset, bytes.byteLength - offset, position + offset);
    offset += bytesWritten;
  }
}

/**
 * The bytes from `start` up to, not including, `end`, or up to where the file ends before. Each chunk is good until the
 * next one: they share a buffer.
 */
export async function* readRange(
  file: FileHandle,
  start: number,
  end: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  const buffer = Buffer.allocUnsafe(Math.min(READ_SIZE, end - start));
  for (let position = start; position < end;) {
    signal.throwIfAborted();
    const wanted = Math.min(buffer.byteLength, end - position);
    const { bytesRead } = await file.read(buffer, 0, wanted, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

/** Whether the operating system refused something, for the reason `code` if one is named. */
export function isSystemError(error: unknown, code?: string): error is NodeJS.ErrnoException {
  if (!(error instanceof Error) || !("code" in error) || !("syscall" in error)) return false;
  return code === undefined || error.code === code;
}

/** What the file system threw at `path`, as a failure that a person can do something about. Else the error itself. */
export function diskError(error: unknown, path: string): unknown {
  if (!isSystemError(error)) return error;
  switch (error.code) {
    case "ENOSPC":
    case "EDQUOT":
      return new DataopsError("failed", `no space left on the disk of ${path}`, {
        hint: "free some space, or set cache.directory to a larger disk",
        cause: error,
      });
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return new DataopsError("notPermitted", `may not write ${path}`, {
        hint: "check its owner and mode, or set cache.directory",
        cause: error,
      });
    default:
      return new DataopsError("failed", `cannot write ${path}: ${error.message}`, { cause: error });
  }
}
