import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished } from "vitest";
import { changesIn } from "../../support/e2e-guard.ts";
import {
  localDatabase,
  PRODUCTION,
  test as laptopTest,
  type LocalDatabase,
} from "../../support/e2e-laptop.ts";
import { expectOneLine } from "../../support/e2e-test.ts";
import { startPgBouncer } from "../../support/pgbouncer.ts";
import { followLog, urlFor } from "../../support/postgres-servers.ts";
import { runAsSuperuser, uniqueName } from "../../support/postgres-test.ts";
import { answerOk, startReceiver } from "../../support/http-receiver.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";
import { openTunnel } from "../../support/tunnel.ts";

/** Production and staging on one server, as where a reset of the wrong one ends a company. */
interface Instance {
  production: LocalDatabase;
  staging: LocalDatabase;
  seeds: string;
}

const test = laptopTest.extend<{ instance: Instance }>({
  instance: async ({ laptop }, use) => {
    const production = localDatabase(laptop, uniqueName("shop"));
    const staging = localDatabase(laptop, uniqueName("staging"));
    await production.create(PRODUCTION);
    await staging.create("staging's");
    await stamp(staging, "staging");
    const folder = await temporaryFolder("seeds");
    const seeds = join(folder, "seed.sql");
    await writeFile(seeds, "CREATE TABLE seeded (id int)");
    await use({ production, staging, seeds });
    await production.drop();
    await staging.drop();
  },
});

interface Way {
  what: string;
  /** Leads staging's settings to production. */
  lead: (instance: Instance) => Record<string, string> | Promise<Record<string, string>>;
  /** Settings of the reset. */
  settings?: object;
  /** What is configured as the purpose of staging. */
  environment?: string;
  /** The exit code of a reset in place, which cannot even enter some databases. */
  inPlace?: number;
}

const byUrl: Way["lead"] = ({ production }) => ({ STAGING_DATABASE_URL: production.url });

const WAYS: readonly Way[] = [
  {
    what: "two variables that were swapped",
    lead: ({ production, staging }) => ({ STAGING_DATABASE_URL: production.url, DATABASE_URL: staging.url }),
  },
  {
    what: "a host name",
    lead: ({ production }) => ({
      STAGING_DATABASE_URL: production.url.replace("@127.0.0.1:", "@localhost:"),
    }),
  },
  {
    what: "a Unix socket",
    lead: ({ production }) => socketAt(production.server.socketDirectory ?? "", production),
  },
  {
    what: "a tunnel",
    lead: async ({ production }) => {
      const tunnel = await openTunnel(production.server);
      onTestFinished(() => tunnel[Symbol.asyncDispose]());
      return { STAGING_DATABASE_URL: urlFor({ ...production.server, ...tunnel }, production.name) };
    },
  },
  {
    what: "a pooler's alias that has staging's name",
    lead: async ({ production, staging }) => {
      const pooler = await startPgBouncer(production.server, "transaction", {
        [staging.name]: production.name,
      });
      onTestFinished(() => pooler[Symbol.asyncDispose]());
      return { STAGING_DATABASE_URL: urlFor({ ...production.server, ...pooler }, staging.name) };
    },
  },
  {
    what: "a pooler in session mode",
    lead: async ({ production, staging }) => {
      const pooler = await startPgBouncer(production.server, "session", { [staging.name]: production.name });
      onTestFinished(() => pooler[Symbol.asyncDispose]());
      return { STAGING_DATABASE_URL: urlFor({ ...production.server, ...pooler }, staging.name) };
    },
  },
  {
    what: "names that were exchanged on the server",
    lead: async ({ production, staging }) => {
      const [one, other] = [production.name, staging.name];
      await runAsSuperuser(
        production.server,
        `ALTER DATABASE ${one} RENAME TO between; ALTER DATABASE ${other} RENAME TO ${one}; ALTER DATABASE between RENAME TO ${other}`.replaceAll(
          "between",
          `${one}_was`,
        ),
      );
      return { STAGING_DATABASE_URL: staging.url };
    },
  },
  {
    what: "an empty name, and PGDATABASE",
    lead: ({ production }) => ({
      STAGING_DATABASE_URL: urlFor(production.server, ""),
      PGDATABASE: production.name,
    }),
  },
  {
    what: "an empty name, which is then the user's",
    lead: async ({ production }) => {
      await runAsSuperuser(production.server, `CREATE ROLE ${production.name} LOGIN CREATEDB PASSWORD 'x'`);
      onTestFinished(() => runAsSuperuser(production.server, `DROP ROLE ${production.name}`));
      return {
        STAGING_DATABASE_URL: urlFor(production.server, "", { user: production.name, password: "x" }),
      };
    },
  },
  {
    what: "nothing but libpq's variables",
    lead: ({ production: { server, name } }) => ({
      STAGING_DATABASE_URL: "postgres://",
      PGHOST: server.host,
      PGPORT: String(server.port),
      PGUSER: server.user,
      PGPASSWORD: server.password,
      PGDATABASE: name,
    }),
  },
  {
    what: "a service file",
    lead: async ({ production: { server, name } }) => {
      const file = join(await temporaryFolder("service"), "pg_service.conf");
      await writeFile(
        file,
        `[staging]\nhost=${server.host}\nport=${server.port}\ndbname=${name}\nuser=${server.user}\n`,
      );
      return {
        STAGING_DATABASE_URL: "postgres:///?service=staging",
        PGSERVICEFILE: file,
        PGPASSWORD: server.password,
      };
    },
  },
  {
    what: "two hosts",
    lead: ({ production: { server, url } }) => ({
      STAGING_DATABASE_URL: url.replace(
        `${server.host}:${server.port}`,
        `${server.host}:${server.port},localhost:${server.port}`,
      ),
    }),
  },
  { what: "a database without a stamp", lead: byUrl },
  {
    what: "a database stamped for something else",
    lead: async (instance) => {
      await stamp(instance.production, "review");
      return byUrl(instance);
    },
  },
  {
    what: "a database stamped production",
    lead: async (instance) => {
      await stamp(instance.production, "production");
      return byUrl(instance);
    },
    settings: { environment: "production" },
  },
  {
    what: "a database stamped production, in its comment",
    lead: async (instance) => {
      await stampInComment(instance.production, "production");
      return byUrl(instance);
    },
    settings: { environment: "production" },
  },
  {
    what: "a database stamped staging, and production in its comment",
    lead: async (instance) => {
      await stamp(instance.production, "staging");
      await stampInComment(instance.production, "production");
      return byUrl(instance);
    },
  },
  {
    what: "a production by the configuration, though the seeds and the stamp say staging",
    lead: async (instance) => {
      await stamp(instance.production, "staging");
      return byUrl(instance);
    },
    environment: "production",
    settings: { environment: "staging" },
  },
  {
    what: "the server's own template",
    lead: ({ production }) => ({ STAGING_DATABASE_URL: urlFor(production.server, "template1") }),
  },
  {
    what: "a template that dataops keeps",
    lead: async ({ production }) => {
      const template = `${production.name}__template`;
      await runAsSuperuser(production.server, `CREATE DATABASE ${template} TEMPLATE ${production.name}`);
      await runAsSuperuser(production.server, `ALTER DATABASE ${template} ALLOW_CONNECTIONS false`);
      return { STAGING_DATABASE_URL: urlFor(production.server, template) };
    },
    inPlace: 16,
  },
];

