import { describe, expect } from "vitest";
import { readTableFacts } from "../../../../src/backup/blocks/eligible.ts";
import type { ConnectionSettings } from "../../../../src/config/connection.ts";
import { Secret } from "../../../../src/config/secret.ts";
import { connect } from "../../../../src/postgres/client.ts";
import { test, uniqueName, type TestDatabase } from "../../../support/postgres-test.ts";
import { backUpInto, keysIn } from "../../../support/run-backup.ts";
import { temporaryFolder } from "../../../support/temporary-folder.ts";

describe("a role that may not read everything", () => {
  /** Settings of a new role, which may do what `grants` say; `ROLE` in them is its name. */
  async function withRole(
    database: TestDatabase,
    grants: string,
    use: (settings: ConnectionSettings) => Promise<void>,
  ): Promise<void> {
    const role = uniqueName("reader");
    const client = await database.connect();
    await client.query(`CREATE ROLE ${role} LOGIN PASSWORD 'secret'; ${grants.replaceAll("ROLE", role)}`);
    try {
      await use({ ...database.settings, user: role, password: new Secret("secret") });
    } finally {
      await client.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    }
  }

  async function factsAs(settings: ConnectionSettings): Promise<Record<string, boolean>> {
    await using client = await connect(settings, { applicationName: "test" });
    const facts = await readTableFacts(client);
    return Object.fromEntries(facts.map(({ name, isReadable }) => [name, isReadable]));
  }

  test("is told the tables that it may read as a whole", async ({ database }) => {
    const client = await database.connect();
    await client.query(`
      CREATE TABLE all_rights (id int, note text);
      CREATE TABLE all_columns (id int, note text);
      CREATE TABLE one_column (id int, note text);
      CREATE TABLE only_writable (id int, note text);
      CREATE TABLE no_rights (id int, note text)`);
    const grants = `
      GRANT SELECT ON all_rights TO ROLE;
      GRANT SELECT (id, note) ON all_columns TO ROLE;
      GRANT SELECT (id) ON one_column TO ROLE;
      GRANT INSERT, UPDATE, DELETE, TRUNCATE ON only_writable TO ROLE`;
    await withRole(database, grants, async (settings) => {
      expect(await factsAs(settings)).toEqual({
        all_rights: true,
        all_columns: false,
        one_column: false,
        only_writable: false,
        no_rights: false,
      });
    });
  });

  for (const format of ["archive", "blocks"] as const) {
    test.for([
      {
        what: "that may read one column",
        grants: "GRANT SELECT (id) ON orders TO ROLE",
        message: "permission denied for table orders",
      },
      {
        what: "from which row-level security hides rows",
        grants: "GRANT pg_read_all_data TO ROLE; ALTER TABLE orders ENABLE ROW LEVEL SECURITY",
        message: 'query would be affected by row-level security policy for table "orders"',
      },
      {
        what: "that owns a table, whose policies are for the owner, too",
        grants:
          "GRANT CREATE ON SCHEMA public TO ROLE; ALTER TABLE orders OWNER TO ROLE; ALTER TABLE orders ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
        message: 'query would be affected by row-level security policy for table "orders"',
      },
    ])(`gets no backup as ${format}: one $what`, async ({ grants, message }, { database }) => {
      const client = await database.connect();
      await client.query("CREATE TABLE orders AS SELECT 1 AS id, 'x' AS note");
      const folder = await temporaryFolder("refused");
      await withRole(database, grants, async (settings) => {
        await expect(backUpInto(folder, settings, { format })).rejects.toMatchObject({
          exit: "notPermitted",
          message: expect.stringContaining(message),
        });
      });
      expect(await keysIn(folder)).toEqual([]);
    });
  }
});
