import { humanBytes, humanDuration, humanPlural } from "../observe/human.ts";
import { staleAt } from "../status/expectations.ts";
import { goodBackups, newestGood, type BackupFacts, type DatabaseFacts } from "../status/facts.ts";
import { worstLevel, type Finding } from "../status/finding.ts";
import type { DatabaseStatus } from "../status/read-status.ts";
import { charts } from "./chart.ts";
import { entry } from "./entry.ts";
import { html, type Html } from "./html.ts";
import { backupMark, badge, levelMark } from "./marks.ts";
import { distance, moment } from "./moment.ts";
import { clipped, withCode } from "./text.ts";

/** Backups in the table. */
const MOST_ROWS = 50;

/** One database: how fresh its backups are, what is to be said of them, and how they came about. */
export function databaseSection(status: DatabaseStatus, index: number, now: number): Html {
  const { database, expected, facts, findings } = status;
  const heading = `database-${index}`;
  return html`<section class="card" aria-labelledby="${heading}">
    <h2 id="${heading}">${database} ${badge(levelMark(worstLevel(findings)))}</h2>
    <dl>${expected === undefined ? undefined : backupEntries(status, now)}${resetEntry(status, now)}</dl>
    ${findingList(findings)} ${charts(facts)} ${backupTable(facts, index)}
  </section>`;
}

function backupEntries({ facts, expected }: DatabaseStatus, now: number): Html[] {
  const newest = newestGood(facts);
  const verified = facts.verifications.find(({ state }) => state === "passed");
  const good = goodBackups(facts).length;
  const counted =
    facts.total > facts.backups.length
      ? `the newest ${facts.backups.length} were read`
      : humanPlural(good, "good one");
  return [
    newest === undefined || expected === undefined
      ? entry("Newest good backup", "none")
      : entry(
          "Newest good backup",
          distance(Date.parse(newest.started), now),
          html`${moment(Date.parse(newest.started))}, stale
          ${distance(staleAt(Date.parse(newest.started), expected), now)}`,
        ),
    ...(newest === undefined
      ? []
      : [
          entry(
            "It holds",
            humanBytes(newest.size),
            `${humanBytes(newest.stored)} stored anew, in ${humanDuration(newest.duration)}`,
          ),
        ]),
    entry("Backups", facts.total.toLocaleString("en-US"), counted),
    verified === undefined
      ? entry("Last verified", "never")
      : entry("Last verified", distance(Date.parse(verified.ended), now), moment(Date.parse(verified.ended))),
  ];
}

/** When the database was last reset to its seeds, and will be next; nothing where it never is. */
function resetEntry({ database, facts, next }: DatabaseStatus, now: number): Html | undefined {
  const runs = facts.jobs.find(({ kind, name }) => kind === "seed" && name === database)?.runs;
  const due = next.find(({ job }) => job.kind === "seed" && job.name === database);
  if (runs === undefined && due === undefined) return undefined;
  const nextText = due === undefined ? "none is scheduled" : `next ${distance(due.at, now)}`;
  const last = runs?.find(({ state }) => state === "done");
  if (last === undefined) return entry("Last reset", "none that ended well", nextText);
  const at = Date.parse(last.ended ?? last.started);
  return entry("Last reset", distance(at, now), html`${moment(at)}, ${nextText}`);
}

/** All that is not simply well; where all is, nothing but that. */
function findingList(findings: readonly Finding[]): Html | undefined {
  const bad = findings.filter(({ level }) => level !== "ok");
  if (bad.length === 0) return undefined;
  return html`<ul class="findings">
    ${bad.map(({ level, what, hint }) => {
      const { sign, tone, meaning } = levelMark(level);
      return html`<li class="${tone}">
        <b class="sign" aria-hidden="true">${sign}</b>
        <p>
          <span class="unseen">${meaning}: </span
          >${what}${hint === undefined ? undefined : html`<small>${withCode(hint)}</small>`}
        </p>
      </li>`;
    })}
  </ul>`;
}

function backupTable({ backups, verifications }: DatabaseFacts, index: number): Html | undefined {
  if (backups.length === 0) return undefined;
  const rows = backups.slice(0, MOST_ROWS).map((backup) => {
    const mark = backupMark(backup, verifications);
    return html`<tr>
        <td>${moment(Date.parse(backup.started))}</td>
        ${measures(backup)}
        <td>${mark === undefined ? "good" : badge(mark)}</td>
        <td><code>${backup.id}</code></td>
      </tr>
      ${why(backup)}`;
  });
  return html`<details id="backups-${index}">
    <summary id="backups-${index}-summary">
      The newest ${humanPlural(rows.length, "backup")} as a table
    </summary>
    <div class="scroll" tabindex="0" role="region" aria-label="Backups, as a table">
      <table>
        <caption class="unseen">
          Backups, newest first
        </caption>
        <thead>
          <tr>
            <th scope="col">Began</th>
            <th scope="col" class="number">Holds</th>
            <th scope="col" class="number">Stored</th>
            <th scope="col" class="number">Took</th>
            <th scope="col">State</th>
            <th scope="col">Id</th>
          </tr>
        </thead>
        <tbody>
          ${rows}
        </tbody>
      </table>
    </div>
  </details>`;
}

function measures(backup: BackupFacts): Html {
  if (backup.state === "unreadable") return html`<td colspan="3"></td>`;
  const { size, stored, duration } = backup;
  return html`<td class="number">${humanBytes(size)}</td>
    <td class="number">${humanBytes(stored)}</td>
    <td class="number">${humanDuration(duration)}</td>`;
}

function why(backup: BackupFacts): Html | undefined {
  const text = backup.state === "unreadable" ? backup.error : backup.reasons.join("; ");
  return text === ""
    ? undefined
    : html`<tr class="message">
        <td colspan="6">${clipped(text)}</td>
      </tr>`;
}
