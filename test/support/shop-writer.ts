import { setTimeout as sleep } from "node:timers/promises";
import type { TestDatabase } from "./postgres-test.ts";

/** Each in one statement and one bulk request. */
const CHANGES_PER_ROUND = 100;
/** Milliseconds from one to the next, unless it takes longer: 500 changes a second keep an engine busy, and not only with that. */
const ROUND_INTERVAL = 200;

export interface ShopWriter {
  /** Ends it when all that it has committed is in the index that the alias stands for at that moment. */
  stop(): Promise<{ changes: number; perSecond: number; deletes: number }>;
}

/**
 * An application at work: it changes, deletes and inserts products, and after each commit writes what became of them to the
 * alias, as applications do that keep their index up to date by themselves.
 *
 * @param options.ids products have ids from 1 to this
 * @param options.isVersioned whether it sends `updated_at` as external version, or no version at all
 */
export async function startWriter(
  database: TestDatabase,
  options: { url: string; alias: string; ids: number; isVersioned: boolean },
): Promise<ShopWriter> {
  const client = await database.connect();
  await client.query("SET TimeZone = 'UTC'");
  const started = performance.now();
  let changes = 0;
  let rounds = 0;
  let deletes = 0;
  const stopping = new AbortController();
  const work = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      const rows = await client.query<Changed>(ROUND, [chooseIds(options.ids)]);
      changes += rows.length;
      deletes += rows.filter(({ document }) => document === null).length;
      await send(rows, options);
      rounds += 1;
      const early = started + rounds * ROUND_INTERVAL - performance.now();
      if (early > 0) await sleep(early);
    }
  };
  const working = work();
  // Whoever stops it is told.
  working.catch(() => undefined);
  return {
    stop: async () => {
      stopping.abort();
      await working;
      return { changes, deletes, perSecond: changes / ((performance.now() - started) / 1_000) };
    },
  };
}

/** `version` in microseconds since 1970; `document` is null where it was deleted. */
type Changed = Record<"id" | "version", string> & Record<"document", object | null>;

/** The first of the ids are deleted, if they are there; the others changed, or inserted. */
const ROUND = `
WITH wanted AS (SELECT id, place <= ${CHANGES_PER_ROUND / 4} AS goes FROM unnest($1::bigint[]) WITH ORDINALITY AS one(id, place)),
gone AS (
  DELETE FROM products USING wanted WHERE products.id = wanted.id AND goes RETURNING products.id
), kept AS (
  INSERT INTO products SELECT id, md5(random()::text), floor(random() * 1000)::int, clock_timestamp() FROM wanted WHERE NOT goes
  ON CONFLICT (id) DO UPDATE SET name = excluded.name, price = excluded.price, updated_at = clock_timestamp()
  RETURNING products.*
)
SELECT id::text, (EXTRACT(epoch FROM clock_timestamp()) * 1000000)::bigint AS version, NULL::json AS document FROM gone
UNION ALL
SELECT id::text, (EXTRACT(epoch FROM updated_at) * 1000000)::bigint, row_to_json(kept) FROM kept`;

function chooseIds(ids: number): number[] {
  const chosen = new Set<number>();
  while (chosen.size < CHANGES_PER_ROUND) chosen.add(1 + Math.floor(Math.random() * ids));
  return [...chosen];
}

async function send(
  rows: readonly Changed[],
  { url, alias, isVersioned }: { url: string; alias: string; isVersioned: boolean },
): Promise<void> {
  if (rows.length === 0) return;
  const lines = rows.flatMap(({ id, version, document }) => {
    const meta = isVersioned
      ? { _id: id, version: Number(version), version_type: "external_gte" }
      : { _id: id };
    return document === null ? [{ delete: meta }] : [{ index: meta }, document];
  });
  const response = await fetch(`${url}/${alias}/_bulk?filter_path=items.*.error`, {
    method: "POST",
    headers: { "content-type": "application/x-ndjson" },
    body: lines.map((line) => `${JSON.stringify(line)}\n`).join(""),
  });
  const answer = await response.text();
  const isFine = response.ok && !/"type":"(?!version_conflict)/.test(answer);
  if (!isFine) throw new Error(`the application could not write: ${response.status} ${answer.slice(0, 500)}`);
}
