import { randomUUID } from "node:crypto";
import { messageOf } from "../errors.ts";
import { isStorageError } from "./storage-error.ts";
import type { Storage, StorageOptions } from "./storage.ts";

/** Whether a storage's conditional writes can be relied on, and if not, what it did. */
export type ProbeResult = { conditional: true } | { conditional: false; reason: string };

/** Below the prefix, beside the databases; ours to write and to remove. */
const PROBE_PREFIX = "locks/probe-";

/**
 * Finds out whether conditional writes are real: a second create must fail, a replace with a wrong tag must fail, a
 * replace of an absent object must fail, and one with the right tag must not. Stores exist that accept the headers and ignore them.
 *
 * @throws StorageError where the storage cannot be written at all
 */
export async function probeConditionalWrites(
  storage: Storage,
  options?: StorageOptions,
): Promise<ProbeResult> {
  const key = `${PROBE_PREFIX}${randomUUID()}`;
  const body = Buffer.from("probe\n");
  try {
    const { tag } = await storage.put(key, body, options);
    const checks = [
      ["it created an object that was there", () => storage.create(key, body, options)],
      [
        "it replaced an object whose tag was another",
        () => storage.replace(key, body, wrongTag(tag), options),
      ],
      [
        "it replaced an object that was not there",
        () => storage.replace(`${key}-absent`, body, tag, options),
      ],
    ] as const;
    for (const [breach, write] of checks) {
      const fault = await faultOf(write(), breach);
      if (fault !== undefined) return { conditional: false, reason: fault };
    }
    try {
      await storage.replace(key, body, tag, options);
    } catch (error) {
      if (!isStorageError(error, "precondition-failed")) throw error;
      return { conditional: false, reason: "it did not replace an object whose tag was the right one" };
    }
    return { conditional: true };
  } finally {
    await storage.delete(key, options).catch(ignoreMissingPermission);
    await storage.delete(`${key}-absent`, options).catch(ignoreMissingPermission);
  }
}

/** Milliseconds after which nobody probes with an object any more. */
const PROBE_LIFE = 24 * 60 * 60 * 1000;

/**
 * Removes what probes left that were killed, or that may not delete. `now` is in milliseconds since the epoch.
 *
 * @throws StorageError
 */
export async function clearProbes(storage: Storage, now: number, options?: StorageOptions): Promise<void> {
  for await (const { key, modified } of storage.list(PROBE_PREFIX, options)) {
    if (now - modified.getTime() > PROBE_LIFE) await storage.delete(key, options);
  }
}

/** Undefined where the write was refused as it should be. */
async function faultOf(write: Promise<unknown>, breach: string): Promise<string | undefined> {
  try {
    await write;
    return breach;
  } catch (error) {
    if (isStorageError(error, "precondition-failed")) return undefined;
    if (isStorageError(error, "permanent")) return `it refused a conditional write: ${messageOf(error)}`;
    throw error;
  }
}

/** Of the same shape, so that no store refuses it for its looks. */
function wrongTag(tag: string): string {
  return tag.replace(/[0-9a-f](?=[^0-9a-f]*$)/i, (digit) => (digit === "0" ? "1" : "0"));
}

/** A writer may lack the right to delete: then the probe's object stays, 6 bytes, to be cleared by who may. */
function ignoreMissingPermission(error: unknown): void {
  if (!isStorageError(error, "not-permitted")) throw error;
}
