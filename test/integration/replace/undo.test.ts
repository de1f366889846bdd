import { expect } from "vitest";
import { connect, type PostgresClient } from "../../../src/postgres/client.ts";
import type { ExchangeOptions } from "../../../src/replace/swap/exchange.ts";
import { oldName } from "../../../src/replace/scratch/names.ts";
import { findDatabase } from "../../../src/replace/swap/replaced.ts";
import { swap } from "../../../src/replace/swap/swap.ts";
import { connectMaintenance } from "../../../src/replace/guard/target-facts.ts";
import { undo } from "../../../src/replace/swap/undo.ts";
import { followLog } from "../../support/postgres-servers.ts";
import { runAsSuperuser, test as base, type TestDatabase } from "../../support/postgres-test.ts";
import {
  connection,
  contentOf,
  createScratch,
  databasesOf,
  dropOthers,
  exchangeOptions,
  fill,
  permit,
} from "../../support/restore-target.ts";

interface Fixtures {
  /** Holds `new`, and has replaced what held `current`, stamped for development, with a comment. */
  swapped: TestDatabase;
  maintenance: PostgresClient;
}

const test = base.extend<Fixtures>({
  maintenance: async ({ database }, use) => {
    await using maintenance = await connectMaintenance(database.settings, connection);
    await use(maintenance);
  },
  swapped: async ({ database, maintenance }, use) => {
    await fill(database, database.name, "current");
    await runAsSuperuser(
      database.server,
      `ALTER DATABASE ${database.name} SET dataops.environment = 'development';
       COMMENT ON DATABASE ${database.name} IS 'the shop'`,
    );
    const scratch = await createScratch(database);
    const permission = await permit(maintenance, database.settings);
    await swap(permission, { ...exchangeOptions, scratch, keepOld: true });
    await use(database);
    await dropOthers(database);
  },
});

async function undoNow(
  maintenance: PostgresClient,
  target: TestDatabase,
  changes: Partial<ExchangeOptions> = {},
): ReturnType<typeof undo> {
  return await undo(await permit(maintenance, target.settings), { ...exchangeOptions, ...changes });
}

test("undo puts the replaced database back, and a second one takes the first back", async ({
  swapped,
  maintenance,
}) => {
  const old = oldName(swapped.name);
  const before = await findDatabase(maintenance, swapped.name);
  expect(await undoNow(maintenance, swapped)).toEqual({ old, endedSessions: [] });
  expect(await databasesOf(swapped)).toEqual([swapped.name, old]);
  expect(await contentOf(swapped)).toBe("current");
  expect(await contentOf(swapped, old)).toBe("new");
  expect(await findDatabase(maintenance, swapped.name)).toMatchObject({ comment: "the shop" });

  await undoNow(maintenance, swapped);
  expect(await contentOf(swapped)).toBe("new");
  expect(await contentOf(swapped, old)).toBe("current");
  expect(await findDatabase(maintenance, swapped.name)).toEqual(before);
});

test("a swap after an undo drops what was undone", async ({ swapped, maintenance }) => {
  await undoNow(maintenance, swapped);
  const scratch = await createScratch(swapped, "newer");
  const permission = await permit(maintenance, swapped.settings);
  await swap(permission, { ...exchangeOptions, scratch, keepOld: true });
  expect(await databasesOf(swapped)).toEqual([swapped.name, oldName(swapped.name)]);
  expect(await contentOf(swapped)).toBe("newer");
  expect(await contentOf(swapped, oldName(swapped.name))).toBe("current");
});

test("undo brings a target back that somebody dropped", async ({ swapped, maintenance }) => {
  await runAsSuperuser(swapped.server, `DROP DATABASE ${swapped.name}`);
  expect(await undoNow(maintenance, swapped)).toEqual({ old: undefined, endedSessions: [] });
  expect(await databasesOf(swapped)).toEqual([swapped.name]);
  expect(await contentOf(swapped)).toBe("current");
  expect(await findDatabase(maintenance, swapped.name)).toMatchObject({ comment: "the shop" });
});

test("undo names the sessions on both databases, and ends them with force", async ({
  swapped,
  maintenance,
}) => {
  await using one = await connect(swapped.settings, { applicationName: "one" });
  const oldSettings = { ...swapped.settings, database: oldName(swapped.name) };
  await using two = await connect(oldSettings, { applicationName: "two" });
  await expect(undoNow(maintenance, swapped)).rejects.toMatchObject({
    exit: "refused",
    message: expect.stringMatching(/one.*two/),
  });
  expect(await contentOf(swapped)).toBe("new");
  const { endedSessions } = await undoNow(maintenance, swapped, { force: true });
  expect(new Set(endedSessions.map(({ processId }) => processId))).toEqual(
    new Set([one.processId, two.processId]),
  );
  expect(await contentOf(swapped)).toBe("current");
});

test("undo refuses where nothing was replaced", async ({ database, maintenance }) => {
  await fill(database, database.name, "current");
  await expect(undoNow(maintenance, database)).rejects.toMatchObject({
    exit: "refused",
    message: `there is no replaced version of database ${database.name} to put back`,
    hint: expect.stringContaining(oldName(database.name)),
  });
});

test("undo refuses a database that only has the name of a replaced one", async ({
  database,
  maintenance,
}) => {
  await fill(database, database.name, "current");
  await runAsSuperuser(database.server, `CREATE DATABASE ${oldName(database.name)} TEMPLATE template0`);
  await expect(undoNow(maintenance, database)).rejects.toMatchObject({ exit: "refused" });
  expect(await contentOf(database)).toBe("current");
  await dropOthers(database);
});

test("undo refuses production, without a trace in the server's log", async ({ swapped, maintenance }) => {
  await runAsSuperuser(
    swapped.server,
    `ALTER DATABASE ${swapped.name} SET dataops.environment = 'production'`,
  );
  const log = await followLog(swapped.server);
  await expect(undoNow(maintenance, swapped)).rejects.toMatchObject({
    exit: "refused",
    message: `database ${swapped.name} is stamped production`,
  });
  const entries = (await log.read()).replaceAll("\n\t", " ").split("\n");
  const ours = entries.filter((entry) => entry.includes(connection.applicationName));
  expect(ours.length).toBeGreaterThan(0);
  expect(ours.filter((entry) => /\b(ALTER|DROP|COMMENT|BEGIN)\b/.test(entry))).toEqual([]);
});
