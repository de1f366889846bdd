import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, onTestFinished } from "vitest";
import {
  BEFORE,
  backUp,
  contentTable,
  expectUntouched,
  laptopConfig,
  laptopEnvironment,
  PRODUCTION,
  test,
  traces,
  type LocalDatabase,
} from "../../support/e2e-laptop.ts";
import { expectOneLine } from "../../support/e2e-test.ts";
import { runAsSuperuser } from "../../support/postgres-test.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const FETCH = ["fetch-latest-db", "--yes"];

/** Rows of the table whose constraint does something in the middle of a restore. */
const ROWS = 1000;
const MIDDLE = 600;

describe("a restore that fails in its middle", () => {
  test("by a statement's error: the database answers throughout, and nothing is left behind", async ({
    database,
    local,
    dataops,
  }) => {
    const folder = await temporaryFolder("storage");
    const production = await database.connect();
    await production.query(inTheMiddle("RAISE 'no more of this'"));
    await backUp(database, folder);
    await local.create();
    const fetch = await dataops.start(FETCH, { environment: laptopEnvironment(folder, local) });
    const answers = await answersDuring(local, fetch.exited);
    const ended = await fetch.exited;
    expect(ended, ended.stderr).toMatchObject({ code: 1, stdout: "" });
    expectOneLine(ended);
    expect(ended.stderr).toContain("no more of this");
    expect(answers).toEqual([BEFORE]);
    await expectUntouched(local);
  });

  test("by an end of its sessions on the server", async ({ database, local, dataops }) => {
    const folder = await temporaryFolder("storage");
    await (await database.connect()).query(inTheMiddle("PERFORM pg_sleep(100)"));
    await backUp(database, folder);
    await local.create();
    const fetch = await dataops.start(FETCH, { environment: laptopEnvironment(folder, local) });
    await fetch.until("it sleeps in the middle", () => isAsleep(local));
    const answers = answersDuring(local, fetch.exited);
    await local.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'",
      "postgres",
    );
    const ended = await fetch.exited;
    expect(ended.code, ended.stderr).toBeOneOf([1, 16]);
    expectOneLine(ended);
    expect(await answers).toEqual([BEFORE]);
    await expectUntouched(local);
  });

  test.for([
    ["SIGTERM", 143],
    ["SIGINT", 130],
  ] as const)(
    "by %s: over within 25 s, and nothing is left behind",
    async ([signal, code], { database, local, dataops }) => {
      const folder = await temporaryFolder("storage");
      await (await database.connect()).query(inTheMiddle("PERFORM pg_sleep(100)"));
      await backUp(database, folder);
      await local.create();
      const cache = join(await temporaryFolder("cache"), "archives");
      const environment = laptopEnvironment(folder, local, { DATAOPS_CACHE_DIRECTORY: cache });
      const fetch = await dataops.start(FETCH, { environment });
      await fetch.until("it sleeps in the middle", () => isAsleep(local));
      expect(await traces(local.server), "all of it is found by its name").toEqual(
        expect.arrayContaining([
          expect.stringMatching(/^role /),
          expect.stringMatching(/^database /),
          expect.stringMatching(/^session /),
        ]),
      );
      const told = performance.now();
      fetch.kill(signal);
      const ended = await fetch.exited;
      expect(performance.now() - told).toBeLessThan(25_000);
      expect(ended, ended.stderr).toMatchObject({ code, signal: null, stdout: "" });
      expectOneLine(ended);
      await expectUntouched(local);
      expect(await readdir(fetch.temporary)).toEqual([]);
      expect((await readdir(cache)).filter((name) => !name.endsWith(".dump.zst"))).toEqual([]);
    },
  );

  test("by SIGTERM during an after step: what the step started ends, too", async ({
    shop,
    local,
    dataops,
  }) => {
    await local.create();
    const marker = `${Math.floor(Math.random() * 1e9) + 1e6}`;
    const config = laptopConfig({ after: [{ command: ["sh", "-c", `sleep ${marker} & wait`] }] });
    const environment = laptopEnvironment(shop.folder, local);
    const fetch = await dataops.start(FETCH, { environment, config });
    await fetch.until("the step runs", async () => (await processesWith(marker)) > 0);
    fetch.kill("SIGTERM");
    const ended = await fetch.exited;
    expect(ended, ended.stderr).toMatchObject({ code: 143, signal: null, stdout: "" });
    expect(await processesWith(marker)).toBe(0);
    await expectUntouched(local);
  });

  test("by SIGKILL: the next one succeeds all the same", async ({ database, local, dataops }) => {
    const folder = await temporaryFolder("storage");
    const production = await database.connect();
    await production.query(inTheMiddle("PERFORM pg_sleep(100)"));
    await backUp(database, folder);
    await local.create();
    const cache = join(await temporaryFolder("cache"), "archives");
    const environment = laptopEnvironment(folder, local, { DATAOPS_CACHE_DIRECTORY: cache });
    const fetch = await dataops.start(FETCH, { environment });
    await fetch.until("it sleeps in the middle", () => isAsleep(local));
    onTestFinished(() => dropTraces(local));
    fetch.kill("SIGKILL");
    expect(await fetch.exited).toMatchObject({ signal: "SIGKILL" });
    expect(await local.content()).toBe(BEFORE);

    await production.query("ALTER TABLE last DROP CONSTRAINT is_fine");
    await backUp(database, folder);
    const again = await dataops.run(FETCH, { environment });
    expect(again, again.stderr).toMatchObject({ code: 0 });
    expect(await local.query("SELECT count(*)::int FROM last")).toEqual([{ count: ROWS }]);
    expect((await readdir(cache)).filter((name) => !name.endsWith(".dump.zst"))).toEqual([]);
  });
});

