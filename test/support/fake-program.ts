import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A folder with programs that are shell scripts, in the place of PostgreSQL's own. */
export interface FakePrograms extends AsyncDisposable {
  directory: string;
  /** For `discoverTools` and for whole commands: these programs and no others. */
  environment: { DATAOPS_POSTGRES_BIN: string; PATH: string };
}

/** What `pg_dump --version` says, unless the script answers it itself. */
const VERSION_ANSWER = (name: string, version: string): string =>
  `if [ "$1" = --version ]; then echo "${name} (PostgreSQL) ${version}"; exit 0; fi\n`;

/** Makes programs of one version: `{ pg_dump: "exit 1" }`. Those not named, of pg_dump and pg_restore, do nothing. */
export async function fakePrograms(
  version: string,
  scripts: Partial<Record<"pg_dump" | "pg_restore" | "psql", string>> = {},
): Promise<FakePrograms> {
  const directory = await mkdtemp(join(tmpdir(), "dataops-fake-"));
  for (const [name, script] of Object.entries({ pg_dump: "", pg_restore: "", ...scripts })) {
    const path = join(directory, name);
    await writeFile(path, `#!/bin/sh\n${VERSION_ANSWER(name, version)}${script}\n`);
    await chmod(path, 0o755);
  }
  return {
    directory,
    environment: { DATAOPS_POSTGRES_BIN: directory, PATH: process.env["PATH"] ?? "" },
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}
