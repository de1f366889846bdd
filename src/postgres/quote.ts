/** A name as SQL writes it: `"` around it, doubled inside. Any character but NUL may occur in a name. */
export function quoteIdentifier(name: string): string {
  return `"${withoutNul(name).replaceAll('"', '""')}"`;
}

/** `"schema"."name"`. */
export function quoteQualified(schema: string, name: string): string {
  return `${quoteIdentifier(schema)}.${quoteIdentifier(name)}`;
}

/** A string constant that means the same whatever `standard_conforming_strings` is. */
export function quoteLiteral(value: string): string {
  const doubled = withoutNul(value).replaceAll("'", "''");
  return doubled.includes("\\") ? ` E'${doubled.replaceAll("\\", "\\\\")}'` : `'${doubled}'`;
}

/** The server would cut the statement there, and run what is left. */
function withoutNul(value: string): string {
  if (value.includes("\0")) throw new RangeError("a NUL character cannot be part of an SQL statement");
  return value;
}
