import { humanDuration } from "../observe/human.ts";
import type { Expectations } from "./expectations.ts";
import { newestGood, type DatabaseFacts, type VerificationFacts } from "./facts.ts";
import { critical, quoted, warning, type Finding } from "./finding.ts";

/** Whether verifications pass, and the last one is recent enough. `now` is in milliseconds since the epoch. */
export function judgeVerifications(facts: DatabaseFacts, expected: Expectations, now: number): Finding[] {
  return [
    ...judgeFailed(facts),
    ...judgeNotRun(facts),
    ...judgeResults(facts),
    ...judgeVerificationAge(facts, expected, now),
  ];
}

function judgeFailed(facts: DatabaseFacts): Finding[] {
  const newest = newestGood(facts)?.id;
  const ran = facts.verifications.filter(({ state }) => state !== "not-run");
  return ran
    .filter(({ state }) => state === "failed")
    .map((failed) => {
      const what = `backup ${failed.backup} failed its verification${because(failed)}`;
      const hint = `make a new one: \`dataops backup ${facts.database}\`, verify it, and find out what happened to the storage`;
      // What is about to be fetched, or what was found last. Others are known, and a newer backup has passed since.
      const matters = failed.backup === newest || failed === ran[0];
      return matters ? critical(what, hint) : warning(what, hint);
    });
}

function judgeNotRun({ verifications: [last] }: DatabaseFacts): Finding[] {
  if (last?.state !== "not-run") return [];
  return [
    warning(
      `the last verification, of backup ${last.backup}, could not be carried out${because(last)}`,
      `try again: \`dataops verify ${last.backup}\``,
    ),
  ];
}

function judgeResults({ unreadableVerifications: [first, ...others] }: DatabaseFacts): Finding[] {
  if (first === undefined) return [];
  const more = others.length === 0 ? "" : ` (and ${others.length} more)`;
  return [
    warning(
      `what a verification came to cannot be read: ${first}${more}`,
      "verify that backup again, and find out what wrote to the storage",
    ),
  ];
}

function judgeVerificationAge(
  { verifications }: DatabaseFacts,
  { maxVerificationAge }: Expectations,
  now: number,
): Finding[] {
  if (maxVerificationAge === undefined) return [];
  const limit = humanDuration(maxVerificationAge);
  const hint = "verify one: `dataops verify`";
  const passed = verifications.find(({ state }) => state === "passed");
  if (passed === undefined) {
    return [warning(`no backup has passed a verification; one should every ${limit}`, hint)];
  }
  const age = now - Date.parse(passed.ended);
  if (age <= maxVerificationAge) return [];
  return [warning(`a backup last passed a verification ${humanDuration(age)} ago, more than ${limit}`, hint)];
}

function because({ message }: VerificationFacts): string {
  return message === null ? "" : `: ${quoted(message)}`;
}
