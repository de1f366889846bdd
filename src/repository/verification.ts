import { z } from "zod";
import { DataopsError, EXIT_CODES, type ExitName } from "../errors.ts";
import { isStorageError } from "../storage/storage-error.ts";
import type { Storage, StorageOptions } from "../storage/storage.ts";
import { BACKUP_ID_PATTERN } from "./backup-id.ts";
import { verificationKey } from "./keys.ts";
import { readWhole } from "./read-whole.ts";

/**
 * What the verifications of one backup came to, as it is kept beside its manifest.
 *
 * Of each kind the last one that ran to its end is kept, and a later one that could not run: that a server was out of
 * reach today takes nothing from what was proven yesterday, and proves nothing by itself.
 */

const VERIFICATION_FORMAT = 1;

/** Findings that are kept; the rest is counted. */
export const MAX_FINDINGS = 100;

export const MAX_REMARKS = 100;

/** Bytes; the findings of four verifications at their longest. */
const MAX_VERIFICATION_BYTES = 4 * 1024 * 1024;

/** Verifications of one backup that end at the same time. */
const ATTEMPTS = 5;

const instant = z.iso.datetime({ precision: 3 });
const exitName = z.custom<ExitName>((value) => typeof value === "string" && Object.hasOwn(EXIT_CODES, value));

/** Characters of one text of a finding. */
const MAX_TEXT = 2000;

const findingSchema = z.strictObject({
  /** The object's key in the storage; null where it is about a restored table. */
  object: z.string().max(MAX_TEXT).nullable(),
  /** Bytes from the object's start, and how many; null where it is about all of it. */
  offset: z.int().min(0).nullable(),
  length: z.int().min(0).nullable(),
  /** `public.orders`; null where it is about no table. */
  table: z.string().max(MAX_TEXT).nullable(),
  /** The first row position of the range, as a `ctid` has it, and the next range's: `64,0`; null where it is not about one. */
  range: z.strictObject({ from: z.string().max(20), to: z.string().max(20).nullable() }).nullable(),
  /** What is wrong, as one line. */
  what: z.string().max(MAX_TEXT),
});

const resultSchema = z
  .strictObject({
    /** The id of the run, which has a backup id's shape. */
    run: z.string().regex(BACKUP_ID_PATTERN),
    /** `read`: every byte in the storage. `restore`: into a database, compared with the backup. */
    kind: z.enum(["read", "restore"]),
    /** `not-run` says nothing about the backup: the verification ended before it could judge. */
    state: z.enum(["passed", "failed", "not-run"]),
    started: instant,
    ended: instant,
    dataopsVersion: z.string().max(64),
    /** How it ended, by the exit code's name. */
    exit: exitName,
    /** One line: why it could not run; null where it did. */
    message: z.string().max(MAX_TEXT).nullable(),
    /** What could not be checked, or restored, on the machine or the server that it ran on. */
    remarks: z.array(z.string().max(MAX_TEXT)).max(MAX_REMARKS),
    /** Bytes that were read from the storage. */
    bytesRead: z.int().min(0),
    findings: z.array(findingSchema).max(MAX_FINDINGS),
    /** All of them, also those that are not kept. */
    findingsInAll: z.int().min(0),
    /** Milliseconds from the first byte of the download to a database with all rows, indexes and statistics; null for `read`. */
    restoreTime: z.int().min(0).nullable(),
    /** Of the server that it was restored into; null for `read`. */
    serverVersion: z.string().max(1024).nullable(),
  })
  .refine(({ state, exit }) => (state === "passed") === (exit === "done"), {
    error: "its state and its exit contradict each other",
  })
  .refine(({ state, message }) => (state === "not-run") === (message !== null), {
    error: "its state and its message contradict each other",
  })
  .refine(({ state, findingsInAll }) => (state === "failed") === findingsInAll > 0, {
    error: "its state and its findings contradict each other",
  })
  .refine(({ findings, findingsInAll }) => findings.length === Math.min(findingsInAll, MAX_FINDINGS), {
    error: "the number of findings is wrong",
  });

const verificationSchema = z.strictObject({
  format: z.literal(VERIFICATION_FORMAT),
  backup: z.string().regex(BACKUP_ID_PATTERN),
  /** Newest first. */
  results: z.array(resultSchema).max(4),
});

/** One thing that is wrong with a backup. */
export type Finding = z.infer<typeof findingSchema>;
/** What one verification came to. */
export type VerificationResult = z.infer<typeof resultSchema>;
export type VerificationKind = VerificationResult["kind"];
/** What all verifications of one backup came to. */
export type Verification = z.infer<typeof verificationSchema>;

