import { readdir } from "node:fs/promises";
import { describe, expect } from "vitest";
import { quoteIdentifier, quoteLiteral } from "../../src/postgres/quote.ts";
import type { DataopsExit, DataopsOptions, DataopsProcess } from "../support/dataops-process.ts";
import { createBarrier, waitingSessionsOf } from "../support/e2e-database.ts";
import { environmentOf, test as base } from "../support/e2e-test.ts";
import { watchForSecrets, type Sighting } from "../support/e2e-watch.ts";
import { urlFor } from "../support/postgres-servers.ts";
import { runAsSuperuser, uniqueName } from "../support/postgres-test.ts";

/** What a run said and left behind, and what was seen of it meanwhile. */
interface Watched {
  ended: DataopsExit;
  seen: Sighting;
  /** Names in its folder for temporary files, after the end. */
  left: string[];
}

interface Fixtures {
  /** A role with a password that is made for being found, and for breaking whoever quotes it carelessly. */
  role: { name: string; password: string; sentinel: string };
  /** Every secret, as it may be found: a plain word in the middle of it, which no quoting changes. */
  secrets: string[];
  /** Production reached as `role`; the rest of the settings has secrets, too. */
  environment: Record<string, string>;
  /** Runs a command and looks on. `meanwhile` is waited for before its end is. */
  watch(
    args: readonly string[],
    options: DataopsOptions,
    meanwhile?: (process: DataopsProcess) => Promise<void>,
  ): Promise<Watched>;
}

const test = base.extend<Fixtures>({
  role: async ({ database }, use) => {
    const sentinel = uniqueName("watchword");
    const role = { name: uniqueName("watched"), password: `p@:/#%&'$\\" ${sentinel} =;`, sentinel };
    const create = `CREATE ROLE ${quoteIdentifier(role.name)} SUPERUSER LOGIN PASSWORD ${quoteLiteral(role.password)}`;
    await runAsSuperuser(database.server, create);
    await use(role);
    await runAsSuperuser(database.server, `DROP ROLE ${quoteIdentifier(role.name)}`);
  },
  secrets: ({ role, bucket }, use) => use([role.sentinel, bucket.server.secretAccessKey]),
  environment: ({ database, bucket, role }, use) => {
    const url = urlFor(database.server, database.name, { user: role.name, password: role.password });
    return use(environmentOf(database, bucket, { DATABASE_URL: url, LOCAL_DATABASE_URL: url }));
  },
  watch: ({ dataops, secrets }, use) =>
    use(async (args, options, meanwhile) => {
      const process = await dataops.start(args, options);
      using seen = watchForSecrets(secrets, process.temporary);
      await meanwhile?.(process);
      const ended = await process.exited;
      return { ended, seen, left: await readdir(process.temporary) };
    }),
});

/** Fails where any secret shows, anywhere. */
function expectNoSecret({ ended, seen, left }: Watched, secrets: readonly string[]): void {
  expect(seen.leaks, "on a command line").toEqual([]);
  expect(seen.looks).toBeGreaterThan(3);
  for (const secret of secrets) {
    expect(ended.stdout).not.toContain(secret);
    expect(ended.stderr).not.toContain(secret);
  }
  const modes = new Set(seen.temporary.values());
  expect([...modes].filter((mode) => mode !== "folder 700" && mode !== "file 600")).toEqual([]);
  expect(left, "temporary files").toEqual([]);
}

