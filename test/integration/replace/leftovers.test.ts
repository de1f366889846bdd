import { describe, expect } from "vitest";
import { connect } from "../../../src/postgres/client.ts";
import { makeBackupId } from "../../../src/repository/backup-id.ts";
import { clearLeftovers } from "../../../src/replace/scratch/leftovers.ts";
import {
  scratchName,
  templateDraftName,
  templateName,
  templateRoleName,
  temporaryRoleName,
} from "../../../src/replace/scratch/names.ts";
import { dropDatabase } from "../../../src/replace/scratch/drop.ts";
import { settingsFor } from "../../support/postgres-servers.ts";
import { test, uniqueName } from "../../support/postgres-test.ts";
import { connectTo, leftBehind } from "../../support/scratch.ts";

describe("clearLeftovers", () => {
  const DAY = 24 * 60 * 60 * 1000;

  test("drops what crashed runs for this target left a day ago, and nothing else", async ({ postgres15 }) => {
    const target = uniqueName("shop");
    const old = makeBackupId(Date.now() - 1.1 * DAY);
    const used = makeBackupId(Date.now() - 1.2 * DAY);
    const recent = makeBackupId(Date.now() - 0.9 * DAY);
    const other = uniqueName("other");
    const keep = [
      scratchName(target, recent),
      scratchName(target, used),
      scratchName(other, old),
      `${target}__new_of_mine`,
      `my_${scratchName(target, old)}`,
    ];
    await using maintenance = await connectTo(postgres15);
    await maintenance.query(`CREATE ROLE "${temporaryRoleName(old)}"`);
    await maintenance.query(`CREATE ROLE "${temporaryRoleName(recent)}"`);
    await maintenance.query(
      `CREATE DATABASE "${scratchName(target, old)}" OWNER "${temporaryRoleName(old)}" TEMPLATE template0`,
    );
    for (const name of keep) await maintenance.query(`CREATE DATABASE "${name}" TEMPLATE template0`);
    await using session = await connect(settingsFor(postgres15, { database: scratchName(target, used) }), {
      applicationName: "test",
    });
    const dropped = await clearLeftovers(maintenance, target);
    expect(dropped).toEqual(expect.arrayContaining([scratchName(target, old), temporaryRoleName(old)]));
    expect(dropped).not.toContain(scratchName(target, recent));
    expect(await leftBehind(postgres15, old)).toEqual(
      expect.not.arrayContaining([scratchName(target, old), temporaryRoleName(old)]),
    );
    for (const name of keep) expect(await leftBehind(postgres15, name)).toContain(name);
    expect(await leftBehind(postgres15, temporaryRoleName(recent))).toHaveLength(1);
    await session[Symbol.asyncDispose]();
    for (const name of keep) await dropDatabase(maintenance, name);
    await maintenance.query(`DROP ROLE "${temporaryRoleName(recent)}"`);
  });

  test("drops unfinished templates, and roles of templates that are gone; never a template", async ({
    postgres15,
  }) => {
    const target = uniqueName("shop");
    const [gone, kept, recent] = [1.1, 1.2, 0.9].map((days) => makeBackupId(Date.now() - days * DAY));
    if (gone === undefined || kept === undefined || recent === undefined)
      throw new Error("three ids were made");
    await using maintenance = await connectTo(postgres15);
    for (const run of [gone, kept, recent]) await maintenance.query(`CREATE ROLE "${templateRoleName(run)}"`);
    const databases = [
      templateName(target),
      templateDraftName(target, gone),
      templateDraftName(target, recent),
    ];
    for (const name of databases)
      await maintenance.query(`CREATE DATABASE "${name}" ALLOW_CONNECTIONS true TEMPLATE template0`);
    {
      await using template = await connect(settingsFor(postgres15, { database: templateName(target) }), {
        applicationName: "test",
      });
      await template.query(`CREATE SCHEMA things AUTHORIZATION "${templateRoleName(kept)}"`);
    }
    const dropped = await clearLeftovers(maintenance, target);
    expect(dropped).toEqual(
      expect.arrayContaining([templateDraftName(target, gone), templateRoleName(gone)]),
    );
    expect(await leftBehind(postgres15, target)).toEqual(
      expect.arrayContaining([templateName(target), templateDraftName(target, recent)]),
    );
    expect(await leftBehind(postgres15, kept)).toEqual([templateRoleName(kept)]);
    expect(await leftBehind(postgres15, recent)).toContain(templateRoleName(recent));

    for (const name of databases) await dropDatabase(maintenance, name);
    for (const run of [kept, recent]) await maintenance.query(`DROP ROLE "${templateRoleName(run)}"`);
  });
});
