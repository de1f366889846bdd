import type { ProgressUnit } from "./reporter.ts";

/** Numbers as people read them, in what commands print. Structured output has the plain numbers. */

const BYTE_UNITS = ["bytes", "kB", "MB", "GB", "TB", "PB"] as const;

/** `1.2 GB`: thousands, three digits at most. */
export function humanBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < BYTE_UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1;
  return `${value.toFixed(digits)} ${BYTE_UNITS[unit]}`;
}

/** `1.2 GB`, or `12,345 documents`. */
export function humanAmount(amount: number, unit: ProgressUnit): string {
  return unit === "bytes" ? humanBytes(amount) : `${humanCount(Math.round(amount))} ${unit}`;
}

/** `12,345`. */
export function humanCount(count: number): string {
  return count.toLocaleString("en-US");
}

/** `1 table`, `12,345 tables`. */
export function humanPlural(count: number, noun: string): string {
  return `${humanCount(count)} ${noun}${count === 1 ? "" : "s"}`;
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `12 s`, `3 min 20 s`, `5 h 12 min`, `9 d 4 h`: the two largest units. */
export function humanDuration(milliseconds: number): string {
  const whole = Math.max(0, milliseconds);
  if (whole < 10 * SECOND) return `${(Math.floor(whole / 100) / 10).toFixed(1)} s`;
  if (whole < MINUTE) return `${Math.floor(whole / SECOND)} s`;
  if (whole < HOUR) return `${Math.floor(whole / MINUTE)} min ${Math.floor((whole % MINUTE) / SECOND)} s`;
  if (whole < DAY) return `${Math.floor(whole / HOUR)} h ${Math.floor((whole % HOUR) / MINUTE)} min`;
  return `${Math.floor(whole / DAY)} d ${Math.floor((whole % DAY) / HOUR)} h`;
}

export interface Column {
  title: string;
  align: "left" | "right";
}

/** Lines of aligned columns, two spaces apart, titles first. */
export function humanTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map(({ title }, index) =>
    Math.max(title.length, ...rows.map((row) => row[index]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string =>
    columns
      .map(({ align }, index) => {
        const cell = cells[index] ?? "";
        const width = widths[index] ?? 0;
        return align === "right" ? cell.padStart(width) : cell.padEnd(width);
      })
      .join("  ")
      .trimEnd();
  return [columns.map(({ title }) => title), ...rows].map(line).join("\n");
}

/**
 * Text from outside on one line of a terminal: control characters, which could move the cursor or hide what stands there,
 * are shown as their escapes.
 */
export function humanName(text: string): string {
  return text.replaceAll(/\p{C}/gu, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
}
