import { humanBytes, humanDuration } from "../observe/human.ts";
import { humanInstant } from "../observe/instant.ts";
import type { BackupFacts, DatabaseFacts, ReadableBackup, VerificationFacts } from "../status/facts.ts";
import { median } from "../status/judge-backups.ts";
import { html, type Html } from "./html.ts";
import { backupMark, FAILED_VERIFICATION, SUSPECT, UNREADABLE, VERIFIED } from "./marks.ts";
import { moment } from "./moment.ts";

/** Backups in a chart; more would be thinner than what a phone shows. */
const MOST_BARS = 120;

/** CSS pixels. */
const PLOT_HEIGHT = 72;
const MARKS_HEIGHT = 18;

/** Percent of the chart's width. */
const WIDEST_BAR = 4;
const THINNEST_BAR = 0.3;

interface Measure {
  title: string;
  most: string;
  valueOf: (backup: ReadableBackup) => number;
  show: (value: number) => string;
}

const SIZE: Measure = { title: "Size", most: "largest", valueOf: ({ size }) => size, show: humanBytes };
const DURATION: Measure = {
  title: "Duration",
  most: "longest",
  valueOf: ({ duration }) => duration,
  show: humanDuration,
};

/** Sizes and durations of the newest backups over time, with what is to be said of each of them. */
export function charts({ backups, verifications }: DatabaseFacts): Html | undefined {
  const shown = backups.slice(0, MOST_BARS).toReversed();
  if (shown.length === 0) return undefined;
  const marks = new Set(shown.map((backup) => backupMark(backup, verifications)));
  const legend = [VERIFIED, SUSPECT, FAILED_VERIFICATION, UNREADABLE].filter((mark) => marks.has(mark));
  return html`<div class="charts">
    ${[SIZE, DURATION].map((measure) => chart(shown, verifications, measure))}
    ${legend.length === 0 ? undefined : html`<p class="legend">${legend.map(({ sign, meaning, tone }) => html`<span><b class="${tone}" aria-hidden="true">${sign}</b> ${meaning}</span>`)}</p>`}
  </div>`;
}

function chart(
  backups: readonly BackupFacts[],
  verifications: readonly VerificationFacts[],
  measure: Measure,
): Html {
  const values = backups.flatMap((backup) => valueOf(backup, measure) ?? []);
  const highest = Math.max(0, ...values);
  const newest = values.at(-1);
  const caption =
    newest === undefined
      ? "not known"
      : `newest ${measure.show(newest)}, ${measure.most} ${measure.show(highest)}`;
  const { places, width } = layOut(backups.map(({ started }) => Date.parse(started)));
  const bars = backups.map((backup, index) => {
    const center = places[index] ?? 0;
    const height = barHeight(valueOf(backup, measure), highest);
    const mark = backupMark(backup, verifications);
    return html`<g class="bar ${mark?.tone ?? "plain"}"
      ><title>${describe(backup, mark?.meaning, measure)}</title
      ><rect
        x="${percent(center - width / 2)}"
        y="${(PLOT_HEIGHT - height).toFixed(1)}"
        width="${percent(width)}"
        height="${height.toFixed(1)}"
      />${mark === undefined ? undefined : html`<text x="${percent(center)}" y="${PLOT_HEIGHT + MARKS_HEIGHT - 4}" text-anchor="middle">${mark.sign}</text>`}</g
    >`;
  });
  return html`<figure>
    <figcaption><b>${measure.title}</b> ${caption}</figcaption>
    <svg
      role="img"
      aria-label="${measure.title} of ${backups.length} backups: ${caption}"
      width="100%"
      height="${PLOT_HEIGHT + MARKS_HEIGHT}"
    >
      <title>${measure.title} of ${backups.length} backups: ${caption}</title>
      <line class="half" x1="0" x2="100%" y1="${PLOT_HEIGHT / 2}" y2="${PLOT_HEIGHT / 2}" />
      <line class="ground" x1="0" x2="100%" y1="${PLOT_HEIGHT + 0.5}" y2="${PLOT_HEIGHT + 0.5}" />
      ${bars}
    </svg>
    ${axis(backups)}
  </figure>`;
}

/** When the first of them was made, and the last. */
function axis(backups: readonly BackupFacts[]): Html {
  const ends = backups.length === 1 ? backups : [backups.at(0), backups.at(-1)];
  return html`<p class="axis">${ends.map((end) => moment(Date.parse(end?.started ?? "")))}</p>`;
}

/**
 * Where bars stand on a scale of time, by their centres, and how wide they are, in percent of the chart's width: a backup that
 * is missing leaves a gap. Pure.
 *
 * @param instants in milliseconds since the epoch, in their order
 */
export function layOut(instants: readonly number[]): { places: number[]; width: number } {
  const [first = 0] = instants;
  const span = (instants.at(-1) ?? 0) - first;
  if (instants.length < 2 || span <= 0) return { places: instants.map(() => 50), width: WIDEST_BAR };
  const gaps = instants.slice(1).map((instant, index) => instant - (instants[index] ?? 0));
  const usual = (median(gaps) / span) * 100;
  const width = Math.min(WIDEST_BAR, Math.max(THINNEST_BAR, usual * 0.7));
  const places = instants.map((instant) => width / 2 + ((instant - first) / span) * (100 - width));
  return { places, width };
}

/** What is there is seen, however little it is. */
function barHeight(value: number | undefined, highest: number): number {
  if (value === undefined || highest <= 0) return 0;
  return Math.max(1.5, (value / highest) * PLOT_HEIGHT);
}

function valueOf(backup: BackupFacts, measure: Measure): number | undefined {
  return backup.state === "unreadable" ? undefined : measure.valueOf(backup);
}

function describe(backup: BackupFacts, meaning: string | undefined, measure: Measure): string {
  const value = valueOf(backup, measure);
  const words = [value === undefined ? undefined : measure.show(value), meaning].filter(Boolean);
  return `${humanInstant(Date.parse(backup.started), "UTC")}: ${words.join(", ")}`;
}

function percent(value: number): string {
  return `${value.toFixed(2)}%`;
}
