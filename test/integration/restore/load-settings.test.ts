import { describe, expect } from "vitest";
import { chooseLoadSettings } from "../../../src/restore/load/settings.ts";
import { test } from "../../support/postgres-test.ts";

describe("the sessions that load", () => {
  test("compress wide values fast in a copy, where the server can", async ({ database }) => {
    await using client = await database.connect();
    const settings = await chooseLoadSettings(client, { keepsCompression: false });
    expect(settings).toMatchObject({ synchronous_commit: "off", default_toast_compression: "lz4" });
    for (const [name, value] of Object.entries(settings)) await client.query(`SET ${name} = '${value}'`);
    await client.query(
      "CREATE TABLE wide AS SELECT repeat(md5(n::text), 200) AS text FROM generate_series(1, 5) AS n",
    );
    const rows = await client.query("SELECT DISTINCT pg_column_compression(text) AS method FROM wide");
    expect(rows).toEqual([{ method: "lz4" }]);
  });

  test("leave it as it is where it may become production", async ({ database }) => {
    await using client = await database.connect();
    const settings = await chooseLoadSettings(client, { keepsCompression: true });
    expect(settings).not.toHaveProperty("default_toast_compression");
  });
});
