import { isDeepStrictEqual } from "node:util";
import { DataopsError } from "../errors.ts";
import type { PostgresClient } from "../postgres/client.ts";
import { runCopies } from "../postgres/copy-out.ts";
import type { IndexDefinition } from "../search/index-definition.ts";
import type { SearchEngine } from "../search/search-engine.ts";
import { CopyRows } from "./copy-rows.ts";
import { countStatement, DOCUMENT_FIELDS, documentStatement, type DocumentSource } from "./document-sql.ts";
import type { DocumentTable } from "./document-table.ts";

/** Documents whose content is compared. */
const SAMPLE_SIZE = 200;

const LINE_FEED = 10;

export interface ComparisonOptions {
  engine: SearchEngine;
  /** The physical index. */
  index: string;
  source: DocumentSource;
  table: DocumentTable;
  /** In the snapshot that the index is up to date with. */
  client: PostgresClient;
  definition: IndexDefinition;
  /** Documents that the engine did not take. */
  refused: number;
  signal: AbortSignal;
  /** From 0 up to, not including, 1. */
  random: () => number;
}

/** What was compared. */
export interface Comparison {
  documents: number;
  /** Documents whose content was compared; 0 where the engine does not keep it as it was sent. */
  sampled: number;
}

/**
 * Holds an index that nobody else writes to against the database: the number of documents, and the content of some.
 *
 * @throws DataopsError `reindexFailed` naming what differs; as `PostgresClient.query` and `SearchEngine` do
 */
export async function compareIndex(options: ComparisonOptions): Promise<Comparison> {
  const { engine, index, source, client, refused, definition, signal } = options;
  await engine.refresh(index, { signal });
  const [row] = await client.query<{ count: string }>(countStatement(source));
  const wanted = Number(row?.count ?? 0);
  const found = await engine.count(index, { signal });
  if (Math.abs(wanted - found) > refused) {
    throw different(`the index has ${found} documents, the database ${wanted}`);
  }
  const sampled = keepsContent(definition) ? await compareSample(options) : 0;
  return { documents: found, sampled };
}

async function compareSample(options: ComparisonOptions): Promise<number> {
  const { engine, index, source, client, signal } = options;
  const ids = chooseSample(options);
  if (ids.length === 0) return 0;
  const wanted = new Map<string, unknown>();
  const rows = new CopyRows(DOCUMENT_FIELDS, (bytes, fields) => {
    const [idStart = 0, idEnd = 0, start = 0, end = 0] = fields;
    const body = bytes.indexOf(LINE_FEED, start) + 1;
    wanted.set(bytes.toString("utf8", idStart, idEnd), JSON.parse(bytes.toString("utf8", body, end)));
    return undefined;
  });
  await runCopies(client, [documentStatement(source, { kind: "ids", ids }, 0)], rows, signal);
  const found = await engine.readDocuments(index, ids, { signal });
  for (const { id, source: content, version } of found) {
    // An engine that keeps no content has the document all the same.
    if (content === undefined && version !== undefined) continue;
    if (isDeepStrictEqual(wanted.get(id), content)) continue;
    throw different(`the document ${JSON.stringify(id)} is not the same in the index and in the database`);
  }
  return ids.length;
}

function chooseSample({ table, random }: ComparisonOptions): string[] {
  const chosen = new Set<number>();
  for (let draw = 0; draw < SAMPLE_SIZE && table.length > 0; draw++) {
    const entry = Math.floor(random() * table.length);
    if (table.isSettled(entry) && table.isIndexed(entry)) chosen.add(entry);
  }
  return [...chosen].map((entry) => table.id(entry));
}

/** Whether the engine gives documents back as they were sent. */
function keepsContent({ mappings, settings }: IndexDefinition): boolean {
  const pipelines = ["default_pipeline", "final_pipeline"].some((name) => settings[name] !== undefined);
  return mappings["_source"] === undefined && !pipelines;
}

function different(what: string): DataopsError {
  return new DataopsError("reindexFailed", what, {
    hint: "does the SQL give the same documents each time, whoever reads, and does nobody else write to the new index?",
  });
}
