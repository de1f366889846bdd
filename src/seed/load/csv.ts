import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { DataopsError } from "../../errors.ts";
import type { PostgresClient } from "../../postgres/client.ts";
import { copyIn, type CopyChunk } from "../../postgres/copy-in.ts";
import { statementError } from "../../postgres/postgres-error.ts";
import { quoteIdentifier } from "../../postgres/quote.ts";
import type { SeedFile } from "../plan.ts";
import { quoteTable, tableOfFile } from "./table-name.ts";

/** Bytes in which a file's first line has to end. */
const MAX_HEADER = 1024 * 1024;
const CHUNK = 256 * 1024;
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/**
 * Copies a CSV file into the table that its name says, whose columns its first line names. An empty field is null, `""`
 * an empty text, as for `COPY … (FORMAT csv)`.
 *
 * @throws DataopsError `failed` where it has no header; what the driver throws for rows that the server refuses
 */
export async function loadCsv(client: PostgresClient, file: SeedFile): Promise<void> {
  const { columns, start } = await readHeader(file);
  const list = columns.map(quoteIdentifier).join(", ");
  const table = quoteTable(tableOfFile(file.path));
  const copy = `COPY ${table} (${list}) FROM STDIN WITH (FORMAT csv, HEADER true, ENCODING 'UTF8')`;
  try {
    await copyIn(client, copy, chunksOf(file.path, start));
  } catch (error) {
    throw client.closed ? statementError(error, client.settings) : error;
  }
}

async function readHeader(file: SeedFile): Promise<{ columns: string[]; start: number }> {
  await using handle = await open(file.path);
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(MAX_HEADER), 0, MAX_HEADER, 0);
  const start = buffer.subarray(0, 3).equals(BYTE_ORDER_MARK) ? 3 : 0;
  const columns = parseHeader(buffer.toString("utf8", start, bytesRead));
  if (columns === undefined) {
    throw new DataopsError("failed", `${file.name} has no header`, {
      hint: "its first line has to name the columns, separated by commas",
    });
  }
  return { columns, start };
}

/** One field of a line and what ends it; a field in quotes has `""` for a quote, and may hold line breaks. */
const FIELD = /(?:"(?<quoted>(?:[^"]|"")*)"|(?<bare>[^",\r\n]*))(?<end>,|\r\n|\r|\n|$)/y;

/** The names in a CSV text's first line; undefined where it names none. Pure. */
export function parseHeader(text: string): string[] | undefined {
  const columns: string[] = [];
  FIELD.lastIndex = 0;
  for (;;) {
    const groups = FIELD.exec(text)?.groups;
    if (groups === undefined) return undefined;
    columns.push(groups["quoted"]?.replaceAll('""', '"') ?? groups["bare"] ?? "");
    if (groups["end"] !== ",") break;
  }
  return columns.includes("") ? undefined : columns;
}

async function* chunksOf(path: string, start: number): AsyncGenerator<CopyChunk> {
  const stream = createReadStream(path, { start, highWaterMark: CHUNK });
  for await (const bytes of stream) {
    if (bytes instanceof Uint8Array) yield { bytes, release: () => undefined };
  }
}