/**
 * SQL for a production whose last table has a constraint that runs `statement` at a row in its middle, in a scratch
 * database only.
 */
function inTheMiddle(statement: string): string {
  return `
    ${contentTable(PRODUCTION)};
    CREATE FUNCTION fine(id int) RETURNS bool LANGUAGE plpgsql AS $$
      BEGIN
        IF current_database() LIKE '%\\_\\_new\\_%' AND id = ${MIDDLE} THEN ${statement}; END IF;
        RETURN true;
      END $$;
    CREATE TABLE last (id int CONSTRAINT is_fine CHECK (public.fine(id)));
    INSERT INTO last SELECT generate_series(1, ${ROWS})`;
}

async function isAsleep(local: LocalDatabase): Promise<boolean> {
  const rows = await local.query("SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep'", "postgres");
  return rows.length > 0;
}

/** What the database answers, asked again and again over new connections, each answer once. */
async function answersDuring(local: LocalDatabase, ended: Promise<unknown>): Promise<string[]> {
  const over = { isOver: false };
  void ended.then(() => (over.isOver = true));
  const answers = new Set<string>();
  while (!over.isOver) {
    answers.add(String(await local.content().catch(String)));
    await sleep(10);
  }
  return [...answers];
}

/** What a killed run left: the runs of the day after would clear it. */
async function dropTraces(local: LocalDatabase): Promise<void> {
  for (const trace of (await traces(local.server)).toSorted()) {
    const [kind, name] = trace.split(" ");
    if (kind === "database") await runAsSuperuser(local.server, `DROP DATABASE "${name}" WITH (FORCE)`);
    if (kind === "role") await runAsSuperuser(local.server, `DROP ROLE "${name}"`);
  }
}

/** How many processes have a word in their command line. */
async function processesWith(word: string): Promise<number> {
  const ids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(ids.map((id) => readFile(`/proc/${id}/cmdline`, "utf8").catch(() => "")));
  return lines.filter((line) => line.includes(word)).length;
}
