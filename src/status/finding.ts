import { humanName } from "../observe/human.ts";

/** From the best to the worst. */
export const LEVELS = ["ok", "warning", "critical"] as const;

export type Level = (typeof LEVELS)[number];

/** What is to be said of a database: how bad it is, and what to do about it. */
export interface Finding {
  level: Level;
  /** One line, lowercase, without a full stop. */
  what: string;
  hint: string | undefined;
}

export function ok(what: string): Finding {
  return { level: "ok", what, hint: undefined };
}

export function warning(what: string, hint: string): Finding {
  return { level: "warning", what, hint };
}

export function critical(what: string, hint: string): Finding {
  return { level: "critical", what, hint };
}

/** The worst level of all; `ok` where there is nothing to say. */
export function worstLevel(findings: readonly Finding[]): Level {
  return LEVELS.findLast((level) => findings.some((finding) => finding.level === level)) ?? "ok";
}

/** Characters of a text from outside that a finding repeats. */
const LONGEST_QUOTE = 200;

/** Text from outside, as part of a finding's one line. */
export function quoted(text: string): string {
  const line = humanName(text.replaceAll(/\s+/g, " ").trim());
  return line.length <= LONGEST_QUOTE ? line : `${line.slice(0, LONGEST_QUOTE - 1)}…`;
}
