import { exposition, EXPOSITION_TYPE } from "../metrics/exposition.ts";
import { processSamples } from "../metrics/process-samples.ts";
import { samplesOf } from "../metrics/samples.ts";
import { PAGE_HEADERS, renderPage, type PageOptions } from "../page/page.ts";
import { freshnessOf } from "../status/freshness.ts";
import { lookAtStatus, type LookOptions, type StatusLook } from "../status/look.ts";
import type { DatabaseStatus } from "../status/read-status.ts";
import { jsonAnswer } from "./json-answer.ts";
import type { Answer, Route } from "./server.ts";
import { sharedAnswer } from "./shared-answer.ts";

export interface StatusRouteOptions extends PageOptions, Pick<LookOptions, "now" | "onProblem"> {
  /** Reads the status of all databases from the storage. `now` is in milliseconds since the epoch. */
  readStatus: (now: number, signal: AbortSignal) => Promise<readonly DatabaseStatus[]>;
  /** Milliseconds that a look may take; it has to be less than an answer may. */
  patience?: number | undefined;
  /** Milliseconds that a look is good for; 0 looks anew for each request that does not come at the same time. */
  keep?: number | undefined;
}

/** The newest runs of each job that the page and the metrics have something from. */
export const RUNS_SHOWN = 20;

const PATIENCE = 8_000;
const KEEP = 10_000;

/**
 * `/`, `/freshness` and `/metrics`: three views of the same look at the storage, however many ask. They are for those who show
 * credentials.
 */
export function statusRoutes(options: StatusRouteOptions): Route[] {
  const { readStatus, patience = PATIENCE, keep = KEEP, now, onProblem } = options;
  const look = sharedAnswer(() => lookAtStatus(readStatus, { patience, now, onProblem }), keep, now);
  const view = (path: string, render: (look: StatusLook) => Promise<Answer>): Route => {
    const answer = oncePerLook(render);
    return { path, isOpen: false, answer: async () => answer(await look()) };
  };
  return [
    view("/", async (status) => ({
      status: status.databases === undefined ? 503 : 200,
      type: "text/html; charset=utf-8",
      body: renderPage(status, options),
      headers: PAGE_HEADERS,
    })),
    view("/freshness", async (status) => {
      const freshness = freshnessOf(status);
      return jsonAnswer(freshness.isFresh ? 200 : 503, freshness);
    }),
    view("/metrics", async (status) => ({
      status: 200,
      type: EXPOSITION_TYPE,
      body: await exposition([...processSamples(now()), ...samplesOf(status)]),
    })),
  ];
}

/** Renders what is new only: a thousand requests cost one page. */
function oncePerLook(render: (look: StatusLook) => Promise<Answer>): (look: StatusLook) => Promise<Answer> {
  let last: { look: StatusLook; answer: Promise<Answer> } | undefined;
  return (look) => {
    if (last?.look !== look) last = { look, answer: render(look) };
    return last.answer;
  };
}
