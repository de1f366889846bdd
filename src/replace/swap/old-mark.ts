/**
 * The mark of a database that was replaced and is kept for `undo`: what tells it from one that merely has such a name.
 *
 * It stands in the database's comment, below what stood there before: a comment may be set by any owner, where a setting
 * of our own takes a superuser.
 */

const MARK = /(?:^|\n)\[dataops: replaced version of (?<target>"(?:[^"\\]|\\.)*")\]$/;

/** A comment with the mark; `undefined` and `null` stand for none. */
export function addMark(comment: string | null, target: string): string {
  const rest = removeMark(comment);
  return `${rest === null ? "" : `${rest}\n`}[dataops: replaced version of ${JSON.stringify(target)}]`;
}

/** The comment as it was before it was marked; null where there was none. */
export function removeMark(comment: string | null): string | null {
  const rest = comment?.replace(MARK, "") ?? "";
  return rest === "" ? null : rest;
}

/** The name that a marked database had; undefined for one that is not ours. */
export function readMark(comment: string | null): string | undefined {
  const quoted = comment?.match(MARK)?.groups?.["target"];
  if (quoted === undefined) return undefined;
  try {
    const target: unknown = JSON.parse(quoted);
    return typeof target === "string" ? target : undefined;
  } catch {
    return undefined;
  }
}
