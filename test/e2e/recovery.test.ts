import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished, vi } from "vitest";
import { openFileStorage } from "../../src/storage/file.ts";
import { storeBlockBackup, type BlockBackupOptions } from "../support/block-backups.ts";
import { compareDatabases } from "../support/compare-databases.ts";
import { everyKindOfTable } from "../support/every-kind-of-table.ts";
import { test } from "../support/e2e-test.ts";
import { linesToType } from "../support/markdown-pages.ts";
import { settingsFor, urlFor } from "../support/postgres-servers.ts";
import { createDatabase, runAsSuperuser, uniqueName, type TestDatabase } from "../support/postgres-test.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

const run = promisify(execFile);
const PAGE = new URL("../../docs/recovery.md", import.meta.url);
const LONG = 180_000;

/** With blocks and deltas, and as an archive alone. */
const BACKUPS: readonly { name: string; options: BlockBackupOptions }[] = [
  { name: "blocks", options: {} },
  { name: "the archive alone", options: { only: () => false } },
];

async function backedUp(database: TestDatabase, options: BlockBackupOptions) {
  {
    await using client = await database.connect();
    await client.query(everyKindOfTable({ size: 2_000_000 }));
  }
  const folder = await temporaryFolder("recovery");
  const manifest = await storeBlockBackup(openFileStorage(folder), database, options);
  vi.stubEnv("DATAOPS_POSTGRES_BIN", database.server.programs);
  onTestFinished(() => void vi.unstubAllEnvs());
  return { folder, manifest };
}

function environmentFor({ server }: TestDatabase): Record<string, string> {
  return {
    PATH: `${server.programs}:${process.env["PATH"] ?? ""}`,
    PGHOST: server.host,
    PGPORT: String(server.port),
    PGUSER: server.user,
    PGPASSWORD: server.password,
  };
}

test.for(BACKUPS)(
  "the page's own lines restore a backup: $name",
  { timeout: LONG },
  async ({ options }, { database }) => {
    const { folder, manifest } = await backedUp(database, options);
    const restored = uniqueName("restored");
    onTestFinished(() => runAsSuperuser(database.server, `DROP DATABASE IF EXISTS ${restored} WITH (FORCE)`));
    const lines = linesToType(await readFile(PAGE, "utf8"))
      .replace("20261121T040000Z-k3v9qa", manifest.id)
      .replaceAll("app_restored", restored)
      .replaceAll(/(--username|--owner)=app\b/g, `$1='${database.server.user}'`);
    expect(lines).toContain("zstd -q -d -D base");
    // The folder in the place of the bucket.
    const aws = `
      at() { echo "$1" | sed "s,^s3://acme-backups/dataops/,$STORAGE/,"; }
      aws() {
        if [ "$2" = ls ]; then (cd "$(at "$4")" && find . -type f);
        elif [ "$3" = --recursive ]; then cp -r "$(at "$4")" "$5";
        else cp "$(at "$3")" "$4"; fi
      }`;
    const work = await temporaryFolder("recovery-work");
    const { stdout } = await run("bash", ["-e", "-c", `${aws}\n${lines}`], {
      cwd: work,
      env: { ...environmentFor(database), STORAGE: folder },
    });
    expect(stdout).toContain("archive.dump.zst: OK");
    const actual = settingsFor(database.server, { database: restored });
    expect(await compareDatabases(database.settings, actual)).toEqual([]);
  },
);

test.for(BACKUPS)(
  "what export writes, psql reads: $name",
  { timeout: LONG },
  async ({ options }, { database, dataops }) => {
    const { folder, manifest } = await backedUp(database, options);
    const exported = await dataops.run(["export", manifest.id], {
      environment: {
        DATABASE_URL: urlFor(database.server, database.name),
        DATAOPS_STORAGE: `file://${folder}`,
        DATAOPS_POSTGRES_BIN: database.server.programs ?? "",
      },
    });
    expect(exported.code, exported.stderr).toBe(0);
    const target = await createDatabase(database.server);
    onTestFinished(() => target.drop());
    const psql = run(
      join(database.server.programs ?? "", "psql"),
      ["--no-psqlrc", "--quiet", `--dbname=${target.name}`],
      { env: environmentFor(database), maxBuffer: 64 * 1024 * 1024 },
    );
    psql.child.stdin?.end(exported.stdout);
    await psql;
    expect(await compareDatabases(database.settings, target.settings)).toEqual([]);
  },
);