describe("no secret shows", () => {
  test("of a backup: on no command line, in no output, object or file", async ({
    database,
    bucket,
    environment,
    secrets,
    watch,
  }) => {
    const barrier = await createBarrier(database, 1);
    const observer = await database.connect();
    const backup = await watch(["backup", "--json"], { environment }, async (process) => {
      await process.until(
        "the dump waits",
        async () => (await waitingSessionsOf(database, observer)).length > 0,
      );
      await barrier.release();
    });
    expect(backup.ended, backup.ended.stderr).toMatchObject({ code: 0 });
    expectNoSecret(backup, secrets);
    expect([...backup.seen.programs], "the watch sees what runs").toContain("pg_dump");
    expect([...backup.seen.temporary.values()], "the watch sees the passfile").toContain("file 600");
    for (const key of await bucket.keys()) {
      const content = (await bucket.read(key)).toString("latin1");
      for (const secret of secrets) expect(content.includes(secret), key).toBe(false);
    }
  });

  test("of a backup that is ended in the middle", async ({ database, environment, secrets, watch }) => {
    const barrier = await createBarrier(database, 1);
    const observer = await database.connect();
    const backup = await watch(["backup"], { environment }, async (process) => {
      await process.until(
        "the dump waits",
        async () => (await waitingSessionsOf(database, observer)).length > 0,
      );
      process.kill("SIGTERM");
    });
    await barrier.release();
    expect(backup.ended, backup.ended.stderr).toMatchObject({ code: 143 });
    expect([...backup.seen.temporary.values()]).toContain("file 600");
    expectNoSecret(backup, secrets);
  });

  test.for([
    ["list"],
    ["list", "--json"],
    ["show", "latest", "--json"],
    ["verify"],
    ["verify", "--json"],
    ["doctor"],
    ["doctor", "--json"],
    ["config", "show"],
    ["config", "show", "--json"],
    ["config", "validate"],
  ])("of %j", async (args, { environment, secrets, watch }) => {
    expectNoSecret(await watch(args, { environment }), secrets);
  });

  test("of a configuration file that holds them all", async ({
    database,
    role,
    environment,
    secrets,
    watch,
  }) => {
    const { DATABASE_URL: url, LOCAL_DATABASE_URL: _local, ...others } = environment;
    const config = {
      storage: { url: environment["DATAOPS_STORAGE"] },
      databases: {
        production: { url, environment: "production" },
        local: { url: url?.replace(database.name, "no_such"), environment: "development" },
      },
    };
    for (const args of [["config", "show"], ["doctor"], ["backup", "production"]]) {
      expectNoSecret(await watch(args, { environment: others, config }), secrets);
    }
    const broken = {
      ...config,
      databases: { production: { url: `postgres://${role.name}:${role.password}@` } },
    };
    for (const args of [["config", "validate"], ["backup"], ["backup", "--json"]]) {
      const refused = await watch(args, { environment: others, config: broken });
      expect(refused.ended, refused.ended.stderr).toMatchObject({ code: 2 });
      expectNoSecret(refused, secrets);
    }
  });

  test("of a reset, its commands, and webhooks whose URLs are secrets", async ({
    database,
    role,
    environment,
    secrets,
    watch,
  }) => {
    await runAsSuperuser(
      database.server,
      `ALTER DATABASE ${quoteIdentifier(database.name)} SET dataops.environment = 'staging'`,
    );
    const hook = `http://127.0.0.1:1/${role.sentinel}`;
    const options: DataopsOptions = {
      environment: { ...environment, STAGING_DATABASE_URL: environment["DATABASE_URL"] ?? "", HOOK: hook },
      config: {
        databases: { staging: { url: "${STAGING_DATABASE_URL}", environment: "staging" } },
        seed: {
          staging: {
            schema: { command: ["true"] },
            seeds: [{ command: ["sh", "-c", "sleep 0.2"] }],
            // eslint-disable-next-line unicorn/no-thenable -- the key's name in the file
            then: [{ webhook: hook }, { webhook: "${HOOK}" }],
            keepOld: false,
            template: false,
          },
        },
      },
    };
    const reset = await watch(["seed", "staging", "--json"], options);
    expect(reset.ended, reset.ended.stderr).toMatchObject({ code: 3 });
    expectNoSecret(reset, secrets);
    for (const args of [
      ["seed", "staging", "--dry-run"],
      ["config", "show"],
    ]) {
      const shown = await watch(args, options);
      expect(shown.ended, shown.ended.stderr).toMatchObject({ code: 0 });
      expectNoSecret(shown, secrets);
    }
  });

  test("of failures: wrong secrets are repeated as little as right ones", async ({
    database,
    role,
    environment,
    secrets,
    watch,
  }) => {
    const wrong = { user: role.name, password: `${role.password}!` };
    const failures: [Record<string, string>, number][] = [
      [{ DATABASE_URL: urlFor(database.server, database.name, wrong) }, 12],
      [
        { DATABASE_URL: urlFor(database.server, "no_such", { user: role.name, password: role.password }) },
        16,
      ],
      [{ DATABASE_URL: `postgres://${role.name}:${role.password}@/` }, 2],
      [{ AWS_SECRET_ACCESS_KEY: `${environment["AWS_SECRET_ACCESS_KEY"]}!` }, 12],
      [{ DATAOPS_STORAGE: `s3://key:${role.sentinel}@bucket` }, 2],
    ];
    for (const [changes, code] of failures) {
      const failed = await watch(["backup"], { environment: { ...environment, ...changes } });
      expect(failed.ended, failed.ended.stderr).toMatchObject({ code });
      expectNoSecret(failed, secrets);
    }
  });
});
