import { z } from "zod";
import { jobTitle, type Job } from "../../src/repository/job.ts";
import { listRuns, type RunRecord } from "../../src/repository/run-record.ts";
import type { Storage } from "../../src/storage/storage.ts";
import type { Received } from "../../test/support/http-receiver.ts";
import { JOBS } from "./jobs.ts";
import type { Line } from "./program.ts";
import { judgeSlot, type Verdict } from "./verdicts.ts";

export interface JudgedSlot {
  title: string;
  /** Milliseconds since the epoch. */
  slot: number;
  verdict: Verdict;
  runs: RunRecord[];
  /** What a log said of it, where that is all there is. */
  said: string | undefined;
}

export interface Evidence {
  storage: Storage;
  notices: readonly Received[];
  /** All that daemons said. */
  lines: readonly Line[];
}

/** Milliseconds after a slot in which a line about its job is about it. */
const ABOUT = 90_000;

/** Judges each slot of each job. */
export async function judgeSlots(
  slots: readonly number[],
  { storage, notices, lines }: Evidence,
): Promise<JudgedSlot[]> {
  const told = new Set(notices.map(({ body }) => slotOfNotice(body)));
  const judged: JudgedSlot[] = [];
  for (const job of JOBS) {
    const { runs } = await listRuns(storage, job, {});
    for (const slot of slots) {
      const own = runs.filter((run) => run.slot !== null && Date.parse(run.slot) === slot);
      const said = lineAbout(job, slot, lines);
      const isNoticed = told.has(`${jobTitle(job)} ${new Date(slot).toISOString()}`);
      const verdict = judgeSlot(own, { isNoticed, isLogged: said !== undefined });
      judged.push({ title: jobTitle(job), slot, verdict, runs: own, said });
    }
  }
  return judged;
}

const noticeSchema = z.object({
  job: z.object({ kind: z.string(), name: z.string() }).nullable(),
  run: z.object({ slot: z.string().nullable() }).nullable(),
});

/** `backup shop1 2026-11-21T04:00:00.000Z`, of the document that a webhook was sent. */
function slotOfNotice(body: string): string {
  const { job, run } = noticeSchema.parse(JSON.parse(body));
  return `${job?.kind} ${job?.name} ${run?.slot}`;
}

/** Why a daemon says that it ran nothing for the slot; that another run did it says nothing. */
function lineAbout(job: Job, slot: number, lines: readonly Line[]): string | undefined {
  const title = jobTitle(job);
  const passed = `warning: ${title} did not run for ${new Date(slot).toISOString()}`;
  const exact = lines.find(({ text }) => text.startsWith(passed));
  if (exact !== undefined) return exact.text;
  const isAbout = ({ at, text }: Line): boolean =>
    at >= slot &&
    at < slot + ABOUT &&
    (text.startsWith(`warning: ${title} failed: `) ||
      (text.startsWith(`${title}: ${title} `) && / (is being run already|has to wait for) /.test(text)));
  return lines.find(isAbout)?.text;
}
