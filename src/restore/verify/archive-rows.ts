import { DataopsError } from "../../errors.ts";
import { RowDigest } from "./row-digest.ts";

/** A table whose rows are in the archive. */
export interface ArchivedRows {
  schema: string;
  name: string;
  /** In the order of the text. */
  columns: string[];
  digest: RowDigest;
}

/** Bytes. A statement names 1,600 columns at most, of 63 bytes each. */
const MAX_STATEMENT = 1024 * 1024;

const LINE_END = 10;
const COPY = Buffer.from("COPY ");
const END_MARK = Buffer.from("\\.\n");
const END_OF_ROWS = Buffer.from("\n\\.\n");

/**
 * Reads what `pg_restore` prints of an archive's table data: settings and comments, and for each table a COPY statement, its
 * rows, and the mark that ends them. In COPY text no row begins with that mark.
 */
export class ArchiveRowsReader {
  readonly tables: ArchivedRows[] = [];
  /** The rows that come; undefined between tables. */
  #open: ArchivedRows | undefined;
  /** What came of a line between tables, or of a statement. */
  #line: Buffer[] = [];
  #lineSize = 0;
  #isStatement = false;
  #atLineStart = true;
  /** The beginning of a line that may become the end mark. */
  #held: Buffer = Buffer.alloc(0);

  /** @throws DataopsError `corrupt` for what `pg_restore` would not print */
  push(chunk: Uint8Array): void {
    const text = Buffer.concat([this.#held, chunk]);
    this.#held = Buffer.alloc(0);
    let position = 0;
    while (position < text.byteLength) {
      const next = this.#open === undefined ? this.#readLine(text, position) : this.#readRows(text, position);
      if (next === position) {
        this.#held = text.subarray(position);
        return;
      }
      position = next;
    }
  }

  /** @throws DataopsError `corrupt` where the last table's rows did not end */
  end(): void {
    if (this.#open !== undefined || this.#isStatement) throw unexpected("the rows of a table did not end");
  }

  /** @returns where to go on; the same place where more has to come first */
  #readRows(text: Buffer, start: number): number {
    if (this.#open === undefined) throw new Error("no rows are expected");
    if (this.#atLineStart) {
      const beginning = text.subarray(start, start + END_MARK.byteLength);
      if (beginning.equals(END_MARK)) {
        this.#open = undefined;
        return start + END_MARK.byteLength;
      }
      if (beginning.equals(END_MARK.subarray(0, beginning.byteLength))) return start;
    }
    const mark = text.indexOf(END_OF_ROWS, start);
    const end = mark === -1 ? endOfCertainRows(text, start) : mark + 1;
    this.#open.digest.add(text, start, end);
    this.#atLineStart = text[end - 1] === LINE_END;
    return end;
  }

  #readLine(text: Buffer, start: number): number {
    const lineEnd = text.indexOf(LINE_END, start);
    const end = lineEnd === -1 ? text.byteLength : lineEnd + 1;
    // Of a line that is too long for a statement the beginning is enough.
    if (this.#lineSize <= MAX_STATEMENT) this.#line.push(Buffer.from(text.subarray(start, end)));
    this.#lineSize += end - start;
    if (lineEnd === -1) return end;
    this.#endLine();
    return end;
  }

  #endLine(): void {
    const line = Buffer.concat(this.#line);
    this.#isStatement = line.subarray(0, COPY.byteLength).equals(COPY);
    if (this.#isStatement) {
      if (this.#lineSize > MAX_STATEMENT) throw unexpected("a statement is too long");
      const statement = line.toString("utf8");
      // A line may end inside of a name.
      if (isInsideQuotes(statement)) return;
      const table = parseCopy(statement);
      if (table === undefined)
        throw unexpected(`it does not know ${JSON.stringify(statement.slice(0, 100))}`);
      this.#open = { ...table, digest: new RowDigest() };
      this.tables.push(this.#open);
      this.#atLineStart = true;
      this.#isStatement = false;
    }
    this.#line = [];
    this.#lineSize = 0;
  }
}

/** Where rows end that no end mark can be part of: a line of one or two bytes at the end may become one. */
function endOfCertainRows(text: Buffer, start: number): number {
  const lineStart = text.lastIndexOf(LINE_END) + 1;
  const isShort = text.byteLength - lineStart < END_MARK.byteLength;
  return isShort && lineStart > start ? lineStart : text.byteLength;
}

function isInsideQuotes(statement: string): boolean {
  return (statement.split('"').length - 1) % 2 === 1;
}

/** A name as `pg_dump` writes it: plain, or quoted with its quotes doubled. */
const NAME = String.raw`(?:"(?:[^"]|"")+"|[^\s".,()]+)`;
const STATEMENT = new RegExp(
  String.raw`^COPY (${NAME})\.(${NAME})(?: \(((?:${NAME}(?:, )?)*)\))?\s* FROM stdin;\n$`,
);

/** Reads `COPY schema.name (column, …) FROM stdin;`; undefined for everything else. */
function parseCopy(statement: string): Omit<ArchivedRows, "digest"> | undefined {
  const [, schema, name, columns = ""] = STATEMENT.exec(statement) ?? [];
  if (schema === undefined || name === undefined) return undefined;
  return {
    schema: unquote(schema),
    name: unquote(name),
    columns: [...columns.matchAll(new RegExp(NAME, "g"))].map(([column]) => unquote(column)),
  };
}

function unquote(name: string): string {
  return name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name;
}

function unexpected(what: string): DataopsError {
  return new DataopsError("corrupt", `what pg_restore prints of the archive cannot be read: ${what}`, {
    hint: "report it with the version of pg_restore",
  });
}
