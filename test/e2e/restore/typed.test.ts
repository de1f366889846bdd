import { describe, expect } from "vitest";
import { BEFORE, expectUntouched, laptopEnvironment, PRODUCTION, test } from "../../support/e2e-laptop.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { atTerminal, HAS_TERMINAL } from "../../support/terminal.ts";

const QUESTION = "Type the database's name";

/** A machine without util-linux has no such terminal. */
describe.skipIf(!HAS_TERMINAL)("at a terminal", () => {
  test("a database is replaced once its name is typed, and not for a yes", async ({ shop, local }) => {
    await local.create();
    const environment = laptopEnvironment(shop.folder, local);
    const folder = await temporaryFolder("terminal");
    for (const typed of ["yes", "local"]) {
      const answers = [[QUESTION, `${typed}\r`]] as const;
      const refused = await atTerminal(["fetch-latest-db"], { environment, folder, answers });
      expect(refused, refused.written).toMatchObject({ code: 13 });
      expect(refused.written).toContain(`database ${local.name} exists and holds data`);
      await expectUntouched(local);
    }
    const answers = [[QUESTION, `${local.name}\r`]] as const;
    const fetched = await atTerminal(["fetch-latest-db"], { environment, folder, answers });
    expect(fetched, fetched.written).toMatchObject({ code: 0 });
    expect(await local.content()).toBe(PRODUCTION);

    const undone = await atTerminal(["undo", "local"], { environment, folder, answers });
    expect(undone, undone.written).toMatchObject({ code: 0 });
    expect(await local.content()).toBe(BEFORE);
  });

  test("a stamp is written once the name is typed", async ({ shop, local }) => {
    await local.create();
    const environment = laptopEnvironment(shop.folder, local);
    const folder = await temporaryFolder("terminal");
    const stamp = ["stamp", "local", "staging"];
    const stampNow = (): Promise<unknown> =>
      local.query("SELECT current_setting('dataops.environment', true) AS stamp");
    const mistyped = await atTerminal(stamp, { environment, folder, answers: [[QUESTION, "local\r"]] });
    expect(mistyped, mistyped.written).toMatchObject({ code: 13 });
    expect(await stampNow()).toEqual([{ stamp: null }]);
    const stamped = await atTerminal(stamp, {
      environment,
      folder,
      answers: [[QUESTION, `${local.name}\r`]],
    });
    expect(stamped, stamped.written).toMatchObject({ code: 0 });
    expect(await stampNow()).toEqual([{ stamp: "staging" }]);
  });
});
