import type { z } from "zod";
import { errorOf, failureOf } from "./answer-error.ts";
import type { HttpRequest, SearchHttp } from "./client.ts";
import { retryAfter } from "./retry-after.ts";
import type { SearchOptions } from "./search-engine.ts";
import { SearchError } from "./search-error.ts";

/** Bytes of an answer about indexes and settings; a cluster with a thousand indexes says some 500 kB. */
const MAX_ANSWER = 16 * 1024 * 1024;

/**
 * One request that has to succeed. `what` says what is being done: `creating the index products-…`.
 *
 * @throws SearchError for any other answer, classified
 */
type AskAs<T> = (
  what: string,
  request: Omit<HttpRequest, "signal" | "maxAnswerBytes"> & { maxAnswerBytes?: number },
  options: SearchOptions | undefined,
) => Promise<T>;

/** For the bytes of the answer. */
export type AskForBytes = AskAs<Buffer>;
/** For the answer as JSON. */
export type Ask = AskAs<unknown>;

/** @param onExpired called when the engine said that the credentials have expired */
export function makeAskForBytes(http: SearchHttp, onExpired: () => void): AskForBytes {
  return async (what, request, options) => {
    const answer = await http.request({ maxAnswerBytes: MAX_ANSWER, ...request, signal: options?.signal });
    if (answer.status >= 200 && answer.status < 300) return answer.body;
    const failure = failureOf(answer.status, answer.body);
    const error = errorOf(what, failure, retryAfter(answer.headers["retry-after"], Date.now()));
    if (error.kind === "expired") onExpired();
    throw error;
  };
}

export function makeAsk(askForBytes: AskForBytes): Ask {
  return async (what, request, options) => parseJson(what, await askForBytes(what, request, options));
}

/** An answer as its schema wants it. */
export function parseAnswer<T>(what: string, schema: z.ZodType<T>, answer: unknown): T {
  const parsed = schema.safeParse(answer);
  if (parsed.success) return parsed.data;
  throw new SearchError("rejected", `${what}: the answer is not that of a search engine`, {
    hint: "check that the URL is a search engine's",
  });
}

/** @throws SearchError `unreachable` for an answer that is no JSON */
export function parseJson(what: string, body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch {
    throw new SearchError("unreachable", `${what}: the answer is not JSON`, {
      hint: "check that the URL is a search engine's, and what stands before it",
    });
  }
}