describe("a reset that is led to production", () => {
  test.for(WAYS)("by $what is refused, and nothing is changed", async (way, { instance, dataops }) => {
    const { production, staging, seeds } = instance;
    const environment = { DATABASE_URL: production.url, ...(await way.lead(instance)) };
    const families = await familiesOf(instance);
    const log = await followLog(production.server);
    const runs = (["scratch", "schema"] as const).map((strategy) =>
      dataops.run(["seed", "staging", "--force", "--as-superuser"], {
        environment,
        config: {
          databases: {
            production: { url: "${DATABASE_URL}", environment: "production" },
            staging: { url: "${STAGING_DATABASE_URL}", environment: way.environment ?? "staging" },
          },
          seed: { staging: { schema: { sql: seeds }, endSessions: true, strategy, ...way.settings } },
        },
      }),
    );
    const [beside, inPlace] = await Promise.all(runs);
    expect(beside, beside?.stderr).toMatchObject({ code: 13, stdout: "" });
    expect(inPlace, inPlace?.stderr).toMatchObject({ code: way.inPlace ?? 13, stdout: "" });
    for (const exit of await Promise.all(runs)) expectOneLine(exit);
    expect(changesIn(await log.read())).toEqual([]);
    expect(await familiesOf(instance)).toEqual(families);
    expect(new Set([await production.content(), await staging.content()])).toEqual(
      new Set([PRODUCTION, "staging's"]),
    );
  });

  test("that is empty is refused as well, where it is stamped or configured so", async ({
    instance,
    dataops,
  }) => {
    const { production, seeds } = instance;
    await production.query("DROP TABLE content");
    const log = await followLog(production.server);
    for (const [environment, stamped] of [
      ["production", undefined],
      ["staging", "production"],
      ["staging", "review"],
    ] as const) {
      if (stamped !== undefined) await stamp(production, stamped);
      const exit = await dataops.run(["seed", "staging"], {
        environment: { STAGING_DATABASE_URL: production.url },
        config: {
          databases: { staging: { url: "${STAGING_DATABASE_URL}", environment } },
          seed: { staging: { schema: { sql: seeds } } },
        },
      });
      expect(exit, exit.stderr).toMatchObject({ code: 13, stdout: "" });
    }
    expect(
      changesIn(await log.read()).filter((statement) => !statement.startsWith("ALTER DATABASE")),
    ).toEqual([]);
  });
});

