import { describe, expect } from "vitest";
import { BEFORE, laptopConfig, laptopEnvironment, PRODUCTION, test } from "../../support/e2e-laptop.ts";
import { expectOneLine } from "../../support/e2e-test.ts";

describe("what was there before", () => {
  test("is replaced only after a yes", async ({ shop, local, dataops }) => {
    await local.create();
    const environment = laptopEnvironment(shop.folder, local);
    const refused = await dataops.run(["fetch-latest-db", "--force"], { environment });
    expect(refused, refused.stderr).toMatchObject({ code: 13, stdout: "" });
    expectOneLine(refused);
    expect(refused.stderr).toContain("--yes");
    expect(await local.content()).toBe(BEFORE);
    expect(await local.family()).toEqual([local.name]);
  });

  test("comes back with undo, and goes again", async ({ shop, local, dataops }) => {
    await local.create();
    const environment = laptopEnvironment(shop.folder, local);
    const old = `${local.name}__old`;
    const nothing = await dataops.run(["undo", "local", "--yes"], { environment });
    expect(nothing, nothing.stderr).toMatchObject({ code: 13, stdout: "" });
    expectOneLine(nothing);

    const restored = await dataops.run(["fetch-latest-db", "--yes"], { environment });
    expect(restored.stdout, restored.stderr).toContain(`kept as ${old}: \`dataops undo local\``);
    expect([await local.content(), await local.content(old)]).toEqual([PRODUCTION, BEFORE]);

    const unconfirmed = await dataops.run(["undo", "local"], { environment });
    expect(unconfirmed, unconfirmed.stderr).toMatchObject({ code: 13, stdout: "" });
    const undone = await dataops.run(["undo", "local", "--yes", "--json"], { environment });
    expect(undone, undone.stdout).toMatchObject({ code: 0 });
    expect(undone.json()).toEqual({ target: "local", database: local.name, old });
    expect([await local.content(), await local.content(old)]).toEqual([BEFORE, PRODUCTION]);

    const redone = await dataops.run(["undo", "local", "--yes"], { environment });
    expect(redone, redone.stderr).toMatchObject({ code: 0 });
    expect([await local.content(), await local.content(old)]).toEqual([PRODUCTION, BEFORE]);
    expect(await local.family()).toEqual([local.name, old]);
  });

  test("is dropped where keepOld is false", async ({ shop, local, dataops }) => {
    await local.create();
    const config = laptopConfig({ keepOld: false });
    const environment = laptopEnvironment(shop.folder, local);
    const restored = await dataops.run(["fetch-latest-db", "--yes", "--json"], { environment, config });
    expect(restored.json(), restored.stderr).toMatchObject({ old: null });
    expect(await local.content()).toBe(PRODUCTION);
    expect(await local.family()).toEqual([local.name]);
    const undone = await dataops.run(["undo", "local", "--yes"], { environment, config });
    expect(undone, undone.stderr).toMatchObject({ code: 13 });
    expect(await local.content()).toBe(PRODUCTION);
  });
});
