import { staleAt } from "./expectations.ts";
import { newestGood } from "./facts.ts";
import { worstLevel, type Level } from "./finding.ts";
import type { StatusLook } from "./look.ts";
import type { DatabaseStatus } from "./read-status.ts";

/** Whether backups, resets and rebuilt indexes are as new as they should be, for monitors. Instants are ISO 8601, in UTC. */
export interface Freshness {
  /** False where anything is critical, and where nobody knows. */
  isFresh: boolean;
  level: Level | "unknown";
  /** When somebody looked. */
  at: string;
  /** Why it is not known; null where it is. */
  problem: string | null;
  databases: DatabaseFreshness[];
}

export interface DatabaseFreshness {
  database: string;
  level: Level;
  /** When the newest good backup began; null where there is none, or the database is not backed up. */
  newestGood: string | null;
  /** When that becomes stale. */
  staleAt: string | null;
  findings: { level: Level; message: string; hint: string | null }[];
}

/** Silence is no good news. */
const NOTHING = "nothing is watched: no database of the configuration is backed up, and no job ever ran";

/** Says the same as `dataops check`. Pure. */
export function freshnessOf(look: StatusLook): Freshness {
  const at = new Date(look.at).toISOString();
  if (look.databases === undefined) {
    return { isFresh: false, level: "unknown", at, problem: look.problem, databases: [] };
  }
  const findings = look.databases.flatMap((status) => status.findings);
  const databases = look.databases.map(freshnessOfDatabase);
  if (findings.length === 0) return { isFresh: false, level: "unknown", at, problem: NOTHING, databases };
  const level = worstLevel(findings);
  return { isFresh: level !== "critical", level, at, problem: null, databases };
}

function freshnessOfDatabase({ database, facts, expected, findings }: DatabaseStatus): DatabaseFreshness {
  const newest = newestGood(facts)?.started ?? null;
  const stale =
    newest === null || expected === undefined
      ? null
      : new Date(staleAt(Date.parse(newest), expected)).toISOString();
  return {
    database,
    level: worstLevel(findings),
    newestGood: newest,
    staleAt: stale,
    findings: findings.map(({ level, what, hint }) => ({ level, message: what, hint: hint ?? null })),
  };
}
