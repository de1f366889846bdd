/** Comments, constants, quoted names and dollar-quoted bodies: what is in them is no statement. */
const NOT_CODE =
  /--[^\n]*|\/\*[^]*?\*\/|[eE]'(?:[^'\\]|\\[^]|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$(?<tag>(?:[A-Za-z_]\w*)?)\$[^]*?\$\k<tag>\$/g;

/** A statement that takes a whole transaction back, not to a savepoint. */
const ROLLBACK = /(?:^|;)\s*(?:ROLLBACK|ABORT)\b(?!\s+(?:(?:WORK|TRANSACTION)\s+)?TO\b)/i;

/** Whether one of the statements takes the transaction back that it runs in. Pure. */
export function hasRollback(sql: string): boolean {
  return ROLLBACK.test(sql.replaceAll(NOT_CODE, " "));
}
