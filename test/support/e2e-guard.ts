import { expect } from "vitest";
import type { DataopsExit } from "./dataops-process.ts";
import { backUp, localDatabase, PRODUCTION, test as laptopTest, type LocalDatabase } from "./e2e-laptop.ts";
import { expectOneLine, type Dataops } from "./e2e-test.ts";
import { followLog } from "./postgres-servers.ts";
import { uniqueName } from "./postgres-test.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** All that there is to lift a question with. */
export const FLAGS = ["--yes", "--force", "--as-superuser", "--allow-vulnerable-client"];

/** A production of this file's own server, whose log is therefore nobody else's. */
export interface Production extends LocalDatabase {
  /** The storage with its backup. */
  folder: string;
  backup: string;
}

export const test = laptopTest.extend<{ production: Production }>({
  production: async ({ laptop }, use) => {
    const database = localDatabase(laptop, uniqueName("shop"));
    await database.create(PRODUCTION);
    const folder = await temporaryFolder("storage");
    const { id } = await backUp(database, folder);
    await use({ ...database, folder, backup: id });
    await database.drop();
  },
});

/** Every command that could replace the database `local` ends with 13, whatever the flags, and the server sees no change. */
export async function expectRefused(
  target: Pick<LocalDatabase, "server" | "content" | "family"> & { backup: string },
  dataops: Dataops,
  options: Parameters<Dataops["run"]>[1],
  content = PRODUCTION,
): Promise<DataopsExit> {
  const family = await target.family();
  const log = await followLog(target.server);
  const [fetched, ...others] = await Promise.all([
    dataops.run(["fetch-latest-db", ...FLAGS], options),
    dataops.run(["restore", target.backup, "--to", "local", ...FLAGS], options),
    dataops.run(["undo", "local", "--yes", "--force"], options),
  ]);
  for (const exit of [fetched, ...others]) {
    expect(exit, exit.stderr).toMatchObject({ code: 13, stdout: "" });
    expectOneLine(exit);
  }
  const statements = await log.read();
  expect(statements, "the log is that of the right server").toContain("dataops:");
  expect(changesIn(statements)).toEqual([]);
  expect(await target.content()).toBe(content);
  expect(await target.family()).toEqual(family);
  return fetched;
}

/** What the server was told by dataops, or by one run of it, but to read. */
export function changesIn(log: string, run = "dataops:"): string[] {
  const entries = log.split(/^(?=\d{4}-\d\d-\d\d )/m).filter((entry) => entry.includes(`/${run}`));
  const statements = entries.flatMap(
    (entry) => /LOG: {2}(?:statement|execute [^:]+): ([^]*)/.exec(entry)?.[1] ?? [],
  );
  return statements.filter(
    (statement) => !/^\s*(?:SELECT|SHOW|SET|BEGIN|COMMIT|ROLLBACK|RESET|DISCARD)\b/.test(statement),
  );
}
