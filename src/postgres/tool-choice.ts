import { DataopsError } from "../errors.ts";
import type { InstalledTools } from "./tool-discovery.ts";

/**
 * The first minor of each major without a known way for an archive to run code in the program that reads or writes it:
 * CVE-2025-8714, CVE-2025-8715, CVE-2026-18408, CVE-2026-116314.
 */
export const SECURITY_FLOORS: Readonly<Record<number, number>> = { 14: 25, 15: 20, 16: 16, 17: 12, 18: 7 };

/** From this major on pg_restore sets `transaction_timeout` first of all, which older servers refuse. */
const TRANSACTION_TIMEOUT_MAJOR = 17;

/** The major of a `server_version_num`: 150020 is 15. (9.6 is 9: older than every client that is left.) */
export function majorOf(serverVersionNumber: number): number {
  return Math.floor(serverVersionNumber / 10_000);
}

/** Whether known holes are closed in these programs. Majors without fixes any more are never safe, newer ones are. */
export function meetsSecurityFloor({ major, minor }: Pick<InstalledTools, "major" | "minor">): boolean {
  const floor = SECURITY_FLOORS[major];
  if (floor !== undefined) return minor >= floor;
  return major > Math.max(...Object.keys(SECURITY_FLOORS).map(Number));
}

/**
 * The programs to dump a server with: of the server's own major if there are, else the newest that are newer.
 *
 * @throws DataopsError `tool` where all are older than the server, or there are none
 */
export function chooseDumpClient(
  installed: readonly InstalledTools[],
  serverVersionNumber: number,
): InstalledTools {
  const serverMajor = majorOf(serverVersionNumber);
  const equal = newest(installed.filter(({ major }) => major === serverMajor));
  const newer = newest(installed.filter(({ major }) => major > serverMajor));
  const chosen = equal ?? newer;
  if (chosen !== undefined) return chosen;
  const server = `the server is PostgreSQL ${serverMajor}`;
  const message =
    installed.length === 0
      ? `no pg_dump is installed here; ${server}`
      : `pg_dump is too old: ${server}, the newest client installed is ${newest(installed)?.version}`;
  throw new DataopsError("tool", message, { hint: installHint(serverMajor) });
}

/** What decides which pg_restore may and can do a restore. */
export interface RestoreClientRequest {
  /** The major of the pg_dump that wrote the archive; older programs cannot read it. */
  archiveMajor: number;
  /** The major of the server that is restored into. */
  serverMajor: number;
  /** Whether programs below the security floor will do. */
  allowVulnerable: boolean;
}

/**
 * The programs to restore an archive with: of the target server's major, else of the archive's, else the lowest above.
 *
 * @throws DataopsError `tool` where none can read the archive and talk to the server, `refused` where all that can are
 *   below the security floor
 */
export function chooseRestoreClient(
  installed: readonly InstalledTools[],
  { archiveMajor, serverMajor, allowVulnerable }: RestoreClientRequest,
): InstalledTools {
  const olderServer = serverMajor < TRANSACTION_TIMEOUT_MAJOR;
  if (olderServer && archiveMajor >= TRANSACTION_TIMEOUT_MAJOR) {
    throw new DataopsError(
      "tool",
      `an archive written by pg_dump ${archiveMajor} cannot be restored into a PostgreSQL ${serverMajor} server`,
      { hint: `restore into a server of PostgreSQL ${archiveMajor}` },
    );
  }
  const usable = installed.filter(
    ({ major }) => major >= archiveMajor && !(olderServer && major >= TRANSACTION_TIMEOUT_MAJOR),
  );
  const wanted = Math.max(serverMajor, archiveMajor);
  if (usable.length === 0) {
    const have = installed.length === 0 ? "none is installed" : `installed: ${listVersions(installed)}`;
    throw new DataopsError(
      "tool",
      `no pg_restore fits an archive of pg_dump ${archiveMajor} and a PostgreSQL ${serverMajor} server; ${have}`,
      { hint: installHint(wanted) },
    );
  }
  const safe = usable.filter(meetsSecurityFloor);
  if (safe.length === 0 && !allowVulnerable) {
    throw new DataopsError(
      "refused",
      `pg_restore ${listVersions(usable)} has known holes through which a backup can run code on this machine`,
      { hint: `${installHint(wanted)}, at least ${wanted}.${SECURITY_FLOORS[wanted] ?? 0}` },
    );
  }
  return preferred(safe.length > 0 ? safe : usable, [serverMajor, archiveMajor]);
}

/** The newest of the first major of `majors` that is there, else of the lowest major. `candidates` is not empty. */
function preferred(candidates: readonly InstalledTools[], majors: readonly number[]): InstalledTools {
  const lowest = Math.min(...candidates.map(({ major }) => major));
  for (const wanted of [...majors, lowest]) {
    const found = newest(candidates.filter(({ major }) => major === wanted));
    if (found !== undefined) return found;
  }
  throw new RangeError("there are no candidates");
}

function newest(installed: readonly InstalledTools[]): InstalledTools | undefined {
  return [...installed].sort((a, b) => b.major - a.major || b.minor - a.minor)[0];
}

function listVersions(installed: readonly InstalledTools[]): string {
  return installed.map(({ major, minor }) => `${major}.${minor}`).join(", ");
}

function installHint(major: number): string {
  return `install the client of PostgreSQL ${major}: apt-get install postgresql-client-${major} (Debian; older releases from apt.postgresql.org), brew install postgresql@${major} (macOS), or name its folder in DATAOPS_POSTGRES_BIN`;
}
