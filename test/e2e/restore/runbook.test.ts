import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect } from "vitest";
import { compareDatabases } from "../../support/compare-databases.ts";
import { test } from "../../support/e2e-laptop.ts";
import { linesToType } from "../../support/markdown-pages.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const run = promisify(execFile);
const PAGE = new URL("../../../docs/runbooks/restore-production.md", import.meta.url);
const CLI = fileURLToPath(new URL("../../../src/cli.ts", import.meta.url));

test("the runbook's own lines bring production back, stamped, into a new database", async ({
  shop,
  local,
}) => {
  const lines = linesToType(await readFile(PAGE, "utf8"))
    .replace("20261121T040000Z-k3v9qa", shop.manifest.id)
    .replace("s3://acme-backups/dataops", `file://${shop.folder}`)
    .replaceAll("app_recovered", local.name);
  for (const line of ["dataops restore", "dataops stamp"]) expect(lines).toContain(line);

  const folder = await temporaryFolder("runbook");
  // Whoever does it may have no URL of production's: `DATABASE_URL` is not set.
  await writeFile(
    join(folder, "dataops.config.yaml"),
    `storage: file://${shop.folder}\ndatabases:\n  production: { url: "\${DATABASE_URL}", environment: production }\n`,
  );
  await run("bash", ["-e", "-c", `dataops() { "$NODE" "$CLI" "$@"; }\n${lines}`], {
    cwd: folder,
    env: {
      NODE: process.execPath,
      CLI,
      HOME: folder,
      PATH: `${local.server.programs}:${process.env["PATH"] ?? ""}`,
      DATAOPS_POSTGRES_BIN: local.server.programs,
      RECOVERED_DATABASE_URL: local.url,
    },
  });

  expect(await compareDatabases(shop.database.settings, local.settings)).toEqual([]);
  const [stamp] = await local.query<{ environment: string }>(
    "SELECT current_setting('dataops.environment') AS environment",
  );
  expect(stamp).toEqual({ environment: "production" });
});
