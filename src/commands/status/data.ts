import { staleAt } from "../../status/expectations.ts";
import { newestGood, type DatabaseFacts } from "../../status/facts.ts";
import { worstLevel, type Finding, type Level } from "../../status/finding.ts";
import type { DatabaseStatus } from "../../status/read-status.ts";

/** A database's status for programs: the facts, what is to be said of them, and what runs next. Instants are ISO 8601, in UTC. */
export interface StatusData extends DatabaseFacts {
  level: Level;
  findings: { level: Level; message: string; hint: string | null }[];
  /** The newest good backup's id; null where there is none. */
  newestGood: string | null;
  /** When that one becomes stale; null where there is none, or nobody asks. */
  staleAt: string | null;
  next: { job: { kind: string; name: string }; at: string }[];
}

/** Everything known of a database, as `--json` has it. */
export function statusData({ facts, findings, expected, next }: DatabaseStatus): StatusData {
  const newest = newestGood(facts);
  const stale =
    newest === undefined || expected === undefined
      ? undefined
      : staleAt(Date.parse(newest.started), expected);
  return {
    ...facts,
    level: worstLevel(findings),
    findings: findings.map(({ level, what, hint }: Finding) => ({
      level,
      message: what,
      hint: hint ?? null,
    })),
    newestGood: newest?.id ?? null,
    staleAt: stale === undefined ? null : new Date(stale).toISOString(),
    next: next.map(({ job: { kind, name }, at }) => ({
      job: { kind, name },
      at: new Date(at).toISOString(),
    })),
  };
}
