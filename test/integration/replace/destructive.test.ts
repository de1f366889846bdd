import { describe, expect } from "vitest";
import { dropReplaced, guard, renameDatabases } from "../../../src/replace/guard/destructive.ts";
import { addMark } from "../../../src/replace/swap/old-mark.ts";
import { findDatabase } from "../../../src/replace/swap/replaced.ts";
import { connectMaintenance, readTargetFacts } from "../../../src/replace/guard/target-facts.ts";
import { createDatabase, runAsSuperuser, test, uniqueName } from "../../support/postgres-test.ts";
import { connection, fill, permit, RUN_ID } from "../../support/restore-target.ts";

const nothing = async (): Promise<void> => undefined;

describe("the guard gives permission", () => {
  test("after a yes, and asks for it once", async ({ database }) => {
    await fill(database, database.name, "current");
    await using maintenance = await connectMaintenance(database.settings, connection);
    const questions: string[] = [];
    const answerWith = (answer: boolean): ReturnType<typeof guard> =>
      guard(
        maintenance,
        () => readTargetFacts(maintenance, database.settings, connection),
        { environment: "development", configuredName: "local", source: undefined },
        {
          confirmed: false,
          ask: async (question) => {
            questions.push(question);
            return answer;
          },
        },
      );
    await expect(answerWith(false)).rejects.toMatchObject({
      exit: "refused",
      hint: expect.stringContaining("what was typed is not its name"),
    });
    const permission = await answerWith(true);
    await permission.renew();
    expect(questions).toHaveLength(2);
    expect(questions[0]).toContain(database.name);
  });

  test("not without a yes", async ({ database }) => {
    await fill(database, database.name, "current");
    await using maintenance = await connectMaintenance(database.settings, connection);
    await expect(permit(maintenance, database.settings, { confirmed: false })).rejects.toMatchObject({
      exit: "refused",
      hint: "confirm it with --yes",
    });
  });

  test("never for the server's own templates", async ({ database }) => {
    const target = { ...database.settings, database: "template1" };
    await using maintenance = await connectMaintenance(target, connection);
    await expect(permit(maintenance, target)).rejects.toMatchObject({
      exit: "refused",
      message: "database template1 belongs to the server",
    });
  });
});

describe("permission for one database is none for another", () => {
  test("renaming it", async ({ database, onTestFinished }) => {
    const other = await createDatabase(database.server);
    onTestFinished(() => other.drop());
    await using maintenance = await connectMaintenance(database.settings, connection);
    const permission = await permit(maintenance, database.settings);
    const oid = (await findDatabase(maintenance, other.name))?.oid ?? 0;
    const renames = [{ oid, from: other.name, to: uniqueName("renamed") }];
    const refused = { exit: "refused", message: expect.stringContaining(other.name) };
    await expect(
      renameDatabases(permission, { runId: RUN_ID, renames, prepare: nothing }),
    ).rejects.toMatchObject(refused);
    await expect(dropReplaced(permission, { name: other.name, oid })).rejects.toMatchObject(refused);
    // Nor does another database's mark help.
    await runAsSuperuser(database.server, `COMMENT ON DATABASE ${other.name} IS '${addMark(null, "shop")}'`);
    await expect(dropReplaced(permission, { name: other.name, oid })).rejects.toMatchObject(refused);
    expect((await findDatabase(maintenance, other.name))?.oid).toBe(oid);
  });

  test("dropping the target itself", async ({ database }) => {
    await using maintenance = await connectMaintenance(database.settings, connection);
    const permission = await permit(maintenance, database.settings);
    await expect(
      dropReplaced(permission, { name: database.name, oid: permission.oid ?? 0 }),
    ).rejects.toMatchObject({ exit: "refused" });
    expect((await findDatabase(maintenance, database.name))?.oid).toBe(permission.oid);
  });

  test("dropping one that has the name by now", async ({ database, onTestFinished }) => {
    const other = await createDatabase(database.server);
    onTestFinished(() => other.drop());
    await runAsSuperuser(
      database.server,
      `COMMENT ON DATABASE ${other.name} IS '${addMark(null, database.name)}'`,
    );
    await using maintenance = await connectMaintenance(database.settings, connection);
    const permission = await permit(maintenance, database.settings);
    await expect(dropReplaced(permission, { name: other.name, oid: 1 })).rejects.toMatchObject({
      exit: "refused",
      message: `database ${other.name} is no longer the one that was looked at`,
    });
    expect(await findDatabase(maintenance, other.name)).toBeDefined();
  });

  test("which has taken its name since", async ({ database }) => {
    await using maintenance = await connectMaintenance(database.settings, connection);
    const permission = await permit(maintenance, database.settings);
    await permission.renew();
    await database.drop();
    await runAsSuperuser(database.server, `CREATE DATABASE ${database.name} TEMPLATE template0`);
    await expect(permission.renew()).rejects.toMatchObject({
      exit: "refused",
      message: `database ${database.name} is no longer the one that was looked at`,
    });
  });

  test("where the name changes hands between the look and the rename", async ({ database }) => {
    await using maintenance = await connectMaintenance(database.settings, connection);
    const permission = await permit(maintenance, database.settings);
    const [away, to] = [uniqueName("away"), uniqueName("to")];
    const renames = [{ oid: permission.oid ?? 0, from: database.name, to }];
    const changeHands = async (): Promise<void> => {
      await runAsSuperuser(database.server, `ALTER DATABASE ${database.name} RENAME TO ${away}`);
      await runAsSuperuser(database.server, `CREATE DATABASE ${database.name} TEMPLATE template0`);
    };
    await expect(
      renameDatabases(permission, { runId: RUN_ID, renames, prepare: changeHands }),
    ).rejects.toMatchObject({
      exit: "refused",
      message: `database ${to} is no longer the one that was looked at`,
    });
    expect((await findDatabase(maintenance, away))?.oid).toBe(permission.oid);
    expect(await findDatabase(maintenance, database.name)).toBeDefined();
    expect(await findDatabase(maintenance, to)).toBeUndefined();
    await runAsSuperuser(database.server, `DROP DATABASE ${away}`);
  });
});
