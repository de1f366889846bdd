import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { loadConfig } from "../../../src/config/load.ts";
import { requireIndex } from "../../../src/config/select.ts";

/** A configuration with one index, made of these keys. */
async function load(index: object, name = "products") {
  const folder = await mkdtemp(join(tmpdir(), "dataops-config-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const config = {
    databases: { staging: { url: "postgres://localhost/app", environment: "staging" } },
    search: { main: { url: "http://localhost:9200" } },
    indexes: { [name]: index },
  };
  await writeFile(join(folder, "dataops.config.yaml"), JSON.stringify(config));
  return loadConfig({ environment: { TOKEN: "s3cret" }, workingDirectory: folder });
}

const BUILTIN = {
  search: "main",
  database: "staging",
  sql: "products.sql",
  id: "id",
  mapping: "products.json",
};

describe("an index", () => {
  test("has defaults for what it does not say", async () => {
    const config = await load({ ...BUILTIN, follow: [{ table: "reviews", column: "product_id" }] });
    expect(requireIndex(config, "products")).toEqual({
      ...BUILTIN,
      driver: "builtin",
      follow: [{ table: "reviews", column: "product_id" }],
      keep: 2,
      maxErrors: 0,
      jobs: 4,
      adopt: false,
      timezone: "UTC",
      timeout: 12 * 3_600_000,
      jitter: 0,
      blackouts: [],
    });
  });

  test("may be the application's, by a command or a webhook, whose variables are not shown", async () => {
    const command = await load({ database: "staging", driver: { command: ["bin/rails", "search:reindex"] } });
    expect(requireIndex(command, "products").driver).toEqual({
      command: ["bin/rails", "search:reindex"],
      timeout: 6 * 3_600_000,
    });
    const webhook = await load({
      database: "staging",
      driver: { webhook: "https://app.example.com/reindex?token=${TOKEN}", timeout: "10m" },
    });
    const { driver } = requireIndex(webhook, "products");
    expect(driver).toMatchObject({ timeout: 600_000 });
    expect(typeof driver === "object" && "webhook" in driver && driver.webhook.peek()?.reveal()).toBe(
      "https://app.example.com/reindex?token=s3cret",
    );
    expect(JSON.stringify(webhook.origins)).not.toContain("s3cret");
  });

  test.for<[string, object, string?]>([
    ["indexes.products.id: is missing", { ...BUILTIN, id: undefined }],
    ["indexes.products.database: there is no database production", { ...BUILTIN, database: "production" }],
    ["indexes.products.search: there is no search engine other", { ...BUILTIN, search: "other" }],
    ["is for the built-in driver only", { ...BUILTIN, driver: { command: ["bin/reindex"] } }],
    ["expected builtin, { command", { database: "staging", driver: "other" }],
    ["did you mean maxErrors?", { ...BUILTIN, maxError: 1 }],
    ["expected a name other than status, rollback, abort", BUILTIN, "status"],
    ["expected a whole number from 0", { ...BUILTIN, keep: -1 }],
  ])("is refused: %s", async ([message, index, name]) => {
    await expect(load(index, name)).rejects.toThrow(message);
  });

  test("that is not there is named, with what was meant", async () => {
    const config = await load(BUILTIN);
    expect(() => requireIndex(config, "product")).toThrow('there is no index "product" in the configuration');
  });
});
