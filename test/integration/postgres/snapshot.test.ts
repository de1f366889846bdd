import { describe, expect } from "vitest";
import { connect } from "../../../src/postgres/client.ts";
import { quoteLiteral } from "../../../src/postgres/quote.ts";
import { openSnapshot } from "../../../src/postgres/snapshot.ts";
import { settingsFor } from "../../support/postgres-servers.ts";
import { runAsSuperuser, test } from "../../support/postgres-test.ts";

const options = { applicationName: "dataops:test" };

describe("a snapshot", () => {
  test("stands still for whoever joins it, and writes nothing", async ({ database }) => {
    await using writer = await connect(database.settings, options);
    await writer.query("CREATE TABLE t AS SELECT 1 AS n");
    await using reader = await connect(database.settings, options);
    await using snapshot = await openSnapshot(reader);
    await writer.query("INSERT INTO t VALUES (2)");

    await using other = await connect(database.settings, options);
    await other.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    await other.query(`SET TRANSACTION SNAPSHOT ${quoteLiteral(snapshot.id)}`);
    for (const client of [snapshot.client, other]) {
      expect(await client.query("SELECT n FROM public.t")).toEqual([{ n: 1 }]);
    }
    await expect(snapshot.client.query("INSERT INTO public.t VALUES (3)")).rejects.toThrow(
      "read-only transaction",
    );
  });

  test("reads values as text that no default of the database changes, and no timeout ends it", async ({
    database,
  }) => {
    const hostile = {
      DateStyle: "German",
      IntervalStyle: "iso_8601",
      TimeZone: "Asia/Tokyo",
      bytea_output: "escape",
      extra_float_digits: "0",
      statement_timeout: "100ms",
      lock_timeout: "100ms",
      idle_in_transaction_session_timeout: "100ms",
      idle_session_timeout: "100ms",
    };
    for (const [name, value] of Object.entries(hostile)) {
      await runAsSuperuser(
        database.server,
        `ALTER DATABASE ${database.name} SET ${name} = ${quoteLiteral(value)}`,
      );
    }
    await using client = await connect(database.settings, options);
    {
      await using snapshot = await openSnapshot(client);
      const [row] = await snapshot.client.query(
        `SELECT timestamptz '2026-11-21 00:00:00+00' || '' AS instant, interval '1 day 2 hours' || '' AS interval,
                '\\x00ff'::bytea::text AS bytes, 0.1::float8 + 0.2::float8 || '' AS number, current_setting('search_path') AS path,
                current_setting('row_security') AS security, current_setting('synchronize_seqscans') AS scans FROM pg_sleep(0.3)`,
      );
      expect(row).toEqual({
        instant: "2026-11-21 00:00:00+00",
        interval: "1 day 02:00:00",
        bytes: String.raw`\x00ff`,
        number: "0.30000000000000004",
        path: "",
        security: "off",
        scans: "off",
      });
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(await snapshot.client.query("SELECT 1 AS one")).toEqual([{ one: 1 }]);
    }
    const [after] = await client.query("SELECT current_setting('TimeZone') AS zone");
    expect(after).toEqual({ zone: "Asia/Tokyo" });
  });

  test("turns every timeout off that the server has, in each version", async ({
    postgres15,
    postgres16,
    postgres18,
  }) => {
    for (const server of [postgres15, postgres16, postgres18]) {
      await using client = await connect(settingsFor(server), options);
      await client.query(
        "SELECT set_config(name, '5000', false) FROM pg_settings WHERE name ~ '^(statement|lock|transaction|idle.*session)_timeout$'",
      );
      await using snapshot = await openSnapshot(client);
      const left = await snapshot.client.query(
        "SELECT name FROM pg_settings WHERE name ~ '^(statement|lock|transaction|idle.*session)_timeout$' AND setting <> '0'",
      );
      expect(left).toEqual([]);
    }
  });

  test("is ended by its disposal; after an abort or a lost connection without a word", async ({
    database,
  }) => {
    await using observer = await connect(database.settings, options);
    const client = await connect(database.settings, options);
    const first = await openSnapshot(client);
    await first[Symbol.asyncDispose]();
    const [state] = await observer.query("SELECT state FROM pg_stat_activity WHERE pid = $1", [
      client.processId,
    ]);
    expect(state).toEqual({ state: "idle" });

    const controller = new AbortController();
    const aborted = await connect(database.settings, { ...options, signal: controller.signal });
    const ended = await openSnapshot(aborted);
    controller.abort();
    await ended[Symbol.asyncDispose]();
    await aborted[Symbol.asyncDispose]();

    const second = await openSnapshot(client);
    await observer.query("SELECT pg_terminate_backend($1, 5000)", [client.processId]);
    await second[Symbol.asyncDispose]();
    await client[Symbol.asyncDispose]();
  });
});
