import { barChart, type Bar } from "../../observe/bar-chart.ts";
import { paint, visibleLength, type Color, type Display } from "../../observe/display.ts";
import { humanBytes, humanDuration } from "../../observe/human.ts";
import { humanMoment } from "../../observe/instant.ts";
import type { BackupFacts, DatabaseFacts, VerificationFacts } from "../../status/facts.ts";

const INDENT = "  ";

/** Between two charts side by side. */
const GAP = 4;

/** Lines of a chart. */
const HEIGHT = 3;

/** What stands below a backup's bar. */
interface Mark {
  sign: string;
  meaning: string;
  color: Color;
}

/** Sizes and durations of the newest backups, the oldest of them on the left: side by side where there is room. */
export function renderHistory(facts: DatabaseFacts, display: Display): string[] {
  const room = display.columns - INDENT.length;
  const backups = facts.backups.slice(0, room).toReversed();
  if (backups.length === 0) return [];
  const marks = backups.map((backup) => markOf(backup, facts.verifications, display));
  const below = [...(marks.some(Boolean) ? [markLine(marks, display)] : []), axis(backups, display)];
  const charts = [
    [
      `size${newestAndMost(backups, "size", "largest", humanBytes)}`,
      ...chart(backups, "size", display),
      ...below,
    ],
    [
      `time${newestAndMost(backups, "duration", "longest", humanDuration)}`,
      ...chart(backups, "duration", display),
      ...below,
    ],
  ];
  const legend = [
    ...new Map(marks.flatMap((mark) => (mark === undefined ? [] : [[mark.sign, mark]]))).values(),
  ].map(({ sign, meaning, color }) => `${paint(sign, color, display)} ${meaning}`);
  return [...arrange(charts, room), ...besideOrBelow(legend, room)].map((line) =>
    `${INDENT}${line}`.trimEnd(),
  );
}

/** `: newest 1.2 GB, largest 1.3 GB` */
function newestAndMost(
  backups: readonly BackupFacts[],
  measure: "size" | "duration",
  most: string,
  show: (value: number) => string,
): string {
  const values = backups.flatMap((backup) => valueOf(backup, measure) ?? []);
  const newest = values.at(-1);
  return newest === undefined ? "" : `: newest ${show(newest)}, ${most} ${show(Math.max(...values))}`;
}

function chart(backups: readonly BackupFacts[], measure: "size" | "duration", display: Display): string[] {
  const bars = backups.map((backup): Bar => ({
    value: valueOf(backup, measure),
    paint: (text) => paint(text, backup.state === "suspect" ? "yellow" : undefined, display),
  }));
  return barChart(bars, { height: HEIGHT, barWidth: 1, unicode: display.unicode });
}

function valueOf(backup: BackupFacts, measure: "size" | "duration"): number | undefined {
  return backup.state === "unreadable" ? undefined : backup[measure];
}

function markOf(
  { id, state }: BackupFacts,
  verifications: readonly VerificationFacts[],
  { unicode }: Display,
): Mark | undefined {
  if (state === "unreadable") return { sign: "!", meaning: "unreadable", color: "red" };
  const states = verifications
    .filter(({ backup }) => backup === id)
    .map((verification) => verification.state);
  if (states.includes("failed")) {
    return { sign: unicode ? "✗" : "x", meaning: "failed its verification", color: "red" };
  }
  if (state === "suspect") return { sign: "?", meaning: "suspect", color: "yellow" };
  if (states.includes("passed")) return { sign: unicode ? "✓" : "v", meaning: "verified", color: "green" };
  return undefined;
}

function markLine(marks: readonly (Mark | undefined)[], display: Display): string {
  return marks
    .map((mark) => (mark === undefined ? " " : paint(mark.sign, mark.color, display)))
    .join("")
    .trimEnd();
}

/** When the first of them was made, and the last, where there is room for both. */
function axis(backups: readonly BackupFacts[], { timeZone }: Display): string {
  const [first, last] = [backups[0], backups.at(-1)].map((backup) =>
    humanMoment(Date.parse(backup?.started ?? ""), timeZone),
  );
  const both = `${first}${(last ?? "").padStart(backups.length - (first ?? "").length)}`;
  return backups.length > (first ?? "").length + (last ?? "").length
    ? both
    : `${last}`.padStart(backups.length);
}

/** Words beside each other where they fit in, else below each other. */
function besideOrBelow(words: readonly string[], room: number): string[] {
  const together = words.join("   ");
  if (visibleLength(together) > room) return [...words];
  return words.length === 0 ? [] : [together];
}

/** Charts beside each other where they fit in, else below each other. */
function arrange(charts: readonly (readonly string[])[], room: number): string[] {
  const widths = charts.map((lines) => Math.max(...lines.map(visibleLength)));
  const together = widths.reduce((sum, width) => sum + width, GAP * (charts.length - 1));
  if (together > room) return charts.flatMap((lines, index) => (index === 0 ? lines : ["", ...lines]));
  const height = Math.max(...charts.map((lines) => lines.length));
  return Array.from({ length: height }, (_, line) =>
    charts
      .map((lines, index) => {
        const text = lines[line] ?? "";
        const width = (widths[index] ?? 0) + GAP;
        return index === charts.length - 1 ? text : text + " ".repeat(width - visibleLength(text));
      })
      .join(""),
  );
}
