import { humanDuration } from "../observe/human.ts";
import { jobTitle } from "../repository/job.ts";
import type { JobFacts, RunFacts } from "../status/facts.ts";
import type { DatabaseStatus } from "../status/read-status.ts";
import { lastEnded, stateOf } from "../status/run-state.ts";
import { html, type Html } from "./html.ts";
import { badge, runMark } from "./marks.ts";
import { distance, moment } from "./moment.ts";
import { clipped } from "./text.ts";

/** Runs in the table. */
const MOST_RUNS = 40;

/** What runs next of all jobs, the first one first. */
export function nextSection(databases: readonly DatabaseStatus[], now: number): Html {
  const next = databases.flatMap((status) => status.next).sort((left, right) => left.at - right.at);
  const rows = next.map(
    ({ job, at }) =>
      html`<tr>
        <th scope="row">${jobTitle(job)}</th>
        <td>${distance(at, now)}</td>
        <td>${moment(at)}</td>
      </tr>`,
  );
  return html`<section class="card" aria-labelledby="next">
    <h2 id="next">Next</h2>
    ${
      rows.length === 0
        ? html`<p class="quiet">Nothing is scheduled in this configuration.</p>`
        : html`<table>
            <caption class="unseen">
              What runs next
            </caption>
            <thead>
              <tr>
                <th scope="col">Job</th>
                <th scope="col">Due</th>
                <th scope="col">At</th>
              </tr>
            </thead>
            <tbody>
              ${rows}
            </tbody>
          </table>`
    }
  </section>`;
}

/** When each search index was last rebuilt; nothing where there are none. */
export function indexSection(databases: readonly DatabaseStatus[], now: number): Html | undefined {
  const indexes = databases.flatMap(({ database, facts, next }) => {
    const known = facts.jobs.filter(({ kind }) => kind === "reindex");
    const never = next
      .filter(({ job }) => job.kind === "reindex" && !known.some(({ name }) => name === job.name))
      .map(({ job }): JobFacts => ({ kind: "reindex", name: job.name, runs: [], unreadable: [] }));
    return [...known, ...never].map((job) => ({ database, job }));
  });
  if (indexes.length === 0) return undefined;
  const rows = indexes.map(
    ({ database, job }) =>
      html`<tr>
        <th scope="row">${job.name}</th>
        <td>${database}</td>
        <td>${lastGood(job, now)}</td>
        <td>${outcome(job, now)}</td>
      </tr>`,
  );
  return html`<section class="card" aria-labelledby="indexes">
    <h2 id="indexes">Search indexes</h2>
    <table>
      <caption class="unseen">
        When each search index was last rebuilt
      </caption>
      <thead>
        <tr>
          <th scope="col">Index</th>
          <th scope="col">From</th>
          <th scope="col">Rebuilt</th>
          <th scope="col">Last run</th>
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
  </section>`;
}

function lastGood({ runs }: JobFacts, now: number): Html {
  const good = runs.find(({ state }) => state === "done");
  if (good === undefined) return html`not lately`;
  const at = Date.parse(good.ended ?? good.started);
  return html`${distance(at, now)}`;
}

function outcome(job: JobFacts, now: number): Html {
  const last = lastEnded(job, now);
  return last === undefined ? html`none` : badge(runMark(stateOf(last, now), last.exit));
}

/** The newest runs of all jobs, with what they said at their end. */
export function runSection(databases: readonly DatabaseStatus[], now: number): Html {
  const runs = databases
    .flatMap(({ facts }) => facts.jobs)
    .flatMap((job) => job.runs.map((run) => ({ title: jobTitle(job), run })))
    .sort((left, right) => Date.parse(right.run.started) - Date.parse(left.run.started));
  return html`<section class="card" aria-labelledby="runs">
    <h2 id="runs">Runs</h2>
    ${
      runs.length === 0
        ? html`<p class="quiet">No job has run yet.</p>`
        : html`<table class="runs">
            <caption class="unseen">
              The newest runs, newest first
            </caption>
            <thead>
              <tr>
                <th scope="col">Outcome</th>
                <th scope="col">Job</th>
                <th scope="col">Began</th>
                <th scope="col" class="number">Took</th>
              </tr>
            </thead>
            <tbody>
              ${runs.slice(0, MOST_RUNS).map(({ title, run }) => runRows(title, run, now))}
            </tbody>
          </table>`
    }
  </section>`;
}

function runRows(title: string, run: RunFacts, now: number): Html {
  const { started, ended, message, exit } = run;
  const state = stateOf(run, now);
  const until = state === "running" ? now : ended === null ? undefined : Date.parse(ended);
  const took = until === undefined ? "" : humanDuration(until - Date.parse(started));
  return html`<tr>
      <td>${badge(runMark(state, exit))}</td>
      <th scope="row">${title}</th>
      <td>${moment(Date.parse(started))}</td>
      <td class="number">${took}</td>
    </tr>
    ${
      message === null || message === ""
        ? undefined
        : html`<tr class="message">
            <td colspan="4">${clipped(message)}</td>
          </tr>`
    }`;
}
