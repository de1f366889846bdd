import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { changesIn, test } from "../../support/e2e-guard.ts";
import { backUp, localDatabase, traces } from "../../support/e2e-laptop.ts";
import { followLog } from "../../support/postgres-servers.ts";
import { runAsSuperuser, uniqueName } from "../../support/postgres-test.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

/** What a schema has beside tables, and rows that must not come along. */
const SHOP = `
  CREATE EXTENSION IF NOT EXISTS pgcrypto;
  CREATE TYPE mood AS ENUM ('happy', 'sad');
  CREATE TABLE users (id serial PRIMARY KEY, email text UNIQUE NOT NULL, mood mood DEFAULT 'happy');
  CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, user_id int REFERENCES users);
  CREATE INDEX orders_user ON orders (user_id);
  CREATE FUNCTION user_count() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM users';
  CREATE VIEW happy AS SELECT * FROM users WHERE mood = 'happy';
  INSERT INTO users (email) SELECT 'user' || i || '@shop.test' FROM generate_series(1, 5000) AS i;
  INSERT INTO orders (user_id) SELECT id FROM users;`;

test("a reset can have the schema of production's latest backup, and none of its rows", async ({
  production,
  laptop,
  dataops,
}) => {
  await production.query(SHOP);
  await backUp(production, production.folder);
  const staging = localDatabase(laptop, uniqueName("staging"));
  const seeds = join(await temporaryFolder("seeds"), "010_users.csv");
  await writeFile(seeds, "email\nada@staging.test\nbob@staging.test\n");
  const options = (url: string) => ({
    environment: { DATAOPS_STORAGE: `file://${production.folder}`, STAGING_DATABASE_URL: url },
    config: {
      storage: "${DATAOPS_STORAGE}",
      databases: { staging: { url: "${STAGING_DATABASE_URL}", environment: "staging" } },
      seed: {
        staging: { schema: { backup: "production" }, seeds: [seeds], expect: { users: 2, orders: 0 } },
      },
    },
  });
  try {
    for (const fromTemplate of [false, true]) {
      const exit = await dataops.run(["seed", "staging", "--json"], options(staging.url));
      expect(exit, exit.stderr).toMatchObject({ code: 0 });
      expect(exit.json()).toMatchObject({ fromTemplate });
      expect(await staging.query("SELECT id, email, mood FROM happy")).toEqual([
        { id: 1, email: "ada@staging.test", mood: "happy" },
        { id: 2, email: "bob@staging.test", mood: "happy" },
      ]);
      const [row] = await staging.query(
        "INSERT INTO orders (user_id) VALUES (1) RETURNING id::int, user_count()::int",
      );
      expect(row).toEqual({ id: 1, user_count: 2 });
      expect(await traces(laptop)).toEqual([]);
    }
    // A new backup is another schema, as far as anybody can know.
    await production.query("ALTER TABLE users ADD COLUMN phone text");
    await backUp(production, production.folder);
    const again = await dataops.run(["seed", "staging", "--json"], options(staging.url));
    expect(again.json()).toMatchObject({ fromTemplate: false });
    expect(await staging.query("SELECT phone FROM users")).toHaveLength(2);

    // Stamped wrongly, production is still what the backup was made of.
    await runAsSuperuser(laptop, `ALTER DATABASE ${production.name} SET dataops.environment = 'staging'`);
    const log = await followLog(laptop);
    const refused = await dataops.run(["seed", "staging", "--force"], options(production.url));
    expect(refused, refused.stderr).toMatchObject({ code: 13 });
    expect(refused.stderr).toContain("is the one that the backup was made of");
    expect(changesIn(await log.read())).toEqual([]);
  } finally {
    await staging.drop();
  }
});
