import { expect, test } from "vitest";
import { loadText } from "../../support/config-file.ts";

const HOST = "app.c9akciq32.eu-west-1.rds.amazonaws.com";
const URL = `postgres://backup@${HOST}/app?sslmode=verify-full`;

async function connectionOf(keys: string, environment: Record<string, string> = {}) {
  const config = await loadText(
    `databases: { production: { ${keys}, auth: rds-iam, environment: production } }`,
    environment,
  );
  return config.databases["production"]?.connection.peek();
}

test.each([
  ["the host's name", `url: "${URL}"`, {}, "eu-west-1"],
  [
    "the name of a proxy",
    'url: "postgres://backup@p.proxy-abc.us-gov-west-1.rds.amazonaws.com/app?sslmode=require"',
    {},
    "us-gov-west-1",
  ],
  [
    "a name in China",
    'url: "postgres://b@app.abc.cn-north-1.rds.amazonaws.com.cn/app?sslmode=verify-ca"',
    {},
    "cn-north-1",
  ],
  ["the setting, before all", `url: "${URL}", region: us-east-2`, { AWS_REGION: "us-east-1" }, "us-east-2"],
  [
    "the environment, where the name does not tell",
    'url: "postgres://b@db.internal/app?sslmode=require"',
    { AWS_REGION: "us-east-1" },
    "us-east-1",
  ],
])("the region is that of %s", async (_, keys, environment, region) => {
  expect(await connectionOf(keys, environment)).toMatchObject({ rdsToken: { region }, password: undefined });
});

test("a password in the shell is for another server", async () => {
  expect(await connectionOf(`url: "${URL}"`, { PGPASSWORD: "s3ntinel" })).toMatchObject({
    password: undefined,
    rdsToken: { region: "eu-west-1" },
  });
});

test.each([
  [`url: "postgres://backup@${HOST}/app"`, "refused", "auth: rds-iam needs TLS, and sslmode is prefer"],
  [`url: "postgres://backup@${HOST}/app?sslmode=allow"`, "refused", "sslmode is allow"],
  [`url: "postgres://backup@${HOST}/app?sslmode=disable"`, "refused", "sslmode is disable"],
  [
    `url: "postgres://backup:s3ntinel@${HOST}/app?sslmode=require"`,
    "usage",
    "a password beside auth: rds-iam",
  ],
  [`url: "${URL}", password: s3ntinel`, "usage", "a password beside auth: rds-iam"],
  ['url: "postgres:///app?host=/tmp&sslmode=require"', "usage", "needs a host, and there is a socket"],
  ['url: "postgres://b@db.internal/app?sslmode=require"', "usage", "no region is known"],
])("%s is refused", async (keys, exit, message) => {
  const asking = connectionOf(keys);
  await expect(asking).rejects.toMatchObject({ exit });
  await expect(asking).rejects.toThrow(message);
  await expect(asking).rejects.not.toThrow("s3ntinel");
});

test("a region is for tokens alone", async () => {
  const config = await loadText(
    `databases: { production: { url: "${URL}", region: us-east-1, environment: production } }`,
  );
  expect(() => config.databases["production"]?.connection.peek()).toThrow("region is for auth: rds-iam");
});
