import type { CatchUp, FollowSetting } from "../../src/reindex/catch-up.ts";
import { chooseCatchUp } from "../../src/reindex/catch-up.ts";
import { describeSql } from "../../src/reindex/describe-sql.ts";
import { documentStatement, type DocumentSource } from "../../src/reindex/document-sql.ts";
import { DocumentTable } from "../../src/reindex/document-table.ts";
import { planReading } from "../../src/reindex/load-plan.ts";
import { sendPending } from "../../src/reindex/pass.ts";
import { Refusals } from "../../src/reindex/refusals.ts";
import { scanDocuments } from "../../src/reindex/scan.ts";
import { Throttle } from "../../src/reindex/throttle.ts";
import { CopyRows } from "../../src/reindex/copy-rows.ts";
import { runCopies } from "../../src/postgres/copy-out.ts";
import { openSnapshot, joinSnapshot } from "../../src/postgres/snapshot.ts";
import { connect, type PostgresClient } from "../../src/postgres/client.ts";
import type { SearchEngine } from "../../src/search/search-engine.ts";
import { MemoryIndex } from "./memory-index.ts";

/** A reindex in its parts, into an index in memory. */
export interface TestReindex {
  index: MemoryIndex;
  table: DocumentTable;
  refusals: Refusals;
  source: DocumentSource;
  catchUp: CatchUp;
  /** Gives how many documents were pending. `afterScan` runs when the snapshot is taken and nothing is sent. */
  pass(options?: { isShared?: boolean; afterScan?: () => Promise<void> }): Promise<number>;
  /** What is in the database now, by id. */
  wanted(): Promise<Record<string, unknown>>;
}

export async function testReindex(
  client: PostgresClient,
  second: PostgresClient,
  setting: {
    sql: string;
    id?: string;
    version?: string;
    follow?: readonly FollowSetting[];
    catchUp?: CatchUp;
  },
): Promise<TestReindex> {
  const index = new MemoryIndex();
  const table = new DocumentTable();
  const refusals = new Refusals(0);
  const { signal } = new AbortController();
  await client.query("BEGIN");
  const { source, facts } = await describeSql(client, {
    file: "documents.sql",
    id: "id",
    version: undefined,
    ...setting,
  });
  await client.query("ROLLBACK");
  const catchUp = setting.catchUp ?? chooseCatchUp(facts, setting.follow ?? []);
  // eslint-disable-next-line typescript/no-unsafe-type-assertion -- nothing else of it is asked for
  const engine = {
    readDocuments: (name, ids) => index.readDocuments(name, ids),
  } as Partial<SearchEngine> as SearchEngine;
  let version = 0;
  const pass: TestReindex["pass"] = async ({ isShared = false, afterScan } = {}) => {
    await using snapshot = await openSnapshot(client, { keepsSearchPath: true });
    await scanDocuments(client, table, { source, catchUp, signal });
    await afterScan?.();
    const pending = table.pendingCount();
    const ranges = await planReading(client, table, { source, catchUp });
    await joinSnapshot(second, snapshot.id, { keepsSearchPath: true });
    version += 1;
    try {
      await sendPending(
        {
          engine,
          index: "test",
          source,
          table,
          sender: index,
          refusals,
          throttle: new Throttle(undefined, () => Date.now()),
          progress: { add() {}, end() {} },
          signal,
          connect: () => connect(client.settings, { applicationName: "test" }),
        },
        { clients: [client, second], version, isShared, ranges },
      );
    } finally {
      await second.query("ROLLBACK");
    }
    return pending;
  };
  const wanted: TestReindex["wanted"] = async () => {
    const documents: Record<string, unknown> = {};
    const rows = new CopyRows(2, (bytes, fields) => {
      const [idStart = 0, idEnd = 0, start = 0, end = 0] = fields;
      const [, document = ""] = bytes.toString("utf8", start, end).split("\n");
      documents[bytes.toString("utf8", idStart, idEnd)] = JSON.parse(document);
      return undefined;
    });
    await using _snapshot = await openSnapshot(client, { keepsSearchPath: true });
    await runCopies(client, [documentStatement(source, { kind: "all" }, 0)], rows, signal);
    return documents;
  };
  return { index, table, refusals, source, catchUp, pass, wanted };
}
