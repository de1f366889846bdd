import { createServer as createHttpsServer } from "node:https";
import { createServer, request } from "node:http";
import { readFile } from "node:fs/promises";
import { inspect } from "node:util";
import { expect, vi } from "vitest";
import { Secret } from "../../../src/config/secret.ts";
import { awsCredentialChain } from "../../../src/search/aws-credentials.ts";
import { DEFAULT_BACKOFF } from "../../../src/search/backoff.ts";
import { openBulkSender } from "../../../src/search/bulk-sender.ts";
import { retrying } from "../../../src/search/retrying.ts";
import { makeCertificates } from "../../support/certificates.ts";
import { listen } from "../../support/ports.ts";
import type { SearchFault, SearchFaultRule } from "../../support/search-proxy.ts";
import {
  documents,
  openTestEngine,
  searchTest,
  TEST_MAPPINGS,
  TEST_SETTINGS,
} from "../../support/search-test.ts";

const test = searchTest("opensearch-2");
const BODY = { mappings: TEST_MAPPINGS, settings: TEST_SETTINGS };

/** As Amazon's gateway says it. */
const EXPIRED: SearchFault = {
  kind: "answer",
  status: 403,
  body: { message: "The security token included in the request is expired" },
};

/** Hands out keys as a container's agent does: another pair each time. */
async function startAgent(lifetime: number): Promise<AsyncDisposable & { url: string; given: () => number }> {
  let given = 0;
  const server = createServer((_, response) => {
    given += 1;
    response.setHeader("content-type", "application/json").end(
      JSON.stringify({
        AccessKeyId: `KEY${given}`,
        SecretAccessKey: `s3ntinel-secret-${given}`,
        Token: `s3ntinel-token-${given}`,
        Expiration: new Date(Date.now() + lifetime).toISOString(),
      }),
    );
  });
  const port = await listen(server);
  return {
    url: `http://127.0.0.1:${port}/keys`,
    given: () => given,
    [Symbol.asyncDispose]: () => new Promise((resolve) => void server.close(() => resolve())),
  };
}

function useAgent(url: string): void {
  for (const name of ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"])
    vi.stubEnv(name, undefined);
  vi.stubEnv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url);
  vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent");
  vi.stubEnv("AWS_CONFIG_FILE", "/nonexistent");
}

function keyOf({ headers }: Parameters<SearchFaultRule>[0]): string | undefined {
  return /Credential=(\w+)\/\d+\/eu-west-1\/es\/aws4_request/.exec(headers.authorization ?? "")?.[1];
}

test("credentials that the gateway calls expired are renewed, once, in the middle of a run", async ({
  faulty,
  alias,
  onTestFinished,
}) => {
  await using agent = await startAgent(3_600_000);
  useAgent(agent.url);
  onTestFinished(() => void vi.unstubAllEnvs());
  let valid = "KEY1";
  const credentials = awsCredentialChain();
  const { engine, proxy } = await faulty((seen) => (keyOf(seen) === valid ? undefined : EXPIRED), {
    authentication: { kind: "sigv4", region: "eu-west-1", service: "es", credentials },
  });
  const patient = retrying(engine, { backoff: DEFAULT_BACKOFF, attempts: 3 });
  await patient.createIndex(alias, BODY);
  const sender = openBulkSender(patient, alias, { jobs: 2 });
  await sender.send(documents(0, 10));
  valid = "KEY2";
  await sender.send(documents(10, 20));
  await patient.refresh(alias);
  expect(await patient.count(alias)).toBe(20);
  expect(agent.given()).toBe(2);
  expect(proxy.requests.map(({ headers }) => headers["x-amz-security-token"])).toContain("s3ntinel-token-2");

  valid = "none";
  const failure: unknown = await sender.send(documents(20, 21)).catch((error: unknown) => error);
  expect(failure).toMatchObject({
    exitCode: 12,
    kind: "expired",
    hint: expect.stringContaining("log in again"),
  });
  const whole: unknown = await patient.count(alias).catch((error: unknown) => error);
  expect(whole).toMatchObject({ exitCode: 12 });
  expect(inspect([failure, whole], { depth: 20, showHidden: true })).not.toContain("s3ntinel");
});

