import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Config } from "../../../src/config/config.ts";
import { loadConfig } from "../../../src/config/load.ts";
import { listedDatabases } from "../../../src/status/listed.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

async function configOf(...databases: [name: string, environment: string][]): Promise<Config> {
  const folder = await temporaryFolder("listed");
  const lines = databases.map(([name, environment]) => `  ${name}: { url: x, environment: ${environment} }`);
  const backup = databases.some(([name]) => name === "analytics") ? "backup: { analytics: {} }\n" : "";
  await writeFile(join(folder, "dataops.config.yaml"), `databases:\n${lines.join("\n")}\n${backup}`);
  return loadConfig({ environment: { HOME: folder }, workingDirectory: folder });
}

test("all that are configured, those that are backed up first", async () => {
  const config = await configOf(
    ["staging", "staging"],
    ["production", "production"],
    ["analytics", "warehouse"],
  );
  expect(listedDatabases(config, undefined)).toEqual(["production", "analytics", "staging"]);
  expect(listedDatabases(config, "staging")).toEqual(["staging"]);
});

test("none of that name, or none that is backed up: no good news", async () => {
  const config = await configOf(["local", "development"]);
  expect(() => listedDatabases(config, "lokal")).toThrow(/there is no database "lokal"/);
  expect(() => listedDatabases(config, undefined)).toThrow(/no database in the configuration is backed up/);
});