/** The last verification of one kind. */
export interface LastVerification {
  /** The last one that ran: `passed` or `failed`. */
  ran: VerificationResult | undefined;
  /** A later one that could not run. */
  notRun: VerificationResult | undefined;
}

/** The last verification of one kind. Pure. */
export function lastVerification(
  verification: Verification | undefined,
  kind: VerificationKind,
): LastVerification {
  const results = (verification?.results ?? []).filter((result) => result.kind === kind);
  return {
    ran: results.find(({ state }) => state !== "not-run"),
    notRun: results.find(({ state }) => state === "not-run"),
  };
}

/** Adds a result: the other kind's stay, and one that did not run takes nothing from one that did. Pure. */
export function withResult(
  verification: Verification | undefined,
  backup: string,
  result: VerificationResult,
): Verification {
  const stays = (other: VerificationResult): boolean =>
    other.kind !== result.kind || (result.state === "not-run" && other.state !== "not-run");
  const kept = (verification?.results ?? []).filter(stays);
  return { format: VERIFICATION_FORMAT, backup, results: [result, ...kept] };
}

/** Text that fits into a finding, on one line. */
export function findingText(text: string): string {
  const line = text.replaceAll(/\s+/g, " ");
  return line.length <= MAX_TEXT ? line : `${line.slice(0, MAX_TEXT - 1)}…`;
}

/** The bytes of `verification.json`. */
export function serializeVerification(verification: Verification): Uint8Array {
  return Buffer.from(`${JSON.stringify(verificationSchema.parse(verification), null, 1)}\n`);
}

/**
 * Reads the bytes of `verification.json`. `where` names the object in the error.
 *
 * @throws DataopsError `corrupt`
 */
export function parseVerification(content: Uint8Array, where: string): Verification {
  try {
    return verificationSchema.parse(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(content)));
  } catch (error) {
    throw corrupt(where, error);
  }
}

/**
 * The verifications of one backup; undefined where there was none.
 *
 * @throws DataopsError `corrupt`; StorageError as `Storage.get` does
 */
export async function readVerification(
  storage: Storage,
  { database, id }: { database: string; id: string },
  options: StorageOptions = {},
): Promise<Verification | undefined> {
  const key = verificationKey(database, id);
  let content: Uint8Array;
  try {
    content = await readWhole(storage, key, MAX_VERIFICATION_BYTES, options);
  } catch (error) {
    if (isStorageError(error, "not-found")) return undefined;
    throw error;
  }
  const verification = parseVerification(content, key);
  if (verification.backup !== id) throw corrupt(key);
  return verification;
}

/**
 * Keeps a result beside its backup. Of two that end at once neither is lost, where the storage's conditional writes are
 * real. What stood there and cannot be read is replaced.
 *
 * @throws StorageError as the storage does
 */
export async function keepResult(
  storage: Storage,
  { database, id }: { database: string; id: string },
  result: VerificationResult,
  options: StorageOptions = {},
): Promise<void> {
  const key = verificationKey(database, id);
  for (let attempt = 1; ; attempt += 1) {
    const tag = await tagOf(storage, key, options);
    const before = await readVerification(storage, { database, id }, options).catch((error: unknown) => {
      if (error instanceof DataopsError && error.exit === "corrupt") return undefined;
      throw error;
    });
    const body = serializeVerification(withResult(before, id, result));
    try {
      if (tag === undefined) await storage.create(key, body, options);
      else await storage.replace(key, body, tag, options);
      return;
    } catch (error) {
      const isTaken = isStorageError(error, "precondition-failed") && attempt < ATTEMPTS;
      if (isTaken) continue;
      // A store without conditional writes, or one whose tags never fit.
      if (!isStorageError(error, "permanent") && !isStorageError(error, "precondition-failed")) throw error;
      await storage.put(key, body, options);
      return;
    }
  }
}

async function tagOf(storage: Storage, key: string, options: StorageOptions): Promise<string | undefined> {
  try {
    return (await storage.head(key, options)).tag;
  } catch (error) {
    if (isStorageError(error, "not-found")) return undefined;
    throw error;
  }
}

function corrupt(where: string, cause?: unknown): DataopsError {
  return new DataopsError("corrupt", `${where} is not the result of a verification`, {
    hint: "verify the backup again, and find out what wrote to the storage",
    cause,
  });
}