test("credentials are renewed before their own end", async ({ faulty, alias, onTestFinished }) => {
  // Less than the five minutes at which the chain begins to ask again.
  await using agent = await startAgent(60_000);
  useAgent(agent.url);
  onTestFinished(() => void vi.unstubAllEnvs());
  const credentials = awsCredentialChain();
  const { engine, proxy } = await faulty(() => undefined, {
    authentication: { kind: "sigv4", region: "eu-west-1", service: "es", credentials },
  });
  await engine.createIndex(alias, BODY);
  for (let round = 0; round < 5; round += 1) await engine.count(alias);
  const keys = new Set(proxy.requests.map(keyOf));
  expect(keys.size).toBeGreaterThan(1);
  expect(keys).not.toContain(undefined);
});

test("without any credentials it says so", async ({ faulty, onTestFinished }) => {
  useAgent("");
  vi.stubEnv("AWS_CONTAINER_CREDENTIALS_FULL_URI", undefined);
  vi.stubEnv("AWS_EC2_METADATA_DISABLED", "true");
  onTestFinished(() => void vi.unstubAllEnvs());
  const credentials = awsCredentialChain();
  const { engine, proxy } = await faulty(() => undefined, {
    authentication: { kind: "sigv4", region: "eu-west-1", service: "es", credentials },
  });
  await expect(engine.info()).rejects.toMatchObject({
    exitCode: 12,
    message: expect.stringContaining("no AWS credentials"),
  });
  expect(proxy.requests).toEqual([]);
});

test("a user and a password are sent, and shown to nobody", async ({ faulty, alias }) => {
  const password = "s3ntinel@:/#%&'$\" word";
  const header = `Basic ${Buffer.from(`reindex:${password}`).toString("base64")}`;
  const { engine } = await faulty(
    ({ headers, path }) => {
      if (headers.authorization !== header) return { kind: "answer", status: 401, body: "Unauthorized" };
      return path.endsWith("_count") ? { kind: "reset" } : undefined;
    },
    { authentication: { kind: "basic", username: "reindex", password: new Secret(password) } },
  );
  await engine.createIndex(alias, BODY);
  const reset: unknown = await engine.count(alias).catch((error: unknown) => error);
  expect(reset).toMatchObject({ exitCode: 16 });
  const shown = inspect([reset, engine], { depth: 20, showHidden: true });
  expect(shown).not.toContain("s3ntinel");
  expect(shown).not.toContain(header.slice("Basic ".length));

  const { engine: stranger } = await faulty(() => ({ kind: "answer", status: 401, body: "Unauthorized" }));
  await expect(stranger.info()).rejects.toMatchObject({ exitCode: 12, kind: "not-permitted" });
});

test("only certificates that are trusted are", async ({ search, alias }) => {
  await using certificates = await makeCertificates("localhost");
  const options = { cert: await readFile(certificates.certificate), key: await readFile(certificates.key) };
  const { hostname, port: target } = new URL(search.url);
  const server = createHttpsServer(options, (incoming, outgoing) => {
    const { method, url: path, headers } = incoming;
    const onward = request({ host: hostname, port: target, method, path, headers }, (response) => {
      outgoing.writeHead(response.statusCode ?? 500, response.headers);
      response.pipe(outgoing);
    });
    incoming.pipe(onward);
  });
  const url = `https://localhost:${await listen(server)}`;
  const trusting = openTestEngine(url, { certificates: await readFile(certificates.root, "utf8") });
  await trusting.createIndex(alias, BODY);
  expect(await trusting.count(alias)).toBe(0);
  const wary = openTestEngine(url);
  await expect(wary.count(alias)).rejects.toMatchObject({
    kind: "unreachable",
    hint: expect.stringContaining("ca"),
  });
  await Promise.all([trusting.close(), wary.close()]);
  server.closeAllConnections();
  server.close();
});
