import { createHash, randomInt } from "node:crypto";
import { buffer } from "node:stream/consumers";
import { expect, onTestFinished } from "vitest";
import { listBackups } from "../../../src/repository/catalogue.ts";
import { archiveKey } from "../../../src/repository/keys.ts";
import type { Manifest } from "../../../src/repository/manifest.ts";
import { openS3Storage } from "../../../src/storage/s3.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import type { TestBucket } from "../../support/e2e-bucket.ts";
import { createBulk } from "../../support/e2e-database.ts";
import { environmentOf, readRuns, test } from "../../support/e2e-test.ts";
import { Random } from "../../support/histories/random.ts";
import { startS3Proxy } from "../../support/s3-proxy.ts";
import { StoredBlocks } from "../../support/stored-blocks.ts";

const ROUNDS = 20;
/** About as many requests as a backup makes here. */
const REQUESTS = 46;

test(
  "killed at 20 random points, whatever is listed afterwards is whole",
  { timeout: 400_000 },
  async ({ database, bucket, dataops }) => {
    const seed = Number(process.env["TEST_KILL_SEED"] ?? randomInt(1_000_000));
    const random = new Random(seed);
    const client = await database.connect();
    await createBulk(client, 3);
    const storage = storageOf(bucket);
    onTestFinished(() => storage.close());
    const state = { requests: 0, killAt: 0, isStalling: false, kill: (): void => undefined };
    await using proxy = await startS3Proxy(bucket.server.endpoint, () => {
      state.requests += 1;
      if (state.requests !== state.killAt) return undefined;
      state.kill();
      // Either the request arrives although its sender is gone, or it does not.
      return state.isStalling ? { kind: "stall" } : undefined;
    });
    const direct = environmentOf(database, bucket, { DATAOPS_LEASE_DURATION: "1500ms" });
    const environment = { ...direct, AWS_ENDPOINT_URL_S3: proxy.endpoint };

    const killed: number[] = [];
    for (let round = 1; round <= ROUNDS; round += 1) {
      await client.query(`UPDATE a_bulk SET content = content || 'x' WHERE id % 100 = ${round}`);
      Object.assign(state, { requests: 0, killAt: 1 + random.below(REQUESTS), isStalling: random.oneIn(2) });
      const backup = await dataops.start(["backup"], { environment });
      state.kill = () => backup.kill("SIGKILL");
      const { signal } = await backup.exited;
      if (signal === "SIGKILL") killed.push(state.killAt);
      const { backups, unreadable } = await listBackups(storage, undefined);
      const where = `seed ${seed}, round ${round}, killed at request ${state.killAt}`;
      expect(unreadable, where).toEqual([]);
      expect(await faultsOf(storage, backups[0]?.manifest), where).toEqual([]);
    }
    process.stderr.write(`killed at requests ${killed.join(", ")}; TEST_KILL_SEED=${seed} plays it again\n`);
    expect(killed.length).toBeGreaterThan(ROUNDS / 2);

    const last = await dataops.run(["backup"], { environment: direct });
    expect(last, last.stderr).toMatchObject({ code: 0 });
    const { backups } = await listBackups(storage, undefined);
    for (const { manifest } of backups) expect(await faultsOf(storage, manifest), `seed ${seed}`).toEqual([]);
    const { runs, lease } = await readRuns(bucket);
    expect(runs.filter(({ state }) => state === "running")).toEqual([]);
    expect(backups.map(({ manifest }) => manifest.id).toSorted()).toEqual(
      runs.flatMap(({ id, state }) => (state === "done" ? [id] : [])).toSorted(),
    );
    expect(lease).toMatchObject({ state: "free", unsettled: [] });
    expect(await bucket.openUploads()).toEqual([]);
  },
);

function storageOf({ name, server }: TestBucket): Storage {
  const { endpoint, region, accessKeyId, secretAccessKey } = server;
  return openS3Storage({
    bucket: name,
    prefix: "",
    endpoint,
    region,
    credentials: { accessKeyId, secretAccessKey },
  });
}

/** Reads every byte of a backup, and says what is not as its manifest has it. */
async function faultsOf(storage: Storage, manifest: Manifest | undefined): Promise<string[]> {
  if (manifest === undefined) return [];
  const faults: string[] = [];
  const archive = await buffer(await storage.get(archiveKey(manifest.database, manifest.id)));
  const digest = createHash("sha256").update(archive).digest("hex");
  if (digest !== manifest.archive.sha256) faults.push(`the archive of ${manifest.id}`);
  const blocks = new StoredBlocks(storage, manifest);
  for (const table of manifest.blocks?.tables ?? []) {
    await blocks.text(table).catch((error: unknown) => void faults.push(`${manifest.id}: ${String(error)}`));
  }
  return faults;
}
