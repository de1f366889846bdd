import type { DataopsError } from "../../errors.ts";
import { staleAt } from "../../status/expectations.ts";
import { goodBackups, newestGood } from "../../status/facts.ts";
import { worstLevel, type Finding, type Level } from "../../status/finding.ts";
import type { DatabaseStatus } from "../../status/read-status.ts";

/** What a Nagios plugin prints, and its exit code: https://www.monitoring-plugins.org/doc/guidelines.html */
export interface NagiosResult {
  text: string;
  exitCode: 0 | 1 | 2 | 3;
}

const SERVICE = "DATAOPS";

const STATES = {
  ok: { name: "OK", exitCode: 0 },
  warning: { name: "WARNING", exitCode: 1 },
  critical: { name: "CRITICAL", exitCode: 2 },
} as const satisfies Record<Level, { name: string; exitCode: number }>;

/** The worst of it on the first line, with the measured values; then a line for each finding. */
export function nagiosResult(statuses: readonly DatabaseStatus[], now: number): NagiosResult {
  const findings = statuses.flatMap(({ database, findings }) =>
    findings.map((finding) => ({ ...finding, what: `${database}: ${finding.what}` })),
  );
  const level = worstLevel(findings);
  const { name, exitCode } = STATES[level];
  const worst = findings.filter((finding) => finding.level === level).map(({ what }) => what);
  const values = statuses.flatMap((status) => measure(status, now));
  const first = `${SERVICE} ${name} - ${plain(worst.join("; "))}`;
  const lines = [values.length === 0 ? first : `${first} | ${values.join(" ")}`];
  return { text: [...lines, ...findings.map(longLine)].join("\n"), exitCode };
}

/** What could not be found out. */
export function nagiosError({ message, hint }: DataopsError): NagiosResult {
  const lines = [message, ...(hint === undefined ? [] : [`hint: ${hint}`])].map(plain);
  return { text: `${SERVICE} UNKNOWN - ${lines.join("\n")}`, exitCode: 3 };
}

/** `'label'=value[unit];[warning];[critical];[least];[most]` */
function measure({ database, facts, expected }: DatabaseStatus, now: number): string[] {
  if (expected === undefined) return [];
  const newest = newestGood(facts);
  const good = `'${database} good backups'=${goodBackups(facts).length};${expected.minimum}:;1:;0`;
  if (newest === undefined) return [good];
  const started = Date.parse(newest.started);
  const seconds = (milliseconds: number): number => Math.max(0, Math.round(milliseconds / 1_000));
  const limit = seconds(staleAt(started, expected) - started);
  return [
    `'${database} age'=${seconds(now - started)}s;;${limit};0`,
    `'${database} size'=${newest.size}B;;;0`,
    `'${database} duration'=${newest.duration / 1_000}s;;;0`,
    good,
  ];
}

function longLine({ level, what, hint }: Finding): string {
  return plain(`${level}: ${what}${hint === undefined ? "" : ` (${hint})`}`);
}

/** A bar would begin values, and only the first line is shown everywhere. */
function plain(text: string): string {
  return text.replaceAll("|", "/").replaceAll(/\s+/g, " ");
}
