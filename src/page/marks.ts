import type { RunState } from "../repository/run-record.ts";
import type { BackupFacts, VerificationFacts } from "../status/facts.ts";
import type { Level } from "../status/finding.ts";
import { html, type Html } from "./html.ts";

/** A sign that says by its shape, by its colour and in words what it stands for. */
export interface Mark {
  sign: string;
  meaning: string;
  tone: "good" | "attention" | "bad" | "quiet";
}

const LEVELS = {
  ok: { sign: "✓", meaning: "ok", tone: "good" },
  warning: { sign: "!", meaning: "warning", tone: "attention" },
  critical: { sign: "✗", meaning: "critical", tone: "bad" },
} as const satisfies Record<Level, Mark>;

const RUN_STATES = {
  running: { sign: "▸", meaning: "running", tone: "quiet" },
  done: { sign: "✓", meaning: "done", tone: "good" },
  failed: { sign: "✗", meaning: "failed", tone: "bad" },
  interrupted: { sign: "!", meaning: "interrupted", tone: "attention" },
  lost: { sign: "✗", meaning: "lost", tone: "bad" },
  fenced: { sign: "!", meaning: "overtaken", tone: "attention" },
} as const satisfies Record<RunState, Mark>;

export const UNREADABLE: Mark = { sign: "!", meaning: "unreadable", tone: "bad" };
export const FAILED_VERIFICATION: Mark = { sign: "✗", meaning: "failed its verification", tone: "bad" };
export const SUSPECT: Mark = { sign: "?", meaning: "suspect", tone: "attention" };
export const VERIFIED: Mark = { sign: "✓", meaning: "verified", tone: "good" };
export const UNKNOWN: Mark = { sign: "✗", meaning: "not known", tone: "bad" };

export function levelMark(level: Level): Mark {
  return LEVELS[level];
}

/** A run's outcome; one that was done with warnings is no plain success. */
export function runMark(state: RunState, exit: string | null): Mark {
  if (state === "done" && exit === "warnings") return { sign: "!", meaning: "warnings", tone: "attention" };
  return RUN_STATES[state];
}

/** What is to be said of a backup, if anything. */
export function backupMark(
  { id, state }: BackupFacts,
  verifications: readonly VerificationFacts[],
): Mark | undefined {
  if (state === "unreadable") return UNREADABLE;
  const states = verifications.filter(({ backup }) => backup === id).map((one) => one.state);
  if (states.includes("failed")) return FAILED_VERIFICATION;
  if (state === "suspect") return SUSPECT;
  return states.includes("passed") ? VERIFIED : undefined;
}

export function badge({ sign, meaning, tone }: Mark): Html {
  return html`<span class="badge ${tone}"><span aria-hidden="true">${sign}</span> ${meaning}</span>`;
}
