import { readdir } from "node:fs/promises";
import { describe, expect } from "vitest";
import { createBulk } from "../../support/e2e-database.ts";
import { BEFORE, manifestIn, test, traces } from "../../support/e2e-laptop.ts";
import { ARCHIVE_CONFIG, environmentOf } from "../../support/e2e-test.ts";
import { startS3Proxy, type Fault, type ProxiedRequest } from "../../support/s3-proxy.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const STALL = { kind: "stall-answer", afterBytes: 100_000 } as const satisfies Fault;

describe("a download that is interrupted", () => {
  /** Six pieces of 8 MiB, the last one shorter. */
  const MEGABYTES = 44;

  test.for([
    ["SIGTERM", 143],
    ["SIGKILL", null],
  ] as const)(
    "by %s goes on where it stopped: no piece that was checked is fetched again",
    async ([signal, code], { database, bucket, local, dataops }) => {
      const production = await database.connect();
      await createBulk(production, MEGABYTES);
      const made = await dataops.run(["backup", "--json"], {
        environment: environmentOf(database, bucket),
        config: ARCHIVE_CONFIG,
      });
      const { pieceSize, size } = manifestIn(made).archive;
      await local.create();
      // Two pieces pass. The workers that fetched them ask for another two once they have written down the first.
      const told = { isSlow: true };
      await using proxy = await startS3Proxy(bucket.server.endpoint, (request) => {
        const start = rangeStart(request);
        return told.isSlow && start !== undefined && start >= 2 * pieceSize ? STALL : undefined;
      });
      const starts = (): Set<number> => new Set(proxy.requests.flatMap((seen) => rangeStart(seen) ?? []));
      const cache = await temporaryFolder("cache");
      const environment = {
        ...bucket.environment,
        AWS_ENDPOINT_URL_S3: proxy.endpoint,
        LOCAL_DATABASE_URL: local.url,
        DATAOPS_CACHE_DIRECTORY: cache,
      };
      const fetch = await dataops.start(["fetch-latest-db", "--yes"], { environment });
      await fetch.until("two pieces are there", () => starts().size >= 6);
      fetch.kill(signal);
      const ended = await fetch.exited;
      expect(ended, ended.stderr).toMatchObject({ code, stdout: "" });
      expect(await local.content()).toBe(BEFORE);
      expect(await local.family()).toEqual([local.name]);
      expect((await readdir(cache)).filter((name) => name.endsWith(".dump.zst"))).toEqual([]);

      told.isSlow = false;
      const before = proxy.requests.length;
      const again = await dataops.run(["fetch-latest-db", "--yes", "--json"], { environment });
      expect(again, again.stdout + again.stderr).toMatchObject({ code: 0 });
      const fetched = proxy.requests.slice(before).flatMap((seen) => rangeStart(seen) ?? []);
      expect(fetched.toSorted((one, other) => one - other)).toEqual(
        Array.from({ length: Math.ceil(size / pieceSize) - 2 }, (_, index) => (index + 2) * pieceSize),
      );
      expect(again.json()).toMatchObject({ downloaded: size - 2 * pieceSize });
      expect(await local.query("SELECT count(*)::int FROM a_bulk")).toEqual([{ count: MEGABYTES * 1000 }]);
      expect(await traces(local.server)).toEqual([]);
    },
  );
});

/** The first byte that a request asks for, where it asks for a part of an archive. */
function rangeStart({ operation, url, headers }: ProxiedRequest): number | undefined {
  if (operation !== "GetObject" || !url.includes("/archive.dump.zst")) return undefined;
  const [, start] = /^bytes=(\d+)-/.exec(headers.range ?? "") ?? [];
  return Number(start ?? 0);
}
