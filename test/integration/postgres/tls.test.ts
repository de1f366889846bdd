import { mkdir, copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ConnectionSettings, TlsMode, TlsSettings } from "../../../src/config/connection.ts";
import { connect } from "../../../src/postgres/client.ts";
import { requireSuccess } from "../../../src/postgres/exit-gate.ts";
import { discoverTools, spawnTool } from "../../../src/postgres/tools.ts";
import { isDataopsError, type ExitName } from "../../../src/errors.ts";
import { makeCertificates, type Certificates } from "../../support/certificates.ts";
import {
  settingsFor,
  startPostgres,
  unprivilegedUser,
  type PostgresServer,
} from "../../support/postgres-servers.ts";

/** Servers of their own: one that offers TLS for `localhost`, one that insists on it, one that refuses it. */
const HBA = {
  offers: ["host all all 127.0.0.1/32 scram-sha-256", "local all all scram-sha-256"],
  insists: ["hostssl all all 127.0.0.1/32 scram-sha-256"],
  refuses: ["hostnossl all all 127.0.0.1/32 scram-sha-256"],
} as const;

let certificates: Certificates;
const servers = new Map<keyof typeof HBA, PostgresServer>();

beforeAll(async () => {
  const { uid, gid } = await unprivilegedUser();
  certificates = await makeCertificates(
    "localhost",
    uid === undefined || gid === undefined ? undefined : { uid, gid },
  );
  for (const name of ["offers", "insists", "refuses"] as const) {
    servers.set(name, await startPostgres({ version: 15, hba: HBA[name], tls: certificates }));
  }
});

afterAll(async () => {
  for (const server of servers.values()) await server.stop();
  await certificates[Symbol.asyncDispose]();
});

function settingsOf(
  name: keyof typeof HBA,
  host: string,
  tls: Partial<TlsSettings> & { mode: TlsMode },
): ConnectionSettings {
  const server = servers.get(name);
  if (server === undefined) throw new Error("it was not started");
  const nothing = { rootCertificate: undefined, certificate: undefined, key: undefined };
  return settingsFor(server, { host, tls: { ...nothing, ...tls } });
}

/** What both halves make of the settings: `tls`, `plain`, or the exit of the failure. */
type Outcome = "tls" | "plain" | ExitName;
const QUESTION =
  "SELECT CASE WHEN ssl THEN 'tls' ELSE 'plain' END AS how FROM pg_stat_ssl WHERE pid = pg_backend_pid()";

async function throughDriver(settings: ConnectionSettings, home: string): Promise<Outcome> {
  try {
    await using client = await connect(settings, { applicationName: "test", environment: { HOME: home } });
    const [row] = await client.query<{ how: Outcome }>(QUESTION);
    return row?.how ?? "usage";
  } catch (error) {
    if (isDataopsError(error)) return error.exit;
    throw error;
  }
}

/** Whether libpq gets in, and how. */
async function throughProgram(settings: ConnectionSettings, home: string): Promise<string> {
  const [tools] = (await discoverTools(process.env)).filter(({ major }) => major === 15);
  if (tools === undefined) throw new Error("psql 15 is not installed");
  const running = spawnTool({ ...tools, program: "psql" }, ["-XAtc", QUESTION.replace(" AS how", "")], {
    settings,
    environment: { ...process.env, HOME: home },
  });
  const answer = await text(running.stdout);
  try {
    await requireSuccess(running);
    return answer.trim();
  } catch {
    return "failed";
  }
}

describe("sslmode means the same to the driver as to libpq", () => {
  const root = (): Partial<TlsSettings> => ({ rootCertificate: certificates.root });
  const strangers = (): Partial<TlsSettings> => ({ rootCertificate: certificates.strangersRoot });
  const none = (): Partial<TlsSettings> => ({});

  test.each([
    // A server that offers TLS.
    { server: "offers", host: "localhost", mode: "disable", given: none, outcome: "plain" },
    { server: "offers", host: "localhost", mode: "allow", given: none, outcome: "plain" },
    { server: "offers", host: "localhost", mode: "prefer", given: none, outcome: "tls" },
    { server: "offers", host: "127.0.0.1", mode: "require", given: none, outcome: "tls" },
    { server: "offers", host: "127.0.0.1", mode: "require", given: root, outcome: "tls" },
    { server: "offers", host: "localhost", mode: "require", given: strangers, outcome: "unreachable" },
    { server: "offers", host: "localhost", mode: "prefer", given: strangers, outcome: "plain" },
    { server: "offers", host: "127.0.0.1", mode: "verify-ca", given: root, outcome: "tls" },
    { server: "offers", host: "localhost", mode: "verify-ca", given: strangers, outcome: "unreachable" },
    { server: "offers", host: "localhost", mode: "verify-full", given: root, outcome: "tls" },
    { server: "offers", host: "127.0.0.1", mode: "verify-full", given: root, outcome: "unreachable" },
    { server: "offers", host: "localhost", mode: "verify-full", given: none, outcome: "usage" },
    // A server that lets nobody in without it, and one that lets nobody in with it.
    { server: "insists", host: "localhost", mode: "disable", given: none, outcome: "notPermitted" },
    { server: "insists", host: "localhost", mode: "allow", given: none, outcome: "tls" },
    { server: "insists", host: "localhost", mode: "prefer", given: none, outcome: "tls" },
    { server: "refuses", host: "localhost", mode: "prefer", given: none, outcome: "plain" },
    { server: "refuses", host: "localhost", mode: "require", given: none, outcome: "notPermitted" },
  ] as const)("$server: $mode at $host is $outcome", async ({ server, host, mode, given, outcome }) => {
    const settings = settingsOf(server, host, { mode, ...given() });
    expect(await throughDriver(settings, "/nowhere")).toBe(outcome);
    const libpq = await throughProgram(settings, "/nowhere");
    expect(libpq).toBe(outcome === "tls" || outcome === "plain" ? outcome : "failed");
  });

  test("a Unix socket has no TLS, whatever the mode", async () => {
    const settings = settingsOf("offers", servers.get("offers")?.socketDirectory ?? "", { mode: "require" });
    expect(await throughDriver(settings, "/nowhere")).toBe("plain");
    expect(await throughProgram(settings, "/nowhere")).toBe("plain");
  });

  test("~/.postgresql/root.crt counts like a named root certificate", async ({ onTestFinished }) => {
    const home = await mkdtemp(join(tmpdir(), "dataops-home-"));
    onTestFinished(() => rm(home, { recursive: true }));
    await mkdir(join(home, ".postgresql"));
    await copyFile(certificates.strangersRoot, join(home, ".postgresql", "root.crt"));
    const settings = settingsOf("offers", "localhost", { mode: "require" });
    expect(await throughDriver(settings, home)).toBe("unreachable");
  });

  test("the system's authorities need verify-full, and do not know ours", async () => {
    const system = { rootCertificate: "system" };
    expect(await throughDriver(settingsOf("offers", "localhost", { mode: "require", ...system }), "/")).toBe(
      "usage",
    );
    const full = settingsOf("offers", "localhost", { mode: "verify-full", ...system });
    expect(await throughDriver(full, "/nowhere")).toBe("unreachable");
    expect(await throughProgram(full, "/nowhere")).toBe("failed");
  });

  test("a named certificate that is not there is said so", async () => {
    const settings = settingsOf("offers", "localhost", {
      mode: "require",
      rootCertificate: "/nowhere/root.crt",
    });
    await expect(connect(settings, { applicationName: "test" })).rejects.toMatchObject({
      exit: "usage",
      message: expect.stringContaining("/nowhere/root.crt"),
    });
  });
});
