import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { readAlias } from "../../src/search/alias-state.ts";
import { startDataops } from "../support/dataops-process.ts";
import { urlFor } from "../support/postgres-servers.ts";
import type { TestDatabase } from "../support/postgres-test.ts";
import {
  PRODUCTS_DEFINITION,
  productsSql,
  readProducts,
  reindexTest,
  searchAll,
} from "../support/reindex-test.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const test = reindexTest("opensearch-2");

/** A team's configuration, with its files beside it. */
async function configure(database: TestDatabase, url: string, alias: string, storage: string) {
  const folder = await temporaryFolder("reindex-files");
  await writeFile(join(folder, "products.sql"), "SELECT * FROM products;\n");
  const { mappings, settings } = PRODUCTS_DEFINITION;
  await writeFile(join(folder, "products.json"), JSON.stringify({ mappings, settings }));
  const index = {
    search: "main",
    database: "staging",
    sql: join(folder, "products.sql"),
    id: "id",
    mapping: join(folder, "products.json"),
  };
  return {
    environment: {},
    config: {
      storage: `file://${storage}`,
      databases: { staging: { url: urlFor(database.server, database.name), environment: "staging" } },
      search: { main: { url } },
      indexes: { [alias]: index },
    },
  };
}

/** Documents that the checkpoints in a storage say are in an index. */
async function settledIn(storage: string): Promise<number> {
  const files = await readdir(storage, { recursive: true });
  const file = files.find((name) => name.endsWith("progress.json"));
  if (file === undefined) return 0;
  const progress = await readFile(join(storage, file), "utf8");
  return Number(/"documentsSettled":(\d+)/.exec(progress)?.[1]);
}

test(
  "a reindex that is killed goes on where it was, and can be taken back",
  { timeout: 180_000 },
  async ({ database, engine, search, alias }) => {
    const client = await database.connect();
    await client.query(productsSql(8_000));
    const storage = await temporaryFolder("reindex-storage");
    const options = await configure(database, search.url, alias, storage);
    const run = async (...args: string[]) => (await startDataops(["reindex", ...args], options)).exited;

    await using killed = await startDataops(["reindex", alias, "--docs-per-second", "800"], options);
    await killed.until("half is in a checkpoint", async () => (await settledIn(storage)) > 3_000);
    killed.kill("SIGKILL");
    await killed.exited;
    const settled = await settledIn(storage);
    expect((await run("status", "--json")).json()).toMatchObject([
      { alias, kind: "free", unfinished: [{ progress: { documents: 8_000, documentsSettled: settled } }] },
    ]);
    await client.query("UPDATE products SET name = 'changed meanwhile' WHERE id % 100 = 0");
    await client.query("DELETE FROM products WHERE id % 100 = 1");

    const first = await run(alias, "--json");
    expect(first, first.stderr).toMatchObject({ code: 0 });
    expect(first.json()).toMatchObject([{ name: alias, outcome: { resumed: true, documents: 7_920 } }]);
    expect(first.stderr).toContain(`${settled} documents are in it`);
    expect(await searchAll(search.url, alias)).toEqual(await readProducts(database));

    const second = await run(alias);
    expect(second, second.stderr).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("7,920 documents in"),
    });
    const before = await readAlias(engine, alias);
    expect(await run("rollback", alias)).toMatchObject({ code: 0 });
    const after = await readAlias(engine, alias);
    expect(after.current.map(({ name }) => name)).toEqual(before.kept.map(({ name }) => name));
    expect(await run("abort", alias)).toMatchObject({
      code: 0,
      stdout: `nothing of ${alias} is unfinished: nothing was deleted\n`,
    });
  },
);
