import { growthOf, lowestOfEachMinute, type MemorySample } from "./memory.ts";
import { jobTitle } from "../../src/repository/job.ts";
import type { Program } from "./program.ts";
import type { Replica } from "./replica.ts";
import type { JudgedSlot } from "./slots.ts";
import type { Task } from "./tasks.ts";
import { GOOD_VERDICTS, type Verdict } from "./verdicts.ts";
import type { Watched } from "./watch.ts";
import { JOBS } from "./jobs.ts";

/** One thing that a soak looked at. */
export interface Finding {
  isGood: boolean;
  /** What was seen, in a line or a few. */
  lines: string[];
}

const MEGABYTE = 1024 * 1024;

/** Bytes a minute that the heap in use may grow by once a daemon is warm. */
const GROWTH_BOUND = 0.5 * MEGABYTE;

/** Resident bytes of a daemon at most, with twenty jobs that may be at work at the same time. */
const RESIDENT_BOUND = 320 * MEGABYTE;

/** Minutes of which a growth says something. */
const LEAST_MINUTES = 5;

/** Milliseconds until a daemon has met each kind of job, and its heap has the size that they need. */
const WARM_AFTER = 120_000;

/** Answers that a daemon may owe: one that gets a signal is asked in the same moment. */
const MISSED_ANSWERS = 2;

export function slotFindings(judged: readonly JudgedSlot[]): Finding[] {
  const counts = new Map<Verdict, number>();
  for (const { verdict } of judged) counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
  const bad = judged.filter(({ verdict }) => !GOOD_VERDICTS.includes(verdict));
  const shown = judged.filter(({ verdict }) => !["once", "made-up"].includes(verdict));
  return [
    {
      isGood: bad.length === 0,
      lines: [
        `${judged.length} slots of ${JOBS.length} jobs: ${[...counts].map(([verdict, count]) => `${count} ${verdict}`).join(", ")}`,
        ...shown.map(describeSlot),
      ],
    },
  ];
}

function describeSlot({ title, slot, verdict, runs, said }: JudgedSlot): string {
  const how = runs.map(({ id, state, message }) => `${id} ${state}: ${message ?? ""}`).join("; ");
  return `  ${new Date(slot).toISOString().slice(11, 16)} ${title}: ${verdict}. ${how || (said ?? "")}`;
}

/** Of each replica its longest life; that of one that was ended may be too short to say anything. */
export function memoryFindings(
  replicas: readonly Replica[],
  { memory, heaps }: Pick<Watched, "memory" | "heaps">,
): Finding[] {
  return replicas.map(({ name, programs }) => {
    const [longest] = programs
      .map(({ pid }) => ({ resident: memory.get(pid) ?? [], heap: heaps.get(pid) ?? [] }))
      .toSorted((left, right) => right.resident.length - left.resident.length);
    const { resident = [], heap = [] } = longest ?? {};
    const warmSince = (resident[0]?.at ?? 0) + WARM_AFTER;
    const warmHeap = heap.filter(({ at }) => at >= warmSince);
    const warmResident = resident.filter(({ at }) => at >= warmSince);
    const growth = growthOf(warmHeap);
    const peak = Math.max(0, ...resident.map(({ bytes }) => bytes));
    const isLong = lowestOfEachMinute(warmHeap).length >= LEAST_MINUTES;
    return {
      isGood: peak <= RESIDENT_BOUND && (!isLong || growth === undefined || growth <= GROWTH_BOUND),
      lines: [
        `memory of replica ${name}: the heap in use grows by ${growth === undefined ? "?" : (growth / MEGABYTE).toFixed(2)} MB a minute once warm${isLong ? "" : ", which is too short to judge"}`,
        `  heap in use, in MB, the least of each minute: ${minutesOf(warmHeap)}`,
        `  resident: ${minutesOf(warmResident)}; ${(peak / MEGABYTE).toFixed(0)} at most`,
      ],
    };
  });
}

function minutesOf(samples: readonly MemorySample[]): string {
  return lowestOfEachMinute(samples)
    .map(({ bytes }) => (bytes / MEGABYTE).toFixed(1))
    .join(" ");
}

export function answerFindings({ answers, slowest }: Watched): Finding {
  const missed = [...answers].reduce((sum, [key, count]) => sum + (key.endsWith(" none") ? count : 0), 0);
  const shown = [...answers].map(([key, count]) => `${key} ×${count}`);
  const failed = [...answers.keys()].filter((key) => !/ (200|503|none|away)$/.test(key));
  return {
    isGood: failed.length === 0 && missed <= MISSED_ANSWERS && !answers.has("/__lbheartbeat__ 503"),
    lines: [
      `answers: ${shown.toSorted((left, right) => left.localeCompare(right)).join(", ")}`,
      `  the slowest took ${(slowest.took / 1000).toFixed(1)} s: ${slowest.path}`,
    ],
  };
}

/** How processes ended, and that no log shows a bug or a secret. */
export function programFindings(
  replicas: readonly Replica[],
  tasks: readonly Task[],
  codes: ReadonlyMap<Program, string>,
  secrets: readonly string[],
): Finding[] {
  const programs = [
    ...replicas.flatMap((replica) => replica.programs),
    ...tasks.map(({ program }) => program),
  ];
  const stacks = programs.flatMap(({ name, lines }) =>
    lines.filter(({ text }) => /^\s+at .+:\d+:\d+\)?$/.test(text)).map(({ text }) => `  ${name}: ${text}`),
  );
  const leaks = programs.filter(({ lines }) =>
    lines.some(({ text }) => secrets.some((secret) => text.includes(secret))),
  );
  const ended = (some: readonly Program[]): string => some.map((one) => codes.get(one) ?? "?").join(" ");
  const daemons = replicas.flatMap((replica) => replica.programs);
  const oneShots = tasks.map(({ program }) => program);
  return [
    {
      isGood: daemons.every((one) => ["143", "SIGKILL"].includes(codes.get(one) ?? "")),
      lines: [`daemons ended with ${ended(daemons)}`],
    },
    {
      isGood: oneShots.every((one) => /^(0|1|3|11|15|16|SIGKILL)$/.test(codes.get(one) ?? "")),
      lines: [`one-shot runs ended with ${ended(oneShots)}`],
    },
    {
      isGood: stacks.length === 0,
      lines: [`${stacks.length} lines of stacks in the logs`, ...stacks.slice(0, 20)],
    },
    { isGood: leaks.length === 0, lines: [`${leaks.length} logs with a secret`] },
  ];
}

export function describeJobs(): string {
  return JOBS.map((job) => jobTitle(job)).join(", ");
}
