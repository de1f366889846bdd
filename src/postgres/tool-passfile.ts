import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A passfile that exists while one program runs. */
export interface TemporaryPassfile {
  readonly path: string;
  /** Removes the file and its folder. Safe to call more than once. */
  remove(): void;
}

const existing = new Set<string>();

/**
 * Writes a passfile, readable by this user alone, into a folder of its own.
 *
 * Synchronously: it is a few bytes, and the program is started in the same breath, with no moment for an abort between.
 */
export function writePassfile(content: string): TemporaryPassfile {
  if (existing.size === 0) process.once("exit", removeAll);
  const directory = mkdtempSync(join(tmpdir(), "dataops-pass-"));
  existing.add(directory);
  const path = join(directory, "passfile");
  writeFileSync(path, content, { mode: 0o600, flag: "wx" });
  return { path, remove: () => removeDirectory(directory) };
}

function removeDirectory(directory: string): void {
  rmSync(directory, { recursive: true, force: true });
  existing.delete(directory);
  if (existing.size === 0) process.removeListener("exit", removeAll);
}

/** For the process that ends before its programs do. */
function removeAll(): void {
  for (const directory of existing) rmSync(directory, { recursive: true, force: true });
}
