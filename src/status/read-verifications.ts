import { isDataopsError } from "../errors.ts";
import { humanPlural } from "../observe/human.ts";
import { inParallel } from "../parallel.ts";
import { verificationKey } from "../repository/keys.ts";
import { readVerification, type VerificationResult } from "../repository/verification.ts";
import type { Storage, StorageOptions } from "../storage/storage.ts";
import type { VerificationFacts } from "./facts.ts";

/** Results read at the same time. */
const READERS = 16;

/**
 * What the last verifications of these backups came to, the one that ended last first; and the keys of results that cannot be
 * read.
 *
 * @throws StorageError where one cannot be fetched
 */
export async function readVerifications(
  storage: Storage,
  database: string,
  ids: readonly string[],
  options: StorageOptions = {},
): Promise<{ verifications: VerificationFacts[]; unreadable: string[] }> {
  const verifications: VerificationFacts[] = [];
  const unreadable: string[] = [];
  await inParallel(ids, READERS, options.signal ?? new AbortController().signal, async (id, signal) => {
    try {
      const found = await readVerification(storage, { database, id }, { signal });
      verifications.push(...(found?.results ?? []).map((result) => factsOf(id, result)));
    } catch (error) {
      if (!isDataopsError(error, "corrupt")) throw error;
      unreadable.push(verificationKey(database, id));
    }
  });
  verifications.sort((left, right) => compare(right.ended, left.ended) || compare(right.backup, left.backup));
  return { verifications, unreadable: unreadable.sort() };
}

function factsOf(backup: string, result: VerificationResult): VerificationFacts {
  const { kind, state, ended, message, restoreTime } = result;
  return { backup, kind, state, ended, message: message ?? describeFindings(result), restoreTime };
}

/** The first thing that is wrong, and how many more there are. */
function describeFindings({ findings, findingsInAll }: VerificationResult): string | null {
  const [first] = findings;
  if (first === undefined) return null;
  const where = first.object ?? first.table;
  const more = findingsInAll > 1 ? `; ${humanPlural(findingsInAll, "finding")} in all` : "";
  return `${where === null ? "" : `${where}: `}${first.what}${more}`;
}

function compare(left: string, right: string): number {
  return left < right ? -1 : Number(left > right);
}
