import { setTimeout as sleep } from "node:timers/promises";
import { DataopsError, messageOf } from "../../errors.ts";
import { humanDuration } from "../../observe/human.ts";
import type { ReindexRun } from "../request.ts";

/** Milliseconds between two questions whether it is over, where the answer does not say. */
const POLL_INTERVAL = 5_000;
const LONGEST_POLL_INTERVAL = 60_000;
/** Milliseconds that one answer may take. */
const ANSWER_TIMEOUT = 60_000;

const ACCEPTED = 202;

export interface WebhookDriverRequest {
  run: Pick<ReindexRun, "id" | "signal">;
  alias: string;
  /** May hold a token: never shown. */
  url: string;
  /** Milliseconds. */
  timeout: number;
  /** Milliseconds, in place of 5 s. */
  pollInterval?: number;
}

/**
 * Asks the team's application to build an index: `POST` with `{"index": …, "run": …}`. 200 and 204 say that it is done; 202 says
 * that it has begun, and its `Location` is asked by `GET` until that answers otherwise.
 *
 * @throws DataopsError `reindexFailed` for any other answer, and where it takes too long; `unreachable` where there is none; after
 *   an abort: the signal's reason
 */
export async function reindexByWebhook(request: WebhookDriverRequest): Promise<void> {
  const { run, timeout, alias } = request;
  const limit = AbortSignal.timeout(timeout);
  const signal = AbortSignal.any([run.signal, limit]);
  try {
    let answer = await ask(request.url, signal, { index: alias, run: run.id });
    while (answer.status === ACCEPTED && answer.next !== undefined) {
      await sleep(answer.wait ?? request.pollInterval ?? POLL_INTERVAL, undefined, { signal });
      const { next } = answer;
      answer = await ask(next, signal);
      if (answer.status === ACCEPTED) answer.next ??= next;
    }
  } catch (error) {
    run.signal.throwIfAborted();
    if (!limit.aborted) throw error;
    throw new DataopsError("reindexFailed", `the webhook was not done after ${humanDuration(timeout)}`, {
      hint: "look at your application, and give it more time with driver.timeout",
    });
  }
}

interface Answer {
  status: number;
  /** Where to ask again. */
  next: string | undefined;
  /** Milliseconds. */
  wait: number | undefined;
}

async function ask(url: string, signal: AbortSignal, body?: object): Promise<Answer> {
  const { host, origin } = new URL(url);
  let response: Response;
  try {
    response = await fetch(url, {
      method: body === undefined ? "GET" : "POST",
      redirect: "error",
      headers: body === undefined ? {} : { "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_TIMEOUT)]),
    });
    await response.body?.cancel();
  } catch (error) {
    signal.throwIfAborted();
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    throw new DataopsError("unreachable", `no answer from the webhook at ${host}: ${messageOf(cause)}`, {
      hint: "check driver.webhook",
      cause: error,
    });
  }
  if (!response.ok) {
    throw new DataopsError("reindexFailed", `the webhook at ${host} answered ${response.status}`, {
      hint: "look at your application's log",
    });
  }
  const location = response.headers.get("location");
  const next = location === null ? undefined : new URL(location, url);
  if (next !== undefined && next.origin !== origin) {
    throw new DataopsError("reindexFailed", `the webhook at ${host} names another server to ask`, {
      hint: "Location must be on the same server",
    });
  }
  const seconds = Number(response.headers.get("retry-after") ?? Number.NaN);
  return {
    status: response.status,
    next: next?.href,
    wait:
      Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds * 1_000, LONGEST_POLL_INTERVAL) : undefined,
  };
}
