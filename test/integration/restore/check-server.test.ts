import { expect, test } from "vitest";
import { connect } from "../../../src/postgres/client.ts";
import { checkVerifyServer } from "../../../src/restore/verify/check-server.ts";
import { settingsFor, startPostgres } from "../../support/postgres-servers.ts";

/** On a server of its own: on a shared one other tests could verify no more. */
test("a backup is not restored to be verified where a database says that it is production", async () => {
  await using server = await startPostgres({ version: 15 });
  await using client = await connect(settingsFor(server), { applicationName: "test" });
  const check = () =>
    checkVerifyServer(client, {
      configuredName: "spare",
      environment: "staging",
      sourceSystemIdentifier: "1",
      allowSourceServer: false,
    });
  const says = async (statement: string): Promise<void> => void (await client.query(statement));
  await says("CREATE DATABASE shop");
  await check();

  for (const [production, staging] of [
    [
      "ALTER DATABASE shop SET dataops.environment = 'production'",
      "ALTER DATABASE shop SET dataops.environment = 'staging'",
    ],
    [
      "COMMENT ON DATABASE shop IS 'ask ops\n[dataops: environment prod]'",
      "COMMENT ON DATABASE shop IS '[dataops: environment staging]'",
    ],
  ] as const) {
    await says(production);
    await expect(check()).rejects.toMatchObject({
      exit: "refused",
      message: "database shop on the server of spare is stamped as production",
    });
    await says(staging);
    await check();
  }
});
