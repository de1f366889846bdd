import { describe, expect } from "vitest";
import { Secret } from "../../../src/config/secret.ts";
import { connect } from "../../../src/postgres/client.ts";
import { oldName } from "../../../src/replace/scratch/names.ts";
import { swap } from "../../../src/replace/swap/swap.ts";
import { connectMaintenance } from "../../../src/replace/guard/target-facts.ts";
import { followLog, settingsFor, startPostgres } from "../../support/postgres-servers.ts";
import {
  createDatabase,
  runAsSuperuser,
  type TestDatabase,
  uniqueName,
} from "../../support/postgres-test.ts";
import {
  connection,
  contentOf,
  createScratch,
  dropOthers,
  fill,
  permit,
  recordingReporter,
  RUN_ID,
  runIn,
} from "../../support/restore-target.ts";
import { optionsFor, swapNow, test } from "../../support/swap-test.ts";

async function isBackendThere(target: TestDatabase, processId: number): Promise<boolean> {
  await using client = await connect(settingsFor(target.server), { applicationName: "test" });
  const rows = await client.query("SELECT FROM pg_stat_activity WHERE pid = $1", [processId]);
  return rows.length > 0;
}

describe("sessions on the target", () => {
  test("are named, and keep their database where they do not leave", async ({ target, maintenance }) => {
    await using user = await connect(target.settings, { applicationName: "the shop" });
    const reporter = recordingReporter();
    const log = await followLog(target.server);
    const session = `process ${user.processId} of ${target.settings.user} in ${target.name} (the shop, idle)`;
    await expect(swapNow(maintenance, target, { reporter, waitForSessions: 300 })).rejects.toMatchObject({
      exit: "refused",
      message: `database ${target.name} is in use by ${session}`,
      hint: expect.stringContaining("--force"),
    });
    expect(reporter.said).toEqual([`waiting for 1 session: ${session}`]);
    // A rename that waits would keep everybody else out meanwhile.
    expect(await log.read()).not.toContain(`ALTER DATABASE "${target.name}"`);
    expect(await user.query("SELECT value FROM content")).toEqual([{ value: "current" }]);
    expect(await contentOf(target)).toBe("current");
  });

  test("are waited for", async ({ target, maintenance }) => {
    const user = await connect(target.settings, { applicationName: "the shop" });
    const reporter = recordingReporter();
    const info = (message: string): void => {
      reporter.info(message);
      // It leaves when it is told to, in the middle of the wait.
      void user[Symbol.asyncDispose]();
    };
    const outcome = await swapNow(maintenance, target, {
      reporter: { ...reporter, info },
      waitForSessions: 20_000,
    });
    expect(outcome.endedSessions).toEqual([]);
    expect(reporter.said[0]).toContain("the shop");
    expect(await contentOf(target)).toBe("new");
  });

  test("are ended with force, in a transaction or not, also those that come back at once", async ({
    target,
    maintenance,
  }) => {
    await using idle = await connect(target.settings, { applicationName: "idle" });
    await using busy = await connect(target.settings, { applicationName: "busy" });
    await busy.query("BEGIN; INSERT INTO content VALUES ('never committed')");
    const stop = new AbortController();
    let returns = 0;
    const pool = (async () => {
      while (!stop.signal.aborted) {
        try {
          const { signal } = stop;
          await using worker = await connect(target.settings, { applicationName: "pool", signal });
          returns += 1;
          await worker.query("SELECT pg_sleep(60)");
        } catch {
          // It is thrown out, and tries again.
        }
      }
    })();
    const reporter = recordingReporter();
    try {
      const outcome = await swapNow(maintenance, target, { reporter, force: true });
      const ended = outcome.endedSessions.map(({ processId }) => processId);
      expect(ended).toEqual(expect.arrayContaining([idle.processId, busy.processId]));
    } finally {
      stop.abort();
      await using client = await connect(settingsFor(target.server), { applicationName: "test" });
      await client.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", [
        target.name,
      ]);
      await pool;
    }
    expect(returns).toBeGreaterThan(0);
    expect(reporter.said.join()).toMatch(/ending \d sessions?: .*\(idle, idle\)/);
    expect(await isBackendThere(target, idle.processId)).toBe(false);
    expect(await contentOf(target)).toBe("new");
    expect(await contentOf(target, oldName(target.name))).toBe("current");
  });

  test("are ended also when they come while the renames wait", async ({ target, maintenance }) => {
    const log = await followLog(target.server);
    // Not seen as long as it has our own application's name.
    await using late = await connect(target.settings, connection);
    const reporter = recordingReporter();
    const swapping = swapNow(maintenance, target, { reporter, force: true });
    await using watcher = await connect(settingsFor(target.server), { applicationName: "test" });
    const isWaiting = `SELECT FROM pg_stat_activity WHERE pid = $1 AND query LIKE '%RENAME TO%'`;
    while ((await watcher.query(isWaiting, [maintenance.processId])).length === 0);
    await late.query("SET application_name = 'late'");
    const { endedSessions } = await swapping;
    expect(endedSessions).toMatchObject([{ processId: late.processId, application: "late" }]);
    expect(reporter.said).toEqual([expect.stringMatching(/^ending 1 session: .*late/)]);
    const attempts = (await log.read()).split(`ALTER DATABASE "${target.name}" RENAME TO`).length - 1;
    expect(attempts).toBe(1);
  });

  test("of a superuser stay where a plain role would end them, and are told once", async ({
    target,
    onTestFinished,
  }) => {
    const role = uniqueName("plain");
    await runAsSuperuser(
      target.server,
      `CREATE ROLE ${role} LOGIN CREATEDB PASSWORD 'password';
       ALTER DATABASE ${target.name} OWNER TO ${role}; ALTER DATABASE ${target.name}__new_${RUN_ID} OWNER TO ${role}`,
    );
    onTestFinished(async () => {
      await target.drop();
      await dropOthers(target);
      await runAsSuperuser(target.server, `DROP ROLE ${role}`);
    });
    const settings = { ...target.settings, user: role, password: new Secret("password") };
    await using plain = await connectMaintenance(settings, connection);
    await using superuser = await connect(target.settings, { applicationName: "the boss" });
    const reporter = recordingReporter();
    const permission = await permit(plain, settings);
    const swapping = swap(permission, optionsFor(target, { force: true, reporter }));
    await expect(swapping).rejects.toMatchObject({
      exit: "refused",
      message: expect.stringContaining(`process ${superuser.processId} of ${target.settings.user}`),
      hint: expect.stringContaining("may not end them"),
    });
    expect(reporter.said).toHaveLength(1);
    expect(await contentOf(target)).toBe("current");
  });

  test("that are prepared transactions are named, with what ends them", async () => {
    await using server = await startPostgres({ version: 15, settings: { max_prepared_transactions: "2" } });
    const target = await createDatabase(server);
    await fill(target, target.name, "current");
    await createScratch(target);
    await runIn(target, target.name, "BEGIN; DELETE FROM content; PREPARE TRANSACTION 'half done'");
    await using maintenance = await connectMaintenance(target.settings, connection);
    await expect(swapNow(maintenance, target)).rejects.toMatchObject({
      exit: "refused",
      message: `database ${target.name} is in use by prepared transactions half done`,
      hint: expect.stringContaining("ROLLBACK PREPARED"),
    });
    expect(await contentOf(target)).toBe("current");
  });
});