describe("a reset", () => {
  test("says which database it is before it begins, and is taken back by undo", async ({
    instance,
    dataops,
  }) => {
    const { staging, seeds } = instance;
    const failing = { command: ["sh", "-c", "echo no index >&2; exit 7"] };
    const options = {
      environment: { STAGING_DATABASE_URL: staging.url },
      config: {
        databases: { staging: { url: "${STAGING_DATABASE_URL}", environment: "staging" } },
        seed: {
          // eslint-disable-next-line unicorn/no-thenable -- the key's name in the file
          staging: { schema: { sql: seeds }, then: [failing] },
        },
      },
    };
    const dry = await dataops.run(["seed", "staging", "--dry-run"], options);
    expect(dry, dry.stderr).toMatchObject({ code: 0 });
    const where = new RegExp(
      `database ${staging.name} \\(oid \\d+\\), at 127\\.0\\.0\\.1:\\d+, server \\d+, stamped staging`,
    );
    expect(dry.stdout).toMatch(where);
    expect(await staging.content()).toBe("staging's");

    const done = await dataops.run(["seed", "staging", "--json"], options);
    expect(done, done.stderr).toMatchObject({ code: 3 });
    expect(done.stderr).toMatch(where);
    expect(done.json()).toMatchObject({
      fromTemplate: false,
      failedJobs: [expect.stringContaining("no index")],
    });
    expect(await staging.query("SELECT * FROM seeded")).toEqual([]);
    const undone = await dataops.run(["undo", "staging"], options);
    expect(undone, undone.stderr).toMatchObject({ code: 0 });
    expect(await staging.content()).toBe("staging's");
  });
});

describe("a reset that fails", () => {
  test.for([
    { what: "in its third file", third: "INSERT INTO nowhere VALUES (3)", says: 'relation "nowhere"' },
    { what: "by what it expects", third: "SELECT 3", says: "seeded has 4 rows (expected: >=5)" },
  ])(
    "$what leaves everything as it was, and a notice goes out",
    async ({ third, says }, { instance, dataops }) => {
      const { staging } = instance;
      const folder = await temporaryFolder("seeds");
      await writeFile(join(folder, "schema.sql"), "CREATE TABLE seeded (number int)");
      for (const number of [1, 2, 3, 4, 5]) {
        const sql = number === 3 ? third : `INSERT INTO seeded VALUES (${number})`;
        await writeFile(join(folder, `${number}.sql`), sql);
      }
      const families = await familiesOf(instance);
      await using receiver = await startReceiver(answerOk);
      const failed = await dataops.run(["seed", "staging"], {
        environment: { STAGING_DATABASE_URL: staging.url },
        config: {
          storage: `file://${await temporaryFolder("storage")}`,
          databases: { staging: { url: "${STAGING_DATABASE_URL}", environment: "staging" } },
          seed: {
            staging: {
              schema: { sql: join(folder, "schema.sql") },
              seeds: [join(folder, "[0-9].sql")],
              expect: { seeded: ">=5" },
            },
          },
          notify: [{ webhook: { url: receiver.origin } }],
        },
      });
      expect(failed, failed.stderr).toMatchObject({ code: 1, stderr: expect.stringContaining(says) });
      expect(await staging.content()).toBe("staging's");
      expect(await familiesOf(instance)).toEqual(families);
      expect(receiver.received.map(({ body }) => body)).toEqual([expect.stringContaining("seed staging")]);
    },
  );
});

async function familiesOf({ production, staging }: Instance): Promise<string[]> {
  return [...(await production.family()), ...(await staging.family())];
}

async function stamp({ server, name }: LocalDatabase, environment: string): Promise<void> {
  await runAsSuperuser(server, `ALTER DATABASE ${name} SET dataops.environment = '${environment}'`);
}

async function stampInComment({ server, name }: LocalDatabase, environment: string): Promise<void> {
  await runAsSuperuser(
    server,
    `COMMENT ON DATABASE ${name} IS 'the shop\n[dataops: environment ${environment}]'`,
  );
}

function socketAt(directory: string, { server, name }: LocalDatabase): Record<string, string> {
  const login = [server.user, server.password].map(encodeURIComponent).join(":");
  return {
    STAGING_DATABASE_URL: `postgres://${login}@/${name}?host=${encodeURIComponent(directory)}&port=${server.port}`,
  };
}
