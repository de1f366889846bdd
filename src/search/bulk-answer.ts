import { z } from "zod";
import { type EngineFailure, errorOf, judgeFailure, reasonOf } from "./answer-error.ts";
import { countItems, idOf, itemsOf } from "./bulk-items.ts";
import type { BulkAnswer } from "./search-engine.ts";
import { SearchError } from "./search-error.ts";

/** What is asked of an answer: without the rest it is a tenth as long. Places in it are places in the request. */
export const BULK_FIELDS = ["errors", "items.*.status", "items.*.error.type", "items.*.error.reason"].join(
  ",",
);

const CONFLICT = 409;

const errorSchema = z.object({ type: z.string().optional(), reason: z.string().nullish() });

/**
 * Reads what became of each item.
 *
 * @param body the request's
 * @throws SearchError for what concerns the whole request: `blocked`, `not-found`, `not-permitted`; `unreachable` for an answer
 * that does not fit the request
 */
export function readBulkAnswer(what: string, body: Buffer, answer: unknown): BulkAnswer {
  const results = resultsOf(answer);
  if (results === undefined) throw notAnAnswer(what);
  const sent = countItems(body);
  if (results.length !== sent) {
    throw new SearchError("unreachable", `${what}: ${results.length} of ${sent} items were answered`);
  }
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
