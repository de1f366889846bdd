import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { loadConfig } from "../../../src/config/load.ts";
import type { Config, SearchConnection } from "../../../src/config/config.ts";
import type { GivenSearch } from "../../../src/config/schema.ts";
import { searchConnection } from "../../../src/config/search.ts";
import { Secret } from "../../../src/config/secret.ts";

const PLACE = { origin: "search.main in dataops.config.yaml", folder: "/etc/app" };

function connectionOf(given: GivenSearch, environment: Record<string, string> = {}): SearchConnection {
  return searchConnection(given, { ...PLACE, environment }, (text) => text);
}

const AMAZON = "https://search-shop-abc.eu-west-1.es.amazonaws.com";
const COLLECTION = "https://abc.us-east-1.aoss.amazonaws.com";

test.for<[GivenSearch, Record<string, string>, object]>([
  [{ url: "http://localhost:9200" }, {}, { kind: "none" }],
  [
    { url: "https://me:s%3Acret@host" },
    {},
    { kind: "basic", username: "me", password: new Secret("s:cret") },
  ],
  [
    { url: "https://host", username: "${U}", password: "${P}" },
    { U: "me", P: "a b" },
    { kind: "basic", username: "me" },
  ],
  [{ url: AMAZON, auth: "sigv4" }, {}, { kind: "sigv4", region: "eu-west-1", service: "es" }],
  [{ url: COLLECTION, auth: "sigv4" }, {}, { kind: "sigv4", region: "us-east-1", service: "aoss" }],
  [{ url: AMAZON, auth: "sigv4", region: "us-west-2" }, {}, { region: "us-west-2" }],
  [
    { url: "https://search.shop.example", auth: "sigv4" },
    { AWS_REGION: "eu-north-1" },
    { region: "eu-north-1", service: "es" },
  ],
])("%o is known by", ([given, environment, expected]) => {
  expect(connectionOf(given, environment).authentication).toMatchObject(expected);
});

test.for<[GivenSearch, string]>([
  [{ url: "localhost:9200" }, "url is no http(s) URL"],
  [{ url: "https://host/?a=b" }, "url is no http(s) URL"],
  [{ url: "https://s3cret@host" }, "basic needs a user and a password"],
  [
    { url: "https://a:s3cret@host", username: "b", password: "s3cret" },
    "a user or a password is given twice",
  ],
  [{ url: "https://a:s3cret@host", auth: "none" }, "a user or a password beside auth: none"],
  [{ url: "https://a:s3cret@host", auth: "sigv4" }, "a user or a password beside auth: sigv4"],
  [{ url: "https://host", auth: "basic" }, "basic needs a user and a password"],
  [{ url: "https://host", auth: "sigv4" }, "no region is known"],
  [{ url: "https://host", region: "eu-west-1" }, "region and service are for auth: sigv4"],
  [{ url: "https://a:%ff@host" }, "the user or the password in the URL is malformed"],
  [{ url: "${NOT_SET}" }, "url: the variable NOT_SET is not set"],
])("%o is refused: %s", ([given, message]) => {
  let failure: unknown;
  try {
    connectionOf(given);
  } catch (error) {
    failure = error;
  }
  expect(failure).toMatchObject({ exit: "usage", message: `search.main in dataops.config.yaml: ${message}` });
  expect(inspect(failure)).not.toContain("s3cret");
});

test("the URL keeps its path and loses its credentials; certificates are relative to the file", () => {
  const connection = connectionOf({
    url: "https://me:s3cret@host:9243/search/",
    ca: "certificates/search.pem",
  });
  expect(connection).toMatchObject({
    url: "https://host:9243/search",
    certificateFile: "/etc/app/certificates/search.pem",
  });
  expect(inspect(connection) + JSON.stringify(connection)).not.toContain("s3cret");
});

test("a configuration shows no password, and needs the engine's variables only where it is used", async () => {
  const written = `search:
  main: { url: "https://host:9200", username: "\${SEARCH_USER}", password: "\${SEARCH_PASSWORD}" }
  other: { url: "https://me:s3cret@host" }
  third: { url: "\${NOT_SET}" }
`;
  const config = await load(written, { SEARCH_USER: "reindex", SEARCH_PASSWORD: "s3cret" });
  expect(JSON.stringify(config.origins)).not.toContain("s3cret");
  expect(config.origins).toEqual(
    expect.arrayContaining([
      { path: "search.main.url", shown: "https://host:9200", origin: "dataops.config.yaml:2:16" },
      {
        path: "search.main.username",
        shown: "reindex",
        origin: expect.stringContaining("from ${SEARCH_USER}"),
      },
      {
        path: "search.main.password",
        shown: "[redacted]",
        origin: expect.stringContaining("from ${SEARCH_PASSWORD}"),
      },
      { path: "search.other.url", shown: "https://host", origin: "dataops.config.yaml:3:17" },
    ]),
  );
  expect(config.search["main"]?.connection.peek()?.authentication).toMatchObject({
    password: new Secret("s3cret"),
  });
  expect(() => config.search["third"]?.connection.peek()).toThrow(/NOT_SET/);
});

test("an unknown key is named with its place", async () => {
  const loading = load('search: { main: { url: "https://host", user: "me" } }', {});
  await expect(loading).rejects.toThrow(/dataops\.config\.yaml:1:\d+: search\.main: unknown key "user"/);
});

async function load(text: string, environment: Record<string, string>): Promise<Config> {
  const folder = await mkdtemp(join(tmpdir(), "dataops-config-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, "dataops.config.yaml"), text);
  return loadConfig({ environment, workingDirectory: folder });
}
