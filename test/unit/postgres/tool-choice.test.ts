import { describe, expect, test } from "vitest";
import {
  chooseDumpClient,
  chooseRestoreClient,
  majorOf,
  meetsSecurityFloor,
  type RestoreClientRequest,
} from "../../../src/postgres/tool-choice.ts";
import type { InstalledTools } from "../../../src/postgres/tool-discovery.ts";

/** `"15.20 18.7"` -> what would be found installed. */
function installed(versions: string): InstalledTools[] {
  return versions
    .split(" ")
    .filter((version) => version !== "")
    .map((version) => {
      const [major, minor] = version.split(".").map(Number);
      return { major: major ?? 0, minor: minor ?? 0, version, directory: `/opt/${version}/bin` };
    });
}

describe("the client that dumps", () => {
  test.each([
    { has: "15.20", server: 150_020, chosen: "15.20", why: "the same" },
    { has: "15.3 15.20", server: 150_002, chosen: "15.20", why: "the newest minor of the server's major" },
    { has: "18.7 15.20 16.16", server: 150_020, chosen: "15.20", why: "equal before newer" },
    { has: "18.7 16.16 14.25", server: 150_020, chosen: "18.7", why: "the newest of the newer" },
    {
      has: "14.25 18.7",
      server: 90_624,
      chosen: "18.7",
      why: "any is newer than a server of the old numbering",
    },
    { has: "15.20", server: 150_999, chosen: "15.20", why: "minors do not matter" },
  ])("$has for server $server: $chosen, $why", ({ has, server, chosen }) => {
    expect(chooseDumpClient(installed(has), server).version).toBe(chosen);
  });

  test.each([
    { has: "15.20 14.25", server: 180_004, message: /PostgreSQL 18.*15\.20/ },
    { has: "", server: 160_014, message: /no pg_dump is installed.*PostgreSQL 16/ },
  ])("$has is refused for server $server", ({ has, server, message }) => {
    expect(() => chooseDumpClient(installed(has), server)).toThrow(
      expect.objectContaining({
        exit: "tool",
        message: expect.stringMatching(message),
        hint: expect.stringContaining(`postgresql-client-${majorOf(server)}`),
      }),
    );
  });
});

describe("the client that restores", () => {
  const request = (
    archiveMajor: number,
    serverMajor: number,
    allowVulnerable = false,
  ): RestoreClientRequest => ({
    archiveMajor,
    serverMajor,
    allowVulnerable,
  });

  test.each([
    { has: "15.20 16.16 18.7", archive: 15, server: 15, chosen: "15.20", why: "all the same" },
    {
      has: "15.20 16.16 18.7",
      archive: 15,
      server: 18,
      chosen: "18.7",
      why: "the target's major reads older archives",
    },
    { has: "15.20 16.16 18.7", archive: 16, server: 15, chosen: "16.16", why: "the target's cannot read it" },
    {
      has: "15.20 16.16",
      archive: 15,
      server: 18,
      chosen: "15.20",
      why: "the archive's, where the target's is missing",
    },
    {
      has: "16.16 18.7",
      archive: 15,
      server: 17,
      chosen: "16.16",
      why: "the lowest above, where both are missing",
    },
    {
      has: "16.16 18.7",
      archive: 15,
      server: 15,
      chosen: "16.16",
      why: "17 and later set transaction_timeout",
    },
    { has: "17.12 18.7", archive: 17, server: 18, chosen: "18.7", why: "the target's" },
    { has: "15.3 15.20", archive: 15, server: 15, chosen: "15.20", why: "the newest minor" },
    { has: "15.19 16.16", archive: 15, server: 15, chosen: "16.16", why: "a safe one before a fitting one" },
  ])("$has, archive $archive, server $server: $chosen, $why", ({ has, archive, server, chosen }) => {
    expect(chooseRestoreClient(installed(has), request(archive, server)).version).toBe(chosen);
  });

  test.each([
    { has: "15.20", archive: 16, server: 16, message: /archive of pg_dump 16.*installed: 15\.20/ },
    { has: "18.7", archive: 15, server: 15, message: /PostgreSQL 15 server; installed: 18\.7/ },
    { has: "18.7 16.16", archive: 18, server: 16, message: /cannot be restored into a PostgreSQL 16 server/ },
    { has: "", archive: 15, server: 15, message: /none is installed/ },
  ])(
    "$has, archive $archive, server $server: none, even if vulnerable ones will do",
    ({ has, archive, server, message }) => {
      for (const allowVulnerable of [false, true]) {
        expect(() => chooseRestoreClient(installed(has), request(archive, server, allowVulnerable))).toThrow(
          expect.objectContaining({ exit: "tool", message: expect.stringMatching(message) }),
        );
      }
    },
  );

  test("below the security floor it is refused, unless that is allowed", () => {
    const old = installed("15.19 16.14");
    expect(() => chooseRestoreClient(old, request(15, 15))).toThrow(
      expect.objectContaining({ exit: "refused", hint: expect.stringContaining("at least 15.20") }),
    );
    expect(chooseRestoreClient(old, request(15, 15, true)).version).toBe("15.19");
  });
});

test.each([
  ["18.7", true],
  ["18.6", false],
  ["17.12", true],
  ["17.11", false],
  ["16.16", true],
  ["16.14", false],
  ["15.20", true],
  ["15.19", false],
  ["14.25", true],
  ["14.24", false],
  ["13.23", false],
  ["9.6", false],
  ["19.0", true],
])("%s meets the security floor: %s", (version, meets) => {
  expect(installed(version).map(meetsSecurityFloor)).toEqual([meets]);
});
