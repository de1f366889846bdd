import { EXIT_CODES } from "../errors.ts";
import { humanDuration } from "../observe/human.ts";
import type { Notice } from "./notice.ts";

/** Characters of one line: a message of a server's may be endless. */
const MAX_LINE = 1_000;

/** Text from outside on one line, bounded, without characters that move a cursor, begin a header or hide what follows. */
export function oneLine(text: string): string {
  const line = text.replaceAll(/\s+/g, " ").replaceAll(/\p{C}/gu, "?").trim();
  return line.length > MAX_LINE ? `${line.slice(0, MAX_LINE)}…` : line;
}

/** A notice below its subject, as plain text: what happened, which run it was, what to do. */
export function renderText(notice: Notice): string {
  const { details, hint, next } = notice;
  const what = [...details, ...(hint === undefined ? [] : [`hint: ${hint}`])];
  const facts = factsOf(notice).map(([name, value]) => `${`${name}:`.padEnd(10)}${value}`);
  const steps = next.map((command) => `${"next:".padEnd(10)}${command}`);
  return [what, [...facts, ...steps]]
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n");
}

/** What is known of the run, by name, in the order in which it is shown. */
export function factsOf({ run, host, at, dataopsVersion }: Notice): [name: string, value: string][] {
  const by = `dataops ${dataopsVersion} on ${host}`;
  if (run === undefined) {
    return [
      ["at", instantInUtc(at)],
      ["by", by],
    ];
  }
  const facts: [string, string][] = [["run", run.id]];
  if (run.slot !== null) facts.push(["slot", instantInUtc(Date.parse(run.slot))]);
  facts.push(["started", instantInUtc(Date.parse(run.started))]);
  if (run.ended !== null) {
    const took = humanDuration(Date.parse(run.ended) - Date.parse(run.started));
    facts.push(["ended", `${instantInUtc(Date.parse(run.ended))}, after ${took}`]);
  }
  if (run.exit !== null) facts.push(["exit", `${EXIT_CODES[run.exit].code} (${run.exit})`]);
  return [...facts, ["by", by]];
}

/** `2026-11-21 04:00:07 UTC`. */
export function instantInUtc(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}
