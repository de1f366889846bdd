import { z } from "zod";
import { type EngineFailure, errorOf, judgeFailure, reasonOf } from "./answer-error.ts";
import { parseJson } from "./ask.ts";
import { countItems, idOf, itemsOf } from "./bulk-items.ts";
import { countSuccesses } from "./bulk-success.ts";
import type { BulkAnswer } from "./search-engine.ts";
import { SearchError } from "./search-error.ts";

/** What is asked of an answer: without the rest it is a tenth as long. Places in it are places in the request. */
export const BULK_FIELDS = ["errors", "items.*.status", "items.*.error.type", "items.*.error.reason"].join(
  ",",
);

const CONFLICT = 409;

const errorSchema = z.object({ type: z.string().optional(), reason: z.string().nullish() });

/** A bulk request that was made. */
export interface SentBulk {
  body: Buffer;
  /** How many items it has; undefined: they are counted. */
  items: number | undefined;
}

/**
 * Reads what became of each item.
 *
 * @param answer the engine's, as its bytes
 * @throws SearchError for what concerns the whole request: `blocked`, `not-found`, `not-permitted`; `unreachable` for an answer
 * that does not fit the request
 */
export function readBulkAnswer(what: string, { body, items: known }: SentBulk, answer: Buffer): BulkAnswer {
  const sent = known ?? countItems(body);
  const successes = countSuccesses(answer);
  if (successes !== undefined) {
    requireAll(what, successes, sent);
    return { accepted: successes, conflicts: 0, overloaded: [], refused: [] };
  }
  const results = resultsOf(parseJson(what, answer));
  if (results === undefined) throw notAnAnswer(what);
  requireAll(what, results.length, sent);
  let accepted = 0;
  let conflicts = 0;
  const overloaded: number[] = [];
  const failed: { place: number; failure: EngineFailure }[] = [];
  for (const [place, result] of results.entries()) {
    const { status, error } = outcomeOf(result) ?? {};
    if (status === undefined) throw notAnAnswer(what);
    // A delete of what is not there is 404 without an error.
    if (error === undefined && (status < 300 || status === 404)) accepted += 1;
    else if (status === CONFLICT) conflicts += 1;
    else {
      const said = errorSchema.safeParse(error).data;
      const failure = { status, type: said?.type, reason: said?.reason ?? "" };
      const { kind } = judgeFailure(failure);
      if (kind === "overloaded" || kind === "unreachable") overloaded.push(place);
      else if (kind === "rejected" || kind === "too-large") failed.push({ place, failure });
      else throw errorOf(what, failure, undefined);
    }
  }
  const items = failed.length > 0 ? itemsOf(body) : [];
  const refused = failed.map(({ place, failure }) => {
    const item = items[place];
    return {
      place,
      id: item === undefined ? "" : idOf(body, item),
      reason: reasonOf(failure),
      status: failure.status,
    };
  });
  return { accepted, conflicts, overloaded, refused };
}

function requireAll(what: string, answered: number, sent: number): void {
  if (answered === sent) return;
  throw new SearchError("unreachable", `${what}: ${answered} of ${sent} items were answered`);
}

// By hand, not by a schema: there is one of these for each document, and a schema took as long as all the rest.

function resultsOf(answer: unknown): readonly unknown[] | undefined {
  if (typeof answer !== "object" || answer === null) return undefined;
  const items: unknown = "items" in answer ? answer.items : [];
  return Array.isArray(items) ? items : undefined;
}

/** Of `{"index":{"status":201}}` what is inside. */
function outcomeOf(result: unknown): { status: number; error: unknown } | undefined {
  if (typeof result !== "object" || result === null) return undefined;
  const [outcome]: readonly unknown[] = Object.values(result);
  if (typeof outcome !== "object" || outcome === null || !("status" in outcome)) return undefined;
  if (typeof outcome.status !== "number") return undefined;
  return { status: outcome.status, error: "error" in outcome ? outcome.error : undefined };
}

function notAnAnswer(what: string): SearchError {
  return new SearchError("unreachable", `${what}: the answer is not that of a bulk request`);
}
