import { expect } from "vitest";
import { test } from "../support/e2e-test.ts";
import { startReceiver } from "../support/http-receiver.ts";
import { urlFor } from "../support/postgres-servers.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";

/** Says what Secrets Manager says of a secret that holds `url`. */
function secretHolding(url: string) {
  return startReceiver((response) => {
    response.setHeader("content-type", "application/x-amz-json-1.1");
    response.end(JSON.stringify({ Name: "prod/app", SecretString: JSON.stringify({ url }) }));
  });
}

test("the program takes production's URL from Secrets Manager, where it needs it, and shows nothing of it", async ({
  database,
  dataops,
}) => {
  const url = urlFor(database.server, database.name);
  await using secrets = await secretHolding(url);
  const environment = {
    AWS_ENDPOINT_URL: secrets.origin,
    AWS_REGION: "eu-west-1",
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "s3ntinel",
  };
  const config = {
    storage: `file://${await temporaryFolder("references")}`,
    databases: { production: { url: "secretsmanager:prod/app#url", environment: "production" } },
    backup: { production: { format: "archive" } },
  };
  const listed = await dataops.run(["list"], { environment, config });
  expect(listed).toMatchObject({ code: 0 });
  expect(secrets.received).toHaveLength(0);

  const made = await dataops.run(["backup"], { environment, config });
  expect(made, made.stderr).toMatchObject({ code: 0 });
  expect(secrets.received).toHaveLength(1);
  expect(JSON.parse(secrets.received[0]?.body ?? "")).toEqual({ SecretId: "prod/app" });
  for (const { stdout, stderr } of [listed, made]) expect(stdout + stderr).not.toMatch(/s3ntinel/);
});
