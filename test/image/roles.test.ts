import { describe, expect } from "vitest";
import { compareDatabases } from "../support/compare-databases.ts";
import { runContainer } from "../support/container.ts";
import type { DockerExit } from "../support/docker-engine.ts";
import { createBulk } from "../support/e2e-database.ts";
import { BEFORE, contentTable, PRODUCTION, type LocalDatabase } from "../support/e2e-laptop.ts";
import { backupKeys, environmentOf } from "../support/e2e-test.ts";
import type { TestBucket } from "../support/e2e-bucket.ts";
import { test } from "../support/image-test.ts";
import type { TestDatabase } from "../support/postgres-test.ts";

const LONG = 300_000;

/** As a team has it: production, a server beside it to restore into, and rules for what is kept. */
const CONFIG = {
  storage: "${DATAOPS_STORAGE}",
  databases: {
    production: { url: "${DATABASE_URL}", environment: "production" },
    local: { url: "${LOCAL_DATABASE_URL}", environment: "development" },
  },
  backup: { production: { maxAge: "1h", keep: { last: 1 } } },
};

/** `dataops` in the image, where `database` is production, and `local` what is restored into. */
function dataopsIn(
  image: string,
  database: TestDatabase,
  bucket: TestBucket,
  local?: LocalDatabase,
): (...args: string[]) => Promise<DockerExit> {
  const url = local?.url ?? "postgres://nobody@127.0.0.1:1/nothing";
  const environment = environmentOf(database, bucket, { LOCAL_DATABASE_URL: url });
  return (...args) => runContainer(image, args, { environment, config: CONFIG });
}

async function fill(database: TestDatabase): Promise<void> {
  const client = await database.connect();
  await client.query(contentTable(PRODUCTION));
  // Larger than what stays in the archive: its rows are stored as blocks.
  await createBulk(client, 3);
}

describe("one command in the image, with a root that is read-only", () => {
  test(
    "backs up, tells, verifies, restores, fetches, prunes",
    { timeout: LONG },
    async ({ image, database, bucket, local }) => {
      await fill(database);
      await local.create(BEFORE);
      const dataops = dataopsIn(image.name, database, bucket, local);
      const succeeds = async (...args: string[]): Promise<string> => {
        const { code, stdout, stderr } = await dataops(...args);
        expect(code, `${args.join(" ")}: ${stderr}`).toBe(0);
        // What cannot be written to is a warning at most, and here nothing is amiss.
        expect(stderr).not.toMatch(/EROFS|EACCES|^warning: /m);
        return stdout;
      };

      expect(await dataops("check"), "before there is a backup").toMatchObject({ code: 14 });
      await succeeds("backup", "production");
      await succeeds("check");
      const [first] = idsIn(await succeeds("list", "--json"));
      await succeeds("verify");

      await succeeds("restore", first ?? "", "--to", "local", "--yes");
      expect(await local.content()).toBe(PRODUCTION);
      expect(await compareDatabases(database.settings, local.settings)).toEqual([]);

      await (await database.connect()).query("UPDATE content SET value = 'newer'");
      await succeeds("backup", "production");
      await succeeds("fetch-latest-db", "--yes");
      expect(await local.content()).toBe("newer");
      expect(await compareDatabases(database.settings, local.settings)).toEqual([]);
      await succeeds("undo", "local", "--yes");
      expect(await local.content()).toBe(PRODUCTION);

      await succeeds("prune", "production", "--confirm");
      const left = idsIn(await succeeds("list", "--json"));
      expect(left).toHaveLength(1);
      expect(left).not.toContain(first);
      await succeeds("verify");
      expect((await backupKeys(bucket)).filter((key) => key.includes(`/backups/${first}/`))).toEqual([]);
    },
  );

  test(
    "ends with the code that says what is wrong",
    { timeout: LONG },
    async ({ image, database, bucket }) => {
      const dataops = dataopsIn(image.name, database, bucket);
      const codes = {
        fetch: await dataops("fetch-latest-db"),
        "a word that is none": await dataops("backup", "production", "--nonsense"),
        "a guard's refusal": await dataops("undo", "production", "--yes"),
      };
      expect(Object.fromEntries(Object.entries(codes).map(([name, { code }]) => [name, code]))).toEqual({
        fetch: 10,
        "a word that is none": 2,
        "a guard's refusal": 13,
      });
      for (const { stderr } of Object.values(codes)) expect(stderr).toMatch(/^error: /m);
      const environment = environmentOf(database, bucket, {
        DATABASE_URL: "postgres://postgres@127.0.0.1:1/production",
      });
      expect(await runContainer(image.name, ["backup"], { environment })).toMatchObject({ code: 16 });
    },
  );

  test("has all that `doctor` asks for", { timeout: LONG }, async ({ image, database, bucket, local }) => {
    await local.create(BEFORE);
    const { code, stdout, stderr } = await dataopsIn(image.name, database, bucket, local)("doctor");
    expect([0, 3], stdout + stderr).toContain(code);
    expect(stdout).toContain("/usr/lib/postgresql/");
  });
});

function idsIn(listed: string): string[] {
  return [...new Set(listed.match(/\d{8}T\d{6}Z-[a-z0-9]{6}/g))];
}
