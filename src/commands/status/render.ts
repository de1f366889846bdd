import { paint, type Display } from "../../observe/display.ts";
import { humanBytes, humanCount, humanDuration, humanPlural } from "../../observe/human.ts";
import { hang } from "../../observe/wrap.ts";
import { goodBackups, newestGood, type DatabaseFacts } from "../../status/facts.ts";
import { worstLevel, type Level } from "../../status/finding.ts";
import type { DatabaseStatus } from "../../status/read-status.ts";
import { renderHistory } from "./history.ts";
import { renderJobs } from "./jobs.ts";

const COLORS = { ok: "green", warning: "yellow", critical: "red" } as const satisfies Record<Level, string>;
const LEVEL_WIDTH = Math.max(...Object.keys(COLORS).map((level) => level.length));

/** A line for each database, then each one's findings, history, runs and what comes next. */
export function renderStatus(statuses: readonly DatabaseStatus[], now: number, display: Display): string {
  const width = Math.max(...statuses.map(({ database }) => database.length));
  const glance = statuses.flatMap((status) => renderGlance(status, width, now, display));
  const sections = statuses
    .filter(({ expected, facts }) => expected !== undefined || facts.jobs.length > 0)
    .map((status) => renderSection(status, now, display));
  return [glance.join("\n"), ...sections].join("\n\n");
}

function renderGlance(
  { database, expected, facts, findings }: DatabaseStatus,
  nameWidth: number,
  now: number,
  display: Display,
): string[] {
  const level = worstLevel(findings);
  const prefix = `${level.padEnd(LEVEL_WIDTH)}  ${database.padEnd(nameWidth)}  `;
  const without = level === "ok" ? "not backed up" : "not backed up; see its jobs below";
  const what = expected === undefined ? without : sumUp(facts, now);
  return withLevel(hang(prefix, what, display.columns), level, display);
}

/** A database's backups in one line. */
function sumUp(facts: DatabaseFacts, now: number): string {
  const newest = newestGood(facts);
  if (newest === undefined) return facts.total === 0 ? "no backup" : `no good backup of ${facts.total}`;
  const good = goodBackups(facts).length;
  const passed = facts.verifications.find(({ state }) => state === "passed");
  const restored = facts.verifications.find(({ restoreTime }) => restoreTime !== null);
  return [
    `newest good backup ${humanDuration(now - Date.parse(newest.started))} old`,
    humanBytes(newest.size),
    // Of more there was no need to read.
    facts.backups.length < facts.total
      ? `${good} good of the last ${facts.backups.length}, ${humanCount(facts.total)} in all`
      : `${good} good of ${humanPlural(facts.total, "backup")}`,
    passed === undefined ? "never verified" : `verified ${humanDuration(now - Date.parse(passed.ended))} ago`,
    ...(restored?.restoreTime == null ? [] : [`restored in ${humanDuration(restored.restoreTime)}`]),
  ].join(", ");
}

function renderSection(status: DatabaseStatus, now: number, display: Display): string {
  const { database, expected, facts } = status;
  const findings = renderFindings(status, display);
  const history = expected === undefined ? [] : renderHistory(facts, display);
  const jobs = renderJobs(status, now, display);
  const blocks = [findings, history, jobs].filter((lines) => lines.length > 0);
  return [
    paint(database, "bold", display),
    ...blocks
      .map((lines) => lines.join("\n"))
      .join("\n\n")
      .split("\n"),
  ].join("\n");
}

/** What is not as it should be, and what to do about it. */
function renderFindings({ findings }: DatabaseStatus, display: Display): string[] {
  return findings.flatMap(({ level, what, hint }) => {
    if (level === "ok") return [];
    const prefix = `  ${level.padEnd(LEVEL_WIDTH)}  `;
    const advice =
      hint === undefined ? [] : hang(`${" ".repeat(prefix.length)}hint: `, hint, display.columns);
    return [...withLevel(hang(prefix, what, display.columns), level, display), ...advice];
  });
}

/** Only after the lines are broken: a colour takes no room. */
function withLevel(lines: readonly string[], level: Level, display: Display): string[] {
  const [first = "", ...rest] = lines;
  return [first.replace(level, paint(level, COLORS[level], display)), ...rest];
}
