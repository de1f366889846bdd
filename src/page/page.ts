import { createHash } from "node:crypto";
import { humanPlural } from "../observe/human.ts";
import { worstLevel, type Level } from "../status/finding.ts";
import type { KnownStatus, StatusLook } from "../status/look.ts";
import type { DatabaseStatus } from "../status/read-status.ts";
import { databaseSection } from "./database.ts";
import { Html, html } from "./html.ts";
import { indexSection, nextSection, runSection } from "./jobs.ts";
import { levelMark, SUSPECT, UNKNOWN, type Mark } from "./marks.ts";
import { moment } from "./moment.ts";
import { SCRIPT } from "./script.ts";
import { STYLE } from "./style.ts";
import { clipped } from "./text.ts";

export interface PageOptions {
  /** `s3://bucket/prefix`, never with credentials. */
  storage: string;
  /** Of this program. */
  version: string;
}

// Not by the template: a formatter may indent what stands there, and then the hashes are others.
const STYLE_ELEMENT = new Html(`<style>${STYLE}</style>`);
const SCRIPT_ELEMENT = new Html(`<script>${SCRIPT}</script>`);

/** The headers of the page: it runs its own script, wears its own style, and asks nobody but its own server. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  "Content-Security-Policy": [
    "default-src 'none'",
    `script-src ${hashOf(SCRIPT)}`,
    `style-src ${hashOf(STYLE)}`,
    "img-src data:",
    "connect-src 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; "),
};

/** The status page, whole. Pure. */
export function renderPage(look: StatusLook, { storage, version }: PageOptions): string {
  const { mark, words } = summaryOf(look);
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <title>${mark.sign} ${words} – dataops</title>
        <link rel="icon" href="${icon(mark)}" />
        ${STYLE_ELEMENT}
      </head>
      <body>
        <header>
          <h1>dataops</h1>
          <p>${storage}</p>
        </header>
        <main>
          <p class="summary ${mark.tone}">
            <b><span aria-hidden="true">${mark.sign}</span> ${words}</b
            ><small>as of ${moment(look.at)}</small>
          </p>
          ${look.databases === undefined ? unknown(look.problem) : sections(look)}
        </main>
        <footer>
          <p role="status" id="note" class="bad"></p>
          <p>
            <span id="zone">Times are in UTC.</span> Read from the storage by dataops ${version}. Nothing can
            be changed here.
          </p>
        </footer>
        ${SCRIPT_ELEMENT}
      </body>
    </html>`.toString();
}

function sections({ databases, at }: KnownStatus): Html {
  const shown = databases.filter(isWorthASection);
  const others = databases.filter((status) => !isWorthASection(status)).map(({ database }) => database);
  return html`${shown.map((status, index) => databaseSection(status, index, at))}
    <div class="pair">${nextSection(databases, at)}${indexSection(databases, at)}</div>
    ${runSection(databases, at)}
    ${others.length === 0 ? undefined : html`<p class="quiet">Not backed up, and without jobs: ${others.join(", ")}.</p>`}`;
}

/** A laptop's database is in the configuration, and nothing is to be said of it. */
function isWorthASection({ expected, facts, findings, next }: DatabaseStatus): boolean {
  return expected !== undefined || facts.jobs.length > 0 || findings.length > 0 || next.length > 0;
}

function unknown(problem: string): Html {
  return html`<section class="card" aria-labelledby="unknown">
    <h2 id="unknown">The status cannot be read</h2>
    <p>${clipped(problem)}</p>
    <p class="quiet">
      Whether backups are fresh is not known until the storage answers. <code>dataops doctor</code> says more.
    </p>
  </section>`;
}

function summaryOf(look: StatusLook): { mark: Mark; words: string } {
  if (look.databases === undefined) return { mark: UNKNOWN, words: "The storage cannot be read" };
  const findings = look.databases.flatMap((status) => status.findings);
  // Silence is no good news.
  if (findings.length === 0) return { mark: SUSPECT, words: "Nothing is watched" };
  const count = (level: Level): number => findings.filter((finding) => finding.level === level).length;
  const mark = levelMark(worstLevel(findings));
  if (count("critical") > 0) return { mark, words: `${humanPlural(count("critical"), "thing")} to mend now` };
  if (count("warning") > 0) return { mark, words: `${humanPlural(count("warning"), "thing")} to look at` };
  return { mark, words: "All is well" };
}

/** A dot in the colour of the state, for the browser's tab. */
function icon({ tone }: Mark): string {
  const color = { good: "1f9d5b", attention: "d69a1e", bad: "d93a2f", quiet: "8a949e" }[tone];
  return `data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 8 8'%3E%3Ccircle cx='4' cy='4' r='3' fill='%23${color}'/%3E%3C/svg%3E`;
}

function hashOf(text: string): string {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}
