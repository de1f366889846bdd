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

const answerSchema = z.object({
  errors: z.boolean(),
  items: z
    .array(
      z.record(
        z.string(),
        z.object({
          status: z.int(),
          error: z.object({ type: z.string().optional(), reason: z.string().nullish() }).optional(),
        }),
      ),
    )
    .default([]),
});

/**
 * Reads what became of each item.
 *
 * @param body the request's
 * @throws SearchError for what concerns the whole request: `blocked`, `not-found`, `not-permitted`; `unreachable` for an answer
 * that does not fit the request
 */
export function readBulkAnswer(what: string, body: Buffer, answer: unknown): BulkAnswer {
  const parsed = answerSchema.safeParse(answer);
  if (!parsed.success)
    throw new SearchError("unreachable", `${what}: the answer is not that of a bulk request`);
  const results = parsed.data.items;
  const sent = countItems(body);
  if (results.length !== sent) {
    throw new SearchError("unreachable", `${what}: ${results.length} of ${sent} items were answered`);
  }
  let accepted = 0;
  let conflicts = 0;
  const overloaded: number[] = [];
  const failed: { place: number; failure: EngineFailure }[] = [];
  for (const [place, result] of results.entries()) {
    const [outcome] = Object.values(result);
    if (outcome === undefined) throw new SearchError("unreachable", `${what}: an item has no result`);
    const { status, error } = outcome;
    // A delete of what is not there is 404 without an error.
    if (error === undefined && (status < 300 || status === 404)) accepted += 1;
    else if (status === CONFLICT) conflicts += 1;
    else {
      const failure = { status, type: error?.type, reason: error?.reason ?? "" };
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
