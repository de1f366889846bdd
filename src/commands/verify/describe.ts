import { humanBytes, humanDuration, humanName, humanPlural } from "../../observe/human.ts";
import type { Finding, LastVerification, VerificationResult } from "../../repository/verification.ts";
import type { Verified } from "./keep-result.ts";

/** Findings that are shown to a person; `--json` has more. */
const SHOWN = 20;

/** What a verification came to, in lines for people. */
export function describeVerified({ database, id, result }: Verified): string {
  const { state, findings, findingsInAll, remarks } = result;
  const which = `${id} of ${database}`;
  const head =
    state === "passed"
      ? `verified ${which}: ${howItPassed(result)}`
      : `${which} is damaged: ${humanPlural(findingsInAll, "finding")}`;
  const more = findingsInAll - Math.min(SHOWN, findings.length);
  return [
    head,
    ...findings.slice(0, SHOWN).map((finding) => `  ${describeFinding(finding)}`),
    ...(more > 0 ? [`  and ${humanPlural(more, "finding")} more`] : []),
    ...remarks.map((remark) => `  ${humanName(remark)}`),
  ].join("\n");
}

function howItPassed(result: VerificationResult): string {
  const { kind, bytesRead, restoreTime, serverVersion } = result;
  const took = humanDuration(Date.parse(result.ended) - Date.parse(result.started));
  if (kind === "read") return `every byte of it is right, ${humanBytes(bytesRead)} read in ${took}`;
  const restored = `restored in ${humanDuration(restoreTime ?? 0)} into PostgreSQL ${humanName(serverVersion ?? "")}`;
  return `${restored}, every row is right, ${humanBytes(bytesRead)} read, ${took} in all`;
}

/** `production/packs/x.pack, byte 123: public.orders, rows from (0,0) to (64,0): it is not what its index says`. */
export function describeFinding({ object, offset, table, range, what }: Finding): string {
  const place = [
    object === null ? undefined : `${object}${offset === null ? "" : `, byte ${offset}`}`,
    table === null
      ? undefined
      : `${table}${range === null ? "" : ` from (${range.from}) to ${range.to === null ? "its end" : `(${range.to})`}`}`,
    what,
  ];
  return humanName(place.filter((part) => part !== undefined).join(": "));
}

/** `passed 3 h 2 min ago`: the last verification of one kind, for `show`; undefined where there was none. */
export function describeLast({ ran, notRun }: LastVerification, now: number): string | undefined {
  const ago = ({ ended }: VerificationResult): string => `${humanDuration(now - Date.parse(ended))} ago`;
  const parts: string[] = [];
  if (ran?.state === "passed") {
    const time = ran.restoreTime === null ? "" : `, in ${humanDuration(ran.restoreTime)}`;
    parts.push(`passed ${ago(ran)}${time}`);
  }
  if (ran?.state === "failed") {
    const [first] = ran.findings;
    const what = first === undefined ? "" : `: ${describeFinding(first)}`;
    parts.push(`FAILED ${ago(ran)}, ${humanPlural(ran.findingsInAll, "finding")}${what}`);
  }
  if (notRun !== undefined) parts.push(`could not run ${ago(notRun)}: ${humanName(notRun.message ?? "")}`);
  return parts.length === 0 ? undefined : parts.join("; ");
}

/** One word or two for a list: what is known of a backup at best, and what is wrong with it first. Pure. */
export function verifiedMark(read: LastVerification, restore: LastVerification): string {
  const last = [read.ran, restore.ran].filter((result) => result !== undefined);
  if (last.some(({ state }) => state === "failed")) return "FAILED";
  if (restore.ran !== undefined) return "restored";
  if (read.ran !== undefined) return "read";
  return read.notRun !== undefined || restore.notRun !== undefined ? "not run" : "-";
}
