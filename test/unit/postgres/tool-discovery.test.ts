import { mkdir, symlink, writeFile, chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { describe, expect, test } from "vitest";
import { discoverTools, parseVersion } from "../../../src/postgres/tool-discovery.ts";
import { fakePrograms } from "../../support/fake-program.ts";

describe("discovery", () => {
  test("DATAOPS_POSTGRES_BIN names the only folders that count, the newest comes first", async () => {
    await using older = await fakePrograms("15.20 (Debian 15.20-0+deb12u1)");
    await using newer = await fakePrograms("18.7");
    const found = await discoverTools({
      DATAOPS_POSTGRES_BIN: `${older.directory}:${newer.directory}`,
      PATH: "/usr/bin",
    });
    expect(found).toEqual([
      { major: 18, minor: 7, version: "18.7", directory: newer.directory },
      { major: 15, minor: 20, version: "15.20 (Debian 15.20-0+deb12u1)", directory: older.directory },
    ]);
  });

  test("a folder named there without the programs is an error", async () => {
    await expect(discoverTools({ DATAOPS_POSTGRES_BIN: "/nowhere" })).rejects.toMatchObject({
      exit: "tool",
      message: expect.stringContaining("/nowhere"),
    });
  });

  test("a relative entry of PATH does not count: whoever fills the working folder could plant a program", async () => {
    await using programs = await fakePrograms("15.7");
    const found = await discoverTools({ PATH: relative(process.cwd(), programs.directory) });
    expect(found.map(({ version }) => version)).not.toContain("15.7");
  });

  test("PATH is searched; each folder counts once, whatever links lead there", async () => {
    await using programs = await fakePrograms("15.7");
    const root = await mkdtemp(join(tmpdir(), "dataops-path-"));
    try {
      await symlink(programs.directory, join(root, "link"));
      const path = [join(root, "link"), programs.directory, "", "/nowhere"].join(":");
      const found = await discoverTools({ PATH: `${path}:/usr/bin:/bin` });
      expect(found.filter(({ version }) => version === "15.7")).toEqual([
        { major: 15, minor: 7, version: "15.7", directory: programs.directory },
      ]);
    } finally {
      await rm(root, { recursive: true });
    }
  });

  test("Debian's wrapper, what cannot run and what is something else are passed over", async () => {
    await using real = await fakePrograms("15.7");
    await using other = await fakePrograms("15.8");
    await writeFile(join(other.directory, "pg_dump"), "#!/bin/sh\necho something else\n");
    const root = await mkdtemp(join(tmpdir(), "dataops-path-"));
    try {
      const wrapped = join(root, "wrapped");
      await mkdir(wrapped);
      await writeFile(join(root, "pg_wrapper"), '#!/bin/sh\necho "pg_dump (PostgreSQL) 15.9"\n');
      await chmod(join(root, "pg_wrapper"), 0o755);
      for (const name of ["pg_dump", "pg_restore"]) await symlink("../pg_wrapper", join(wrapped, name));
      const found = await discoverTools({
        PATH: `${wrapped}:${other.directory}:${real.directory}:/usr/bin:/bin`,
      });
      const fakes = found.filter(({ directory }) => directory.startsWith(tmpdir()));
      expect(fakes.map(({ version }) => version)).toEqual(["15.7"]);
    } finally {
      await rm(root, { recursive: true });
    }
  });
});

test.each([
  [
    "pg_dump (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)",
    { major: 15, minor: 20, version: "15.20 (Debian 15.20-0+deb12u1)" },
  ],
  ["pg_dump (PostgreSQL) 18beta1", { major: 18, minor: 0, version: "18beta1" }],
  ["pg_dump (PostgreSQL) 19devel", { major: 19, minor: 0, version: "19devel" }],
  ["pg_restore (PostgreSQL) 9.6.24", { major: 9, minor: 6, version: "9.6.24" }],
  ["mysqldump  Ver 10.19", undefined],
  ["", undefined],
])("%s is version %o", (line, version) => {
  expect(parseVersion(line)).toEqual(version);
});
