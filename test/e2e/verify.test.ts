import { expect, vi } from "vitest";
import { archiveKey, manifestKey, packKey, verificationKey } from "../../src/repository/keys.ts";
import type { Manifest } from "../../src/repository/manifest.ts";
import { parseRun } from "../../src/repository/run-record.ts";
import {
  parseVerification,
  type Verification,
  type VerificationResult,
} from "../../src/repository/verification.ts";
import type { DataopsExit } from "../support/dataops-process.ts";
import type { TestBucket } from "../support/e2e-bucket.ts";
import { createBulk } from "../support/e2e-database.ts";
import { localDatabase, manifestIn, test, traces } from "../support/e2e-laptop.ts";
import { environmentOf, expectOneLine, type Dataops } from "../support/e2e-test.ts";
import { urlFor } from "../support/postgres-servers.ts";
import type { TestDatabase } from "../support/postgres-test.ts";
import type { SharedPostgres } from "../support/shared-servers.ts";

const LONG = 120_000;

/** Production, and a place to restore its backups to verify them: on another server, unless `server` says production's. */
function configFor(server = "spare"): Record<string, unknown> {
  return {
    storage: "${DATAOPS_STORAGE}",
    databases: {
      production: { url: "${DATABASE_URL}", environment: "production" },
      beside: { url: "${DATABASE_URL}_beside", environment: "staging" },
      spare: { url: "${SPARE_URL}", environment: "staging" },
    },
    verify: { production: { server } },
  };
}

interface Site {
  run(args: readonly string[], server?: string, changes?: Record<string, string>): Promise<DataopsExit>;
  start(args: readonly string[]): ReturnType<Dataops["start"]>;
}

function siteOf(database: TestDatabase, bucket: TestBucket, laptop: SharedPostgres, dataops: Dataops): Site {
  const spare = localDatabase(laptop);
  const environment = environmentOf(database, bucket, { SPARE_URL: urlFor(laptop, spare.name) });
  return {
    run: (args, server, changes) =>
      dataops.run(args, { environment: { ...environment, ...changes }, config: configFor(server) }),
    start: (args) => dataops.start(args, { environment, config: configFor() }),
  };
}

async function kept(bucket: TestBucket, { id }: Pick<Manifest, "id">): Promise<Verification> {
  return parseVerification(await bucket.read(verificationKey("production", id)), "here");
}

function resultsIn(exit: DataopsExit): (VerificationResult & { backup: string })[] {
  // eslint-disable-next-line typescript/no-unsafe-type-assertion -- what it holds is what the tests look at
  return (exit.json() as { verifications: (VerificationResult & { backup: string })[] }).verifications;
}

const ROWS = `CREATE TABLE notes AS SELECT id, md5(id::text) || md5('x' || id) AS note FROM generate_series(1, 60000) AS id;
  CREATE TABLE things (id int PRIMARY KEY, at timestamptz DEFAULT now()); INSERT INTO things SELECT generate_series(1, 10)`;

test(
  "reads, restores on another server, and keeps what both came to",
  { timeout: LONG },
  async ({ database, bucket, laptop, dataops }) => {
    const client = await database.connect();
    await client.query(ROWS);
    const site = siteOf(database, bucket, laptop, dataops);
    const first = manifestIn(await site.run(["backup", "production", "--json"]));
    expect(first.blocks?.tables.map(({ name }) => name)).toEqual(["notes"]);

    const restored = await site.run(["verify", "--restore", "--json"]);
    expect(restored, restored.stderr).toMatchObject({ code: 0 });
    const [measured] = resultsIn(restored);
    expect(measured).toMatchObject({ kind: "restore", state: "passed", backup: first.id, remarks: [] });
    expect(measured?.restoreTime).toBeGreaterThan(50);
    expect(measured?.restoreTime).toBeLessThan(restored.took);
    expect(measured?.bytesRead).toBeGreaterThan(1_000_000);
    expect(measured?.serverVersion).toMatch(/^15\./);
    expect(await traces(laptop)).toEqual([]);

    const read = await site.run(["verify"]);
    expect(read, read.stderr).toMatchObject({ code: 0 });
    expect(read.stdout).toMatch(
      new RegExp(`^verified ${first.id} of production: every byte of it is right, [\\d.]+ MB read in `),
    );
    expect((await kept(bucket, first)).results.map(({ kind, state }) => `${kind} ${state}`)).toEqual([
      "read passed",
      "restore passed",
    ]);

    // One that cannot be tried is told, and takes nothing from what was proven.
    const refused = await site.run(["verify", "--restore"], "beside");
    expect(refused).toMatchObject({ code: 13, stdout: "" });
    expectOneLine(refused);
    expect(refused.stderr).toContain("is the one that the backup was made of");
    const away = await site.run(["verify", "--restore"], "spare", {
      SPARE_URL: "postgres://localhost:1/spare",
    });
    expect(away).toMatchObject({ code: 16, stdout: "" });
    expect(
      (await kept(bucket, first)).results.map(({ kind, state, exit }) => `${kind} ${state} ${exit}`),
    ).toEqual(["restore not-run unreachable", "read passed done", "restore passed done"]);

    const listed = await site.run(["list"]);
    expect(listed.stdout).toMatch(/VERIFIED\n.* restored\n$/);
    const shown = await site.run(["show", "latest"]);
    expect(shown.stdout).toMatch(/^read +passed [\d.]+ s ago$/m);
    expect(shown.stdout).toMatch(
      /^restored +passed [\d.]+ s ago, in [\d.]+ s; could not run [\d.]+ s ago: .*localhost/m,
    );
  },
);

