import { describe, expect } from "vitest";
import { Secret } from "../../../src/config/secret.ts";
import { runAsSuperuser } from "../../support/postgres-test.ts";
import { test, type Staging } from "../../support/seed-test.ts";

const SECTION = { schema: { sql: "schema.sql" }, seeds: ["seeds/*"], extensions: ["file_fdw"] };

async function writeSeeds(staging: Staging): Promise<void> {
  await staging.write({
    "schema.sql":
      "CREATE EXTENSION IF NOT EXISTS citext; CREATE TABLE users (id serial PRIMARY KEY, name citext)",
    "seeds/1.sql": "INSERT INTO users (name) VALUES (current_user), (session_user)",
  });
}

const OWNERS = `
  SELECT DISTINCT owner::regrole::text AS owner FROM (
    SELECT relowner FROM pg_class WHERE relname LIKE 'users%'
    UNION ALL SELECT datdba FROM pg_database WHERE datname = current_database()) AS all_of_them (owner)`;

describe("a reset", () => {
  test("as a superuser runs the seeds as a role without rights, with extensions that need more", async ({
    staging,
  }) => {
    await writeSeeds(staging);
    for (const fromTemplate of [false, true]) {
      expect(await staging.seed(SECTION)).toMatchObject({ fromTemplate });
      const names = await staging.query<{ name: string }>("SELECT DISTINCT name::text FROM users");
      expect(names).toEqual([{ name: expect.stringMatching(/^dataops_restore_/) }]);
      expect(await staging.query(OWNERS)).toEqual([{ owner: '"test superuser"' }]);
      expect(
        await staging.value("SELECT count(*)::int FROM pg_extension WHERE extname IN ('file_fdw', 'citext')"),
      ).toBe(2);
    }
    await expect(
      staging.seed(
        { ...SECTION, seeds: [{ command: ["psql", "-c", "CREATE ROLE x"] }] },
        withPrograms(staging),
      ),
    ).rejects.toThrow("permission denied to create role");
  });

  test("as a role that is no superuser is its own", async ({ staging }) => {
    await writeSeeds(staging);
    const { name, server, settings } = staging.database;
    const role = `${name}_app`;
    await runAsSuperuser(
      server,
      `CREATE ROLE ${role} LOGIN CREATEDB PASSWORD 'x'; ALTER DATABASE ${name} OWNER TO ${role};
       GRANT SET ON PARAMETER dataops.environment TO ${role}`,
    );
    const connection = { ...settings, user: role, password: new Secret("x") };
    const changes = { request: { target: { name: "staging", environment: "staging", connection } } };
    const section = { ...SECTION, extensions: [] };
    for (const fromTemplate of [false, true, true]) {
      expect(await staging.seed(section, changes)).toMatchObject({ fromTemplate });
      expect(await staging.query(OWNERS)).toEqual([{ owner: role }]);
    }
    expect(await staging.value("SELECT current_setting('dataops.environment')")).toBe("staging");
    await expect(staging.seed(SECTION, changes)).rejects.toThrow(
      /^extension file_fdw cannot be created: .*permission denied to create extension/,
    );
    for (const database of await staging.family())
      await runAsSuperuser(server, `ALTER DATABASE ${database} OWNER TO CURRENT_USER`);
    for (const database of await staging.family()) {
      // Nobody is let into a template.
      if (database.endsWith("__template")) await runAsSuperuser(server, `DROP DATABASE ${database}`);
      else await staging.query(`REASSIGN OWNED BY ${role} TO CURRENT_USER; DROP OWNED BY ${role}`, database);
    }
    await runAsSuperuser(
      server,
      `REVOKE ALL ON PARAMETER dataops.environment FROM ${role}; DROP ROLE ${role}`,
    );
  });

  test.for([true, false])(
    "by a role that may give databases no settings, as on RDS, works each night; template: %s",
    async (template, { staging, onTestFinished }) => {
      await writeSeeds(staging);
      const { name, server, settings } = staging.database;
      const role = `${name}_app`;
      await runAsSuperuser(server, `CREATE ROLE ${role} LOGIN CREATEDB PASSWORD 'x'`);
      await runAsSuperuser(server, `DROP DATABASE ${name}`);
      onTestFinished(async () => {
        for (const database of await staging.family()) {
          await runAsSuperuser(server, `DROP DATABASE ${database} WITH (FORCE)`);
        }
        await runAsSuperuser(server, `DROP ROLE ${role}`);
      });
      const connection = { ...settings, user: role, password: new Secret("x") };
      const changes = { request: { target: { name: "staging", environment: "staging", connection } } };
      const section = { ...SECTION, extensions: [], template };
      await staging.seed(section, changes);
      expect(staging.said).toContain("staging is new, and stamped staging");
      for (let night = 2; night <= 4; night++) {
        const { identity, fromTemplate } = await staging.seed(section, changes);
        expect({ stamp: identity.stamp, fromTemplate }).toEqual({ stamp: "staging", fromTemplate: template });
      }
      await runAsSuperuser(server, `COMMENT ON DATABASE ${name} IS NULL`);
      await expect(staging.seed(section, changes)).rejects.toMatchObject({ exit: "refused" });
    },
  );

  test("keeps no template of files that change while they are read", async ({ staging }) => {
    await writeSeeds(staging);
    const section = {
      ...SECTION,
      seeds: ["seeds/*", { command: ["sh", "deploy.sh"], inputs: ["deploy.sh"] }],
    };
    await staging.write({ "deploy.sh": "echo \"INSERT INTO users (name) VALUES ('new')\" >> seeds/1.sql" });
    expect(await staging.seed(section)).toMatchObject({ fromTemplate: false });
    expect(staging.said).toContain("no template is kept: a file has changed since it was read");
    expect(await staging.family()).toEqual([staging.database.name, `${staging.database.name}__old`]);
  });
});

function withPrograms({ database }: Staging) {
  const environment = { PATH: `${database.server.programs}:${process.env["PATH"]}` };
  return { dependencies: { environment } };
}
