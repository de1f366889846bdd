import type { PostgresClient } from "../postgres/client.ts";
import type { CatchUp } from "./catch-up.ts";
import { planCost } from "./describe-sql.ts";
import { sortStatement, type DocumentSource, type Selection } from "./document-sql.ts";
import type { DocumentTable } from "./document-table.ts";

/** Ids that the boundary is chosen from, and the cost of reading by ids is estimated with. */
const SAMPLE_SIZE = 1_000;
/** Pending documents that are asked for by their ids in any case. */
const FEW = 5_000;
/** Of all documents' cost, that of one half at most: else the database does for each half what it does for all. */
const MOST_RANGE_COST = 0.75;

/**
 * How the pending documents are to be read: as one or two ranges of ids, side by side; undefined: by their ids.
 *
 * The database is asked what either costs. Building the documents is most of the work; looking each one up by its id makes it
 * two fifths more, and where no index leads to one, the ids of each batch cost as much as all.
 */
export async function planReading(
  client: PostgresClient,
  table: DocumentTable,
  { source, catchUp }: { source: DocumentSource; catchUp: CatchUp },
): Promise<Selection[] | undefined> {
  let pending = 0;
  for (const entry of table.pending()) if (table.isSeen(entry)) pending += 1;
  if (pending <= FEW && pending < table.length) return undefined;
  const all = await planCost(client, source, { kind: "all" });
  const ids = samplePending(table, pending);
  if (pending < table.length / 2) {
    const each = (await planCost(client, source, { kind: "ids", ids })) / Math.max(1, ids.length);
    if (each * pending < all) return undefined;
  }
  if (pending <= FEW) return [{ kind: "all" }];
  const [lower, upper] = await halves(client, source, ids);
  if (catchUp.method === "rows" && catchUp.follow.length === 0) return [lower, upper];
  return (await planCost(client, source, lower)) <= all * MOST_RANGE_COST
    ? [lower, upper]
    : [{ kind: "all" }];
}

/** With one boundary every id is in one of both, whatever order the ids' own collation has. */
async function halves(
  client: PostgresClient,
  source: DocumentSource,
  ids: readonly string[],
): Promise<[Selection, Selection]> {
  const sorted = await client.query<{ id: string }>(sortStatement(source, ids));
  const middle = sorted[Math.floor(sorted.length / 2)]?.id;
  return [
    { kind: "range", from: undefined, to: middle },
    { kind: "range", from: middle, to: undefined },
  ];
}

/** Ids of some of the `count` documents that are there and pending, evenly from all over. */
function samplePending(table: DocumentTable, count: number): string[] {
  const step = Math.max(1, Math.ceil(count / SAMPLE_SIZE));
  const ids: string[] = [];
  let number = 0;
  for (const entry of table.pending()) {
    if (!table.isSeen(entry)) continue;
    if (number % step === 0) ids.push(table.id(entry));
    number += 1;
  }
  return ids;
}
