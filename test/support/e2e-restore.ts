import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { TestBucket } from "./e2e-bucket.ts";
import { createDatabase, type TestDatabase } from "./postgres-test.ts";

const run = promisify(execFile);

/** Restores an archive into an empty database of the same server with nothing but zstd and pg_restore. */
export async function restoreWithStockTools(
  bucket: TestBucket,
  key: string,
  { server }: TestDatabase,
  folder: string,
): Promise<TestDatabase> {
  const { programs } = server;
  if (programs === undefined) throw new Error("the server's programs are not on this machine");
  const compressed = join(folder, "archive.dump.zst");
  await writeFile(compressed, await bucket.read(key));
  await run("zstd", ["-q", "-d", compressed]);

  const restored = await createDatabase(server);
  const { host, port, user, password } = restored.settings;
  await run(
    join(programs, "pg_restore"),
    ["--exit-on-error", "--dbname", restored.name, join(folder, "archive.dump")],
    {
      env: {
        PGHOST: host,
        PGPORT: String(port),
        PGUSER: user,
        PGPASSWORD: password?.reveal() ?? "",
        PGSSLMODE: "disable",
      },
    },
  );
  return restored;
}
