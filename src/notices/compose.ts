import type { ExitName } from "../errors.ts";
import { humanDuration, humanPlural } from "../observe/human.ts";
import { jobTitle, type Job } from "../repository/job.ts";
import type { RunRecord } from "../repository/run-record.ts";
import type { Decision } from "./decide.ts";
import { suspicionOf } from "./health.ts";
import { instantInUtc, oneLine } from "./message.ts";
import type { Notice } from "./notice.ts";
import type { Redact } from "./redact.ts";

/** Who tells, and what may not be told. */
export interface Author {
  host: string;
  dataopsVersion: string;
  /** Milliseconds since the epoch. */
  now: () => number;
  redact: Redact;
}

/** What is said of a run that has ended. */
export function runNotice(decision: Decision, run: RunRecord, job: Job, author: Author): Notice {
  const { id, slot, started, ended, state, exit } = run;
  const title = jobTitle(job);
  return clean(
    {
      event: decision.event,
      id: `${id}/${decision.event}`,
      at: author.now(),
      subject: `${title} ${outcomeOf(decision, run)} on ${run.host}`,
      details: [...ownDetails(decision, run), ...historyOf(decision)],
      hint: hintOf(decision, run),
      next: nextOf(decision, run, job),
      host: run.host,
      dataopsVersion: run.dataopsVersion,
      job: { kind: job.kind, name: job.name, database: job.database },
      run: { id, slot, started, ended, state, exit },
    },
    author.redact,
  );
}

/** What is said of a job whose last good result is older than was promised. */
export function staleNotice(stale: { staleSince: number; detail: string }, job: Job, author: Author): Notice {
  const now = author.now();
  return clean(
    {
      event: "stale",
      id: `${jobTitle(job).replace(" ", "-")}/stale/${new Date(now).toISOString()}`,
      at: now,
      subject: `${jobTitle(job)} is stale since ${instantInUtc(stale.staleSince)}`,
      details: [stale.detail],
      hint: "find out whether the schedule still runs",
      next: ["dataops status", ...commandsOf(job)],
      host: author.host,
      dataopsVersion: author.dataopsVersion,
      job: { kind: job.kind, name: job.name, database: job.database },
      run: undefined,
    },
    author.redact,
  );
}

/** What `dataops notify test` sends. */
export function testNotice(author: Author): Notice {
  const now = author.now();
  return clean(
    {
      event: "test",
      id: `test/${new Date(now).toISOString()}`,
      at: now,
      subject: `test of dataops' notices from ${author.host}`,
      details: ["nothing happened: somebody ran `dataops notify test`"],
      hint: undefined,
      next: ["dataops status"],
      host: author.host,
      dataopsVersion: author.dataopsVersion,
      job: undefined,
      run: undefined,
    },
    author.redact,
  );
}

/** What to do about a failure, as far as its exit code alone tells. */
const EXIT_HINTS: Readonly<Partial<Record<ExitName, string>>> = {
  failed: "`dataops doctor` checks programs, configuration, storage and databases",
  usage: "`dataops config validate` says what is wrong in the configuration",
  noSuchBackup: "`dataops list` shows the backups that there are",
  notPermitted: "`dataops doctor` says which credentials or grants are missing",
  refused: "nothing was changed; the message says what has to be true first",
  corrupt: "restore from another backup, and find out what changed this one",
  unreachable: "`dataops doctor` says what can be reached from a machine",
  tool: "`dataops doctor` says which PostgreSQL programs are missing or too old",
  reindexFailed: "search still answers from the index before; nothing was lost",
};

function outcomeOf({ event }: Decision, run: RunRecord): string {
  if (event === "recovery") return "works again";
  if (event === "suspect") return "made a suspect backup";
  return run.state === "lost" ? "was lost" : "failed";
}

function ownDetails({ event }: Decision, run: RunRecord): string[] {
  if (event === "recovery") return [];
  if (run.state === "lost") return ["it ended without a word: killed, out of memory, or its machine is gone"];
  const suspicion = suspicionOf(run);
  if (suspicion !== undefined) {
    return [suspicion, "it is kept, and not chosen as the latest until somebody accepts it"];
  }
  return [run.message ?? "it left no message"];
}

/** What came before: how long it has been like this, or how long it was. */
function historyOf({ event, before, gap }: Decision): string[] {
  if (gap !== undefined) return [`there was no good run for ${humanDuration(gap)}`];
  const [newest] = before;
  const oldest = before.at(-1);
  if (newest === undefined || oldest === undefined) return [];
  const since = `since ${instantInUtc(Date.parse(oldest.started))}`;
  if (event !== "recovery")
    return [
      `${humanPlural(before.length, "run")} before it ${before.length === 1 ? "was" : "were"} not good either, ${since}`,
    ];
  const last = newest.message === null ? [] : [`the last of them: ${newest.message}`];
  return [
    `after ${humanPlural(before.length, "run")} that ${before.length === 1 ? "was" : "were"} not good, ${since}`,
    ...last,
  ];
}

function hintOf({ event }: Decision, run: RunRecord): string | undefined {
  if (event === "suspect")
    return "compare it with the one before, then accept it, or find out what happened to the rows";
  if (event === "recovery") return undefined;
  if (run.state === "lost")
    return "see the task's own log and memory limit; what it left behind is cleared by the next run";
  return run.exit === null ? undefined : EXIT_HINTS[run.exit];
}

function nextOf({ event }: Decision, run: RunRecord, job: Job): string[] {
  if (event === "suspect") return [`dataops show ${run.id}`, `dataops accept ${run.id}`];
  if (event === "recovery") return ["dataops status"];
  return ["dataops status", "dataops doctor", ...commandsOf(job)];
}

/** What runs the job by hand, where that is as simple as its name. */
function commandsOf(job: Job): string[] {
  return ["backup", "seed", "reindex"].includes(job.kind) ? [`dataops ${jobTitle(job)}`] : [];
}

/** What came from servers and machines is bounded to one line each, and passes the redaction. */
function clean(notice: Notice, redact: Redact): Notice {
  const tidy = (text: string): string => redact(oneLine(redact(text)));
  return {
    ...notice,
    subject: tidy(notice.subject),
    details: notice.details.map(tidy),
    hint: notice.hint === undefined ? undefined : tidy(notice.hint),
    next: notice.next.map(tidy),
    host: tidy(notice.host),
  };
}
