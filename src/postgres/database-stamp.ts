/**
 * What a database is for, written in the database itself: as its setting `dataops.environment`, or in its comment, which any owner may
 * write where such a setting takes a superuser. Neither is part of what `pg_dump` tells of a database's content.
 */

/** The custom setting that carries a database's stamp. */
export const STAMP_SETTING = "dataops.environment";

/** A line of the comment. Before the mark of a replaced version, if there is one. */
const STAMP_LINE = /(?<before>^|\n)\[dataops: environment (?<environment>[^\]\n]+)\](?=\n|$)/;

/**
 * The stamp in a database's settings (each `name=value`; names know no case) or in its comment. Both of them where they are two: that
 * is the stamp of no environment.
 */
export function findStamp(settings: readonly string[], comment: string | null): string | undefined {
  const prefix = `${STAMP_SETTING}=`;
  const set = settings.find((setting) => setting.toLowerCase().startsWith(prefix))?.slice(prefix.length);
  const commented = comment?.match(STAMP_LINE)?.groups?.["environment"];
  if (set === undefined || commented === undefined || set === commented) return set ?? commented;
  return `${set} and ${commented}`;
}

/** A comment with the stamp in it, in place of another; null takes the stamp away. Null stands for no comment. */
export function stampComment(comment: string | null, environment: string | null): string | null {
  const line = environment === null ? undefined : `[dataops: environment ${environment}]`;
  if (comment === null) return line ?? null;
  if (!STAMP_LINE.test(comment)) return line === undefined ? comment : `${comment}\n${line}`;
  const replaced = comment.replace(STAMP_LINE, (...found) => {
    // eslint-disable-next-line typescript/no-unsafe-type-assertion -- the groups come last
    const { before } = found.at(-1) as { before: string };
    return line === undefined ? "" : `${before}${line}`;
  });
  const rest = replaced.replace(/^\n/, "");
  return rest === "" ? null : rest;
}
