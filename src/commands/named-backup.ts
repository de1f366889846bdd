import { DataopsError } from "../errors.ts";
import { findLatest, findStoredBackup, type Latest } from "../repository/catalogue.ts";
import type { StoredBackup } from "../repository/stored-backup.ts";
import { humanName, humanPlural } from "../observe/human.ts";
import type { Storage } from "../storage/storage.ts";
import type { CommandContext } from "./command.ts";
import { whoseLatest } from "./whose-latest.ts";

/** How a command's help says which backups it takes. */
export const NAMES_A_BACKUP = "a backup's id, the beginning of one, or `latest`";

/** The option beside it. */
export const FROM_OPTION = {
  type: "string",
  requiresArg: true,
  describe: "whose, where the storage holds backups of several databases",
} as const;

export interface BackupName {
  /** An id, the beginning of one, or `latest`. */
  id: string;
  /** The database that `latest` is of. */
  from?: string | undefined;
}

/**
 * The backup that somebody named. `latest` is the newest good one; whoever asks for it is told of newer ones that are not.
 *
 * @throws DataopsError as `findLatest`, `findStoredBackup` and `whoseLatest`; `noSuchBackup` where it is another database's
 */
export async function namedBackup(
  storage: Storage,
  { id, from }: BackupName,
  context: CommandContext,
): Promise<StoredBackup> {
  if (id === "latest") return await theLatest(storage, from, context);
  const backup = await findStoredBackup(storage, id, { signal: context.signal });
  const { id: whole, database } = backup.manifest;
  if (from === undefined || from === database) return backup;
  throw new DataopsError("noSuchBackup", `backup ${whole} is of ${database}, not of ${from}`, {
    hint: "leave out --from",
  });
}

/**
 * The newest good backup of a database, or of the one that is meant where none is named. Tells of newer ones that are not good.
 *
 * @throws DataopsError as `findLatest` and `whoseLatest`
 */
export async function theLatest(
  storage: Storage,
  from: string | undefined,
  context: CommandContext,
): Promise<StoredBackup> {
  const { signal } = context;
  const source = from ?? (await whoseLatest(storage, await context.config(), signal));
  const latest = await findLatest(storage, source, { signal });
  warnOfPassedOver(latest, context);
  return latest.backup;
}

function warnOfPassedOver({ backup, passedOver }: Latest, { reporter }: CommandContext): void {
  const [newest] = passedOver;
  if (newest === undefined) return;
  const [reason = "", ...others] = newest.manifest.suspect ?? [];
  const more = others.length === 0 ? "" : `; and ${humanPlural(others.length, "more reason")}`;
  const rest =
    passedOver.length === 1 ? "" : `, and ${humanPlural(passedOver.length - 1, "more suspect backup")}`;
  reporter.warn(
    `${newest.manifest.id} is newer and was passed over${rest}: it is suspect (${humanName(reason)}${more}). The latest is ${backup.manifest.id}`,
  );
}
