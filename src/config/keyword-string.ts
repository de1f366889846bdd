import { DataopsError } from "../errors.ts";
import type { WrittenParameter } from "./connection-parameters.ts";

/** One `name = value`: the value in single quotes, or up to the next white space; a backslash escapes a character. */
const ASSIGNMENT =
  /[ \t-\r]*(?<name>[^ \t-\r=]*)[ \t-\r]*=[ \t-\r]*(?:'(?<quoted>(?:[^'\\]|\\.)*)'|(?<plain>(?:[^ \t-\r'\\]|\\.)(?:[^ \t-\r\\]|\\.)*)?)/sy;

/** White space as C has it; other kinds may stand in a password. */
const ONLY_SPACE = /^[ \t-\r]*$/;

/**
 * The parameters in a libpq keyword string, `host=localhost dbname='my shop'`; of two of one name the last counts.
 *
 * @throws DataopsError `usage` where it is malformed; the message holds no part of it
 */
export function parseKeywordString(text: string, origin: string): WrittenParameter[] {
  const written: WrittenParameter[] = [];
  let position = 0;
  while (!ONLY_SPACE.test(text.slice(position))) {
    ASSIGNMENT.lastIndex = position;
    const match = ASSIGNMENT.exec(text);
    if (match === null) throw malformed(origin);
    const { name = "", quoted, plain } = match.groups ?? {};
    written.push([name, (quoted ?? plain ?? "").replaceAll(/\\(.)/gs, "$1")]);
    position = ASSIGNMENT.lastIndex;
  }
  return written;
}

function malformed(origin: string): DataopsError {
  return new DataopsError("usage", `${origin}: the text is not written as name=value name=value`, {
    hint: "put a value with spaces in single quotes, and write ' and \\ in it as \\' and \\\\",
  });
}
