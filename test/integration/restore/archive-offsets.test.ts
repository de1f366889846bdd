import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { addDataOffsets } from "../../../src/restore/archive/archive-offsets.ts";
import { createDatabase, test } from "../../support/postgres-test.ts";
import type { PostgresServerDescription } from "../../support/postgres-servers.ts";

const run = promisify(execFile);

/** Seven integers of five bytes after the compression: the second in which the archive was made. */
const CREATION_TIME = { start: 11, length: 5 + 7 * 5 };

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "dataops-offsets-"));
});

afterAll(() => rm(folder, { recursive: true }));

const SAMPLE = `
  CREATE TABLE empty (id int);
  CREATE TABLE short AS SELECT g AS id FROM generate_series(1, 10) g;
  CREATE TABLE "long ""name""" AS SELECT g AS id, repeat(md5(g::text), 20) AS text FROM generate_series(1, 20000) g;
  CREATE TABLE wide AS SELECT repeat('x', 3000000) AS text FROM generate_series(1, 3);
  CREATE MATERIALIZED VIEW summary AS SELECT count(*) FROM short;
  CREATE INDEX ON short (id);
  SELECT lo_from_bytea(0, decode(repeat('ab', 300000), 'hex')), lo_from_bytea(0, ''), lo_from_bytea(0, 'abc');
`;

/** The archive twice: as pg_dump writes it to a pipe, and to a file. */
async function dumpBothWays(server: PostgresServerDescription): Promise<{ piped: string; direct: string }> {
  const database = await createDatabase(server);
  try {
    await using client = await database.connect();
    await client.query(SAMPLE);
    const environment = {
      PGHOST: server.host,
      PGPORT: String(server.port),
      PGUSER: server.user,
      PGPASSWORD: server.password,
      PGDATABASE: database.name,
    };
    const direct = join(folder, `${server.version}.direct`);
    const piped = join(folder, `${server.version}.piped`);
    const program = join(server.programs ?? "", "pg_dump");
    const common = ["--format=custom", "--compress=0"];
    await run(program, [...common, `--file=${direct}`], { env: environment });
    const { stdout } = await run(program, common, {
      env: environment,
      encoding: "buffer",
      maxBuffer: 2 ** 28,
    });
    await writeFile(piped, stdout);
    return { piped, direct };
  } finally {
    await database.drop();
  }
}

async function withoutCreationTime(path: string): Promise<Buffer> {
  const content = await readFile(path);
  content.fill(0, CREATION_TIME.start, CREATION_TIME.start + CREATION_TIME.length);
  return content;
}

describe("addDataOffsets", () => {
  async function expectEqualToDirect(server: PostgresServerDescription): Promise<void> {
    const { piped, direct } = await dumpBothWays(server);
    expect((await withoutCreationTime(piped)).equals(await withoutCreationTime(direct))).toBe(false);
    expect(await addDataOffsets(piped)).toBeGreaterThanOrEqual(5);
    expect((await withoutCreationTime(piped)).equals(await withoutCreationTime(direct))).toBe(true);
    expect(await addDataOffsets(piped), "a second time there is nothing to do").toBe(0);
  }

  test("makes a piped archive equal to one written to a file, PostgreSQL 15", ({ postgres15 }) =>
    expectEqualToDirect(postgres15));
  test("makes a piped archive equal to one written to a file, PostgreSQL 16", ({ postgres16 }) =>
    expectEqualToDirect(postgres16));
  test("makes a piped archive equal to one written to a file, PostgreSQL 18", ({ postgres18 }) =>
    expectEqualToDirect(postgres18));

  test("leaves alone what it does not know", async () => {
    const path = join(folder, "other");
    const content = Buffer.from("PGDMP\u0001\u0063\u0000\u0004\u0008\u0001 and more, of a version to come");
    await writeFile(path, content);
    expect(await addDataOffsets(path)).toBe(0);
    expect((await readFile(path)).equals(content)).toBe(true);
  });

  test("refuses an archive that is cut", async ({ postgres15 }) => {
    const { piped } = await dumpBothWays(postgres15);
    await truncate(piped, 5_000_000);
    await expect(addDataOffsets(piped)).rejects.toThrow("the archive ends inside an entry");
  });
});
