import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Config } from "../../../src/config/config.ts";
import { loadConfig } from "../../../src/config/load.ts";
import type { SecretSource } from "../../../src/config/secret-reference.ts";
import { Secret } from "../../../src/config/secret.ts";
import { knownSecrets as secretsIn } from "../../../src/notices/redact.ts";
import { knownSecrets } from "../../support/known-secrets.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const WHOLE = `
storage: s3://acme/dataops
databases:
  production: { url: "secretsmanager:prod/app#url", environment: production }
  staging: { url: "postgres://app@staging/shop", password: "\${STAGING_PASSWORD}", environment: staging }
  local: { url: "postgres://localhost/app", environment: development }
notify:
  - webhook: { url: "ssm:/hooks/url", headers: { Authorization: "secretsmanager:hooks#header" } }
search: { main: { url: "https://search", username: app, password: "secretsmanager:search" } }
http: { token: "ssm:/dataops/token" }
restore: { local: { then: [ { webhook: "ssm:/hooks/then" } ] } }
indexes: { products: { database: staging, driver: { webhook: "ssm:/hooks/then" } } }
`;
const VARIABLES = { STAGING_PASSWORD: "secretsmanager:rds!db-1#password" };
const SECRETS: Readonly<Record<string, string>> = {
  "secretsmanager:prod/app#url": "postgres://app:s3ntinel-url@db/shop",
  "secretsmanager:rds!db-1#password": "s3ntinel-password",
  "ssm:/hooks/url": "https://hooks.example.com/s3ntinel-hook",
  "secretsmanager:hooks#header": "Bearer s3ntinel-header",
  "secretsmanager:search": "s3ntinel-search",
  "ssm:/dataops/token": "s3ntinel-token-0123",
  "ssm:/hooks/then": "https://then.example.com/s3ntinel-then",
};

async function load(
  text: string | undefined,
  secrets: SecretSource,
  environment: Record<string, string> = VARIABLES,
): Promise<Config> {
  const folder = await temporaryFolder("references");
  if (text !== undefined) await writeFile(join(folder, "dataops.config.yaml"), text);
  return loadConfig({ environment, workingDirectory: folder, secrets });
}

describe("what a reference stands for", () => {
  test("is put in its place wherever there can be one", async () => {
    const { databases, notify, search, http, restore, indexes } = await load(WHOLE, knownSecrets(SECRETS));
    expect((await databases["production"]?.connection.resolve())?.password?.reveal()).toBe("s3ntinel-url");
    expect(await databases["staging"]?.connection.resolve()).toMatchObject({ host: "staging", user: "app" });
    expect(databases["staging"]?.connection.peek()?.password?.reveal()).toBe("s3ntinel-password");
    expect(await notify[0]?.settings.resolve()).toEqual({
      kind: "webhook",
      url: new Secret("https://hooks.example.com/s3ntinel-hook"),
      headers: { Authorization: new Secret("Bearer s3ntinel-header") },
    });
    const engine = await search["main"]?.connection.resolve();
    expect(engine?.authentication).toMatchObject({ kind: "basic", username: "app" });
    expect(engine?.authentication.kind === "basic" && engine.authentication.password.reveal()).toBe(
      "s3ntinel-search",
    );
    expect((await http.credentials?.resolve())?.token?.reveal()).toBe("s3ntinel-token-0123");
    const [then] = restore["local"]?.thenJobs ?? [];
    expect(then !== undefined && "webhook" in then && (await then.webhook.resolve()).reveal()).toBe(
      "https://then.example.com/s3ntinel-then",
    );
    const driver = indexes["products"]?.driver;
    expect(
      typeof driver === "object" && "webhook" in driver && (await driver.webhook.resolve()).reveal(),
    ).toBe("https://then.example.com/s3ntinel-then");
  });

  test("is asked for when it is needed, and nothing else is", async () => {
    const secrets = knownSecrets(SECRETS);
    const { databases, notify, http, search } = await load(WHOLE, secrets);
    expect(await databases["local"]?.connection.resolve()).toMatchObject({ host: "localhost" });
    for (const value of [databases["production"]?.connection, notify[0]?.settings, http.credentials]) {
      expect(value?.peek()).toBeUndefined();
    }
    expect(search["main"]?.connection.references().map(({ text }) => text)).toEqual([
      "secretsmanager:search",
    ]);
    expect(secrets.events).toEqual([]);
    await databases["production"]?.connection.resolve();
    expect(secrets.events).toEqual(["read secretsmanager:prod/app#url"]);
  });

  test("is asked for anew, so that a rotated one is seen", async () => {
    const secrets = { ...SECRETS };
    const { databases } = await load(WHOLE, knownSecrets(secrets));
    await databases["production"]?.connection.resolve();
    secrets["secretsmanager:prod/app#url"] = "postgres://app:rotated@db/shop";
    expect((await databases["production"]?.connection.resolve())?.password?.reveal()).toBe("rotated");
  });

  test("may be named by a variable, also where there is no file", async () => {
    const { databases } = await load(undefined, knownSecrets(SECRETS), {
      DATABASE_URL: "secretsmanager:prod/app#url",
    });
    expect(await databases["production"]?.connection.resolve()).toMatchObject({ host: "db" });
    const byParts = await load(undefined, knownSecrets(SECRETS), {
      DB_HOST: "db",
      DB_PASSWORD: "secretsmanager:rds!db-1#password",
    });
    expect((await byParts.databases["production"]?.connection.resolve())?.password?.reveal()).toBe(
      "s3ntinel-password",
    );
  });

  test("is not looked at again: a value that looks like a reference or a variable is a value", async () => {
    const text =
      'databases: { production: { url: "postgres://db/x", password: "ssm:/p", environment: production } }';
    for (const value of ["ssm:/other", "${HOME}"]) {
      const { databases } = await load(text, knownSecrets({ "ssm:/p": value }));
      expect((await databases["production"]?.connection.resolve())?.password?.reveal()).toBe(value);
    }
  });

  test("is taken out of notices once it is known", async () => {
    const config = await load(WHOLE, knownSecrets(SECRETS));
    expect(secretsIn(config, {})).not.toContain("s3ntinel-url");
    await config.databases["production"]?.connection.resolve();
    await config.search["main"]?.connection.resolve();
    expect(secretsIn(config, {})).toEqual(expect.arrayContaining(["s3ntinel-url", "s3ntinel-search"]));
  });
});

test("a reference is shown as where a value is from, and nothing of the value", async () => {
  const config = await load(WHOLE, knownSecrets(SECRETS));
  await Promise.all(Object.values(config.databases).map(({ connection }) => connection.resolve()));
  const shown = (path: string) => config.origins.find((one) => one.path === path);
  expect(shown("databases.production.url")).toEqual({
    path: "databases.production.url",
    shown: "[redacted]",
    origin: "dataops.config.yaml:4:22, from secretsmanager:prod/app#url",
  });
  expect(shown("databases.staging.password")).toMatchObject({
    shown: "[redacted]",
    origin: expect.stringContaining(
      ", from ${STAGING_PASSWORD}, secretsmanager:rds!db-1#password",
    ) as unknown,
  });
  expect(shown("http.token")?.origin).toContain(", from ssm:/dataops/token");
  expect(JSON.stringify(config)).not.toContain("s3ntinel");
});

test.each([
  ['url: "secretsmanager:prod app"', {}, "a reference to a secret is written"],
  ['url: "ssm:/json"', { "ssm:/json": '{"username":"s3ntinel"}' }, "the secret is a JSON object, and no URL"],
  ['url: "ssm:/text"', { "ssm:/text": "s3ntinel" }, "this is no PostgreSQL URL"],
  ['url: "postgres://a:b@db/x", password: "ssm:/p"', { "ssm:/p": "s3ntinel" }, "a password in the URL"],
])("%s is refused by its place", async (keys, secrets, message) => {
  const { databases } = await load(
    `databases: { production: { ${keys}, environment: production } }`,
    knownSecrets(secrets),
  );
  const resolving = databases["production"]?.connection.resolve() ?? Promise.resolve();
  await expect(resolving).rejects.toMatchObject({ exit: "usage" });
  await expect(resolving).rejects.toThrow(`databases.production.url in dataops.config.yaml: ${message}`);
  await expect(resolving).rejects.not.toThrow("s3ntinel");
});
