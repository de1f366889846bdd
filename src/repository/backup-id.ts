import { randomInt } from "node:crypto";

/** A backup's id: its UTC start time and a random tail, `20261121T040000Z-k3v9qa`. */
export const BACKUP_ID_PATTERN = /^\d{8}T\d{6}Z-[a-z0-9]{6}$/;

/** The beginning of an id, at least its year. */
const ID_PREFIX_PATTERN = /^\d{4}[0-9TZ]{0,12}(-[a-z0-9]{0,6})?$/;

const TAIL_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789";

/** A new id for a backup that starts at `startedAt` (milliseconds since the epoch). */
export function makeBackupId(startedAt: number): string {
  const tail = Array.from({ length: 6 }, () => TAIL_ALPHABET.charAt(randomInt(TAIL_ALPHABET.length))).join(
    "",
  );
  return `${stampOf(new Date(startedAt).toISOString())}-${tail}`;
}

export function isBackupId(text: string): boolean {
  return BACKUP_ID_PATTERN.test(text);
}

/** Whether `text` may be the beginning of an id, or a whole one. */
export function isBackupIdPrefix(text: string): boolean {
  return isBackupId(text) || ID_PREFIX_PATTERN.test(text);
}

/** The start time in an id, to the second: `20261121T040000Z`. Ids compare by it as text. */
export function startStamp(id: string): string {
  return id.slice(0, id.indexOf("-"));
}

/** The start time that an id made at this instant (ISO 8601, UTC) begins with. */
export function stampOf(instant: string): string {
  return instant.replaceAll(/[-:]|\.\d+/g, "");
}