test(
  "a bit that flipped in an old pack fails each backup that needs it",
  { timeout: LONG },
  async ({ database, bucket, laptop, dataops }) => {
    const client = await database.connect();
    await client.query(ROWS);
    const site = siteOf(database, bucket, laptop, dataops);
    const backUp = async (): Promise<Manifest> =>
      manifestIn(await site.run(["backup", "production", "--json"]));
    const first = await backUp();
    await client.query("INSERT INTO notes VALUES (0, 'one more')");
    const second = await backUp();
    const pack = packKey("production", `${first.id}-1`);
    const content = await bucket.read(pack);
    content.writeUInt8(content.readUInt8(100) ^ 1, 100);
    await bucket.write(pack, content);

    const all = await site.run(["verify", "--all", "--json"]);
    expect(all, all.stderr).toMatchObject({ code: 14 });
    const expected = { object: pack, offset: 0, table: "public.notes", range: { from: "0,0" } };
    expect(resultsIn(all)).toMatchObject([
      { backup: second.id, state: "failed", exit: "corrupt", findingsInAll: 1, findings: [expected] },
      { backup: first.id, state: "failed", exit: "corrupt", findingsInAll: 1, findings: [expected] },
    ]);
    const one = await site.run(["verify", first.id]);
    expect(one).toMatchObject({ code: 14 });
    expect(one.stdout).toContain(`${pack}, byte 0: public.notes from (0,0) to (`);
    const restored = await site.run(["verify", second.id, "--restore"]);
    expect(restored).toMatchObject({ code: 14 });
    expect(restored.stdout).toMatch(/is damaged: 1 finding\n {2}.*public\.notes/);
    expect(await traces(laptop)).toEqual([]);
    expect((await site.run(["list"])).stdout.match(/FAILED$/gm)).toHaveLength(2);

    await bucket.remove(pack);
    const missing = await site.run(["verify"]);
    expect(missing).toMatchObject({ code: 14 });
    expect(missing.stdout).toContain(`${pack}: the pack is missing`);
    expect(missing.stdout).toMatch(/\d+ of its 60001 rows need the missing pack/);

    const manifest = manifestKey("production", first.id);
    await bucket.write(manifest, "{");
    const unreadable = await site.run(["verify", "--all", "--json"]);
    expect(unreadable).toMatchObject({ code: 14 });
    expect(resultsIn(unreadable)[1]).toMatchObject({ backup: first.id, findings: [{ object: manifest }] });
  },
);

test(
  "SIGTERM during the restore: the scratch database is gone, and nothing is said of the backup",
  { timeout: LONG },
  async ({ database, bucket, laptop, dataops }) => {
    await createBulk(await database.connect(), 40);
    const site = siteOf(database, bucket, laptop, dataops);
    const manifest = manifestIn(await site.run(["backup", "production", "--json"]));
    const running = await site.start(["verify", "--restore"]);
    await running.until("there is a scratch database", async () =>
      (await traces(laptop)).some((trace) => trace.startsWith("database dataops_verify_production__new_")),
    );
    const told = performance.now();
    running.kill("SIGTERM");
    const ended = await running.exited;
    expect(performance.now() - told).toBeLessThan(25_000);
    expect(ended, ended.stderr).toMatchObject({ code: 143, signal: null, stdout: "" });
    expectOneLine(ended);
    await vi.waitFor(async () => expect(await traces(laptop)).toEqual([]), { timeout: 5_000 });
    expect(await bucket.keys()).not.toContain(verificationKey("production", manifest.id));
  },
);

test("what does not go together, and what is not configured, is a mistake", async ({
  database,
  bucket,
  laptop,
  dataops,
}) => {
  const site = siteOf(database, bucket, laptop, dataops);
  manifestIn(await site.run(["backup", "production", "--json"]));
  for (const args of [
    ["verify", "--all", "--restore"],
    ["verify", "20261121", "--all"],
  ]) {
    const mistaken = await site.run(args);
    expect(mistaken, args.join(" ")).toMatchObject({ code: 2, stdout: "" });
    expectOneLine(mistaken);
  }
  const environment = environmentOf(database, bucket);
  const nowhere = await dataops.run(["verify", "--restore"], { environment });
  expect(nowhere).toMatchObject({ code: 2 });
  expect(nowhere.stderr).toContain("verify: { production: { server: staging } }");
  expect((await bucket.keys()).filter((key) => key.endsWith("verification.json"))).toEqual([]);
});

test(
  "for a slot it runs once, is recorded, and fails as a job does",
  { timeout: LONG },
  async ({ database, bucket, laptop, dataops }) => {
    await (await database.connect()).query(ROWS);
    const site = siteOf(database, bucket, laptop, dataops);
    const { id } = manifestIn(await site.run(["backup", "production", "--json"]));
    const first = await site.run(["verify", "--slot", "2026-11-21T04:00:00Z"]);
    expect(first, first.stderr).toMatchObject({ code: 0 });
    expect(await site.run(["verify", "--slot", "2026-11-21T04:00:00Z"])).toMatchObject({ code: 11 });

    await bucket.write(archiveKey("production", id), Buffer.from("not what it was"));
    const damaged = await site.run(["verify", "--slot", "2026-11-21T08:00:00Z"]);
    expect(damaged).toMatchObject({ code: 14, stdout: "" });
    expect(damaged.stderr).toContain(`${id} of production is damaged: 1 finding`);
    const records = (await bucket.keys()).filter((key) =>
      key.startsWith("production/runs/verify-production/"),
    );
    const runs = await Promise.all(records.map(async (key) => parseRun(await bucket.read(key), key)));
    expect(runs.map(({ state, exit }) => `${state} ${exit}`).sort()).toEqual(["done done", "failed corrupt"]);
  },
);
