import { describe, expect, test } from "vitest";
import { EXIT_CODES } from "../../../src/errors.ts";
import { readKit } from "../../support/kit.ts";

/** The settings of a unit, by `Section.Name`. */
async function readUnit(file: string): Promise<Map<string, string[]>> {
  const settings = new Map<string, string[]>();
  let section = "";
  for (const line of (await readKit("systemd", file)).split("\n")) {
    if (line === "" || line.startsWith("#")) continue;
    const [, heading] = /^\[(\w+)\]$/.exec(line) ?? [];
    const [, name, value] = /^(\w+)=(.*)$/.exec(line) ?? [];
    if (heading !== undefined) section = heading;
    else if (name === undefined || value === undefined) throw new Error(`${file}: ${line}`);
    else settings.set(`${section}.${name}`, [...(settings.get(`${section}.${name}`) ?? []), value]);
  }
  return settings;
}

describe.each(["dataops.service", "dataops-backup@.service"])("%s", async (file) => {
  const unit = await readUnit(file);

  test.each([
    ["DynamicUser", ["yes"]],
    // Of one name in both, so that they share the cache.
    ["User", ["dataops"]],
    ["NoNewPrivileges", ["yes"]],
    ["ProtectSystem", ["strict"]],
    ["ProtectHome", ["yes"]],
    ["CapabilityBoundingSet", [""]],
    ["SystemCallFilter", ["@system-service", "~@privileged"]],
    ["StateDirectory", ["dataops"]],
    ["CacheDirectory", ["dataops"]],
    ["CacheDirectoryMode", ["0700"]],
    ["KillSignal", ["SIGTERM"]],
    ["KillMode", ["mixed"]],
    ["TimeoutStopSec", ["30s"]],
    // It would end Node.js at its start.
    ["MemoryDenyWriteExecute", undefined],
  ])("%s is %j", (name, expected) => {
    expect(unit.get(`Service.${name}`)).toEqual(expected);
  });

  test("has the database's URL from a credential, and no secret in its environment", () => {
    expect(unit.get("Service.LoadCredential")).toEqual(["database-url:/etc/dataops/database-url"]);
    expect(unit.get("Service.Environment")).toEqual([
      "DATAOPS_CONFIG=/etc/dataops/dataops.config.yaml",
      "DATABASE_URL_FILE=%d/database-url",
      "XDG_CACHE_HOME=/var/cache",
      "HOME=/var/lib/dataops",
    ]);
  });
});

test("the daemon takes a new configuration by SIGHUP, and comes back unless its configuration is wrong", async () => {
  const unit = await readUnit("dataops.service");
  expect(unit.get("Service.ExecReload")).toEqual(["/bin/kill -HUP $MAINPID"]);
  expect(unit.get("Service.Restart")).toEqual(["on-failure"]);
  expect(unit.get("Service.RestartPreventExitStatus")).toEqual([String(EXIT_CODES.usage.code)]);
  expect(unit.get("Service.SuccessExitStatus")).toEqual([String(EXIT_CODES.terminated.code)]);
});

test("a backup that another run is at is no failure", async () => {
  const unit = await readUnit("dataops-backup@.service");
  expect(unit.get("Service.SuccessExitStatus")).toEqual([String(EXIT_CODES.busy.code)]);
});

test("the timer makes up for what it missed", async () => {
  const unit = await readUnit("dataops-backup@.timer");
  expect(unit.get("Timer.Persistent")).toEqual(["true"]);
});
