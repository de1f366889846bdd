import { describe, expect, test } from "vitest";
import { failureOf, judgeFailure, reasonOf } from "../../../src/search/answer-error.ts";
import { backoffDelay, DEFAULT_BACKOFF } from "../../../src/search/backoff.ts";
import { makeConcurrencyLimit } from "../../../src/search/concurrency-limit.ts";
import { requireSupported } from "../../../src/search/engine-info.ts";
import { indexNameOf, runOfIndex } from "../../../src/search/index-name.ts";
import { makePlaces } from "../../../src/search/places.ts";
import { retryAfter } from "../../../src/search/retry-after.ts";

describe("a failure's kind", () => {
  const flood =
    "index [a] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has read-only-allow-delete block];";
  test.for([
    [429, "es_rejected_execution_exception", "rejected execution", "overloaded", /./],
    [429, "cluster_block_exception", flood, "blocked", /disk/],
    [
      403,
      "cluster_block_exception",
      "index [a] blocked by: [FORBIDDEN/12/index read-only / allow delete (api)];",
      "blocked",
      /disk/,
    ],
    [
      403,
      "cluster_block_exception",
      "index [a] blocked by: [FORBIDDEN/8/index write (api)];",
      "blocked",
      /who blocked/,
    ],
    [503, "cluster_block_exception", "blocked by: [SERVICE_UNAVAILABLE/2/no master];", "unreachable", /^$/],
    [503, "process_cluster_event_timeout_exception", "", "unreachable", /^$/],
    [500, undefined, "oh", "unreachable", /^$/],
    [502, undefined, "<html>", "unreachable", /^$/],
    [408, undefined, "", "unreachable", /^$/],
    [413, undefined, "Request size exceeded 10485760 bytes", "too-large", /./],
    [403, undefined, "The security token included in the request is expired", "expired", /log in/],
    [401, "security_exception", "token expired", "not-permitted", /credentials/],
    [
      403,
      undefined,
      "User: anonymous is not authorized to perform: es:ESHttpGet",
      "not-permitted",
      /credentials/,
    ],
    [404, "index_not_found_exception", "no such index [a]", "not-found", /^$/],
    [404, "aliases_not_found_exception", "aliases [a] missing", "not-found", /^$/],
    [400, "resource_already_exists_exception", "index [a/b] already exists", "already-exists", /^$/],
    [400, "mapper_parsing_exception", "failed to parse", "rejected", /^$/],
    [405, undefined, "", "rejected", /^$/],
  ] as const)("%i %s %s is %s", ([status, type, reason, kind, hint]) => {
    const verdict = judgeFailure({ status, type, reason });
    expect(verdict.kind).toBe(kind);
    expect(verdict.hint ?? "").toMatch(hint);
  });
});

test.for([
  ['{"error":{"type":"a_b","reason":"why"},"status":400}', "a_b", "why"],
  ['{"error":{"type":"a_b","reason":null}}', "a_b", ""],
  ['{"error":"no handler found","status":405}', undefined, "no handler found"],
  ['{"message":"not authorized"}', undefined, "not authorized"],
  ['{"Message":"Request size exceeded"}', undefined, "Request size exceeded"],
  ["<html>Bad Gateway</html>", undefined, "<html>Bad Gateway</html>"],
  ["", undefined, ""],
] as const)("%s says %s, %s", ([body, type, reason]) => {
  expect(failureOf(400, Buffer.from(body))).toEqual({ status: 400, type, reason });
});

test.for([
  [
    "failed to parse field [price] of type [long] in document with id '7'. Preview of field's value: 's3cret'",
    "failed to parse field [price] of type [long] in document with id '7'",
  ],
  ['For input string: "s3cret"', "not a number"],
  ["failed to parse date field: value [s3cret]", "failed to parse date field: value […]"],
  [
    "Document contains at least one immense term in field=\"a\". The prefix of the first immense term is: '[115, 51, 99]...', original message: bytes can be at most 32766",
    'Document contains at least one immense term in field="a". […], original message: bytes can be at most 32766',
  ],
  ["two\n  lines", "two lines"],
] as const)("of %s is told: %s", ([reason, told]) => {
  expect(reasonOf({ status: 400, type: "t", reason })).toBe(`t: ${told}`);
});

test.for([
  [undefined, undefined],
  ["7", 7_000],
  ["0", 0],
  ["86400", 60_000],
  ["Sat, 21 Nov 2026 04:00:09 GMT", 9_000],
  ["Sat, 21 Nov 2026 03:00:00 GMT", 0],
  ["soon", undefined],
] as const)("Retry-After %s is %s ms", ([header, expected]) => {
  expect(retryAfter(header, Date.parse("2026-11-21T04:00:00Z"))).toBe(expected);
});

test("waits double up to their bound, and last as long as the engine asks for", () => {
  const backoff = { ...DEFAULT_BACKOFF, baseDelay: 500, maxDelay: 20_000, random: () => 1 };
  const waits = [1, 2, 3, 6, 7, 100].map((attempt) => backoffDelay(backoff, attempt, undefined));
  expect(waits).toEqual([500, 1_000, 2_000, 16_000, 20_000, 20_000]);
  expect(backoffDelay({ ...backoff, random: () => 0 }, 3, 5_000)).toBe(5_000);
});

describe("concurrency", () => {
  test("halves once for all refusals of one round, and never below one", () => {
    const limit = makeConcurrencyLimit(8);
    const { round } = limit;
    for (let refusal = 0; refusal < 8; refusal += 1) limit.overloaded(round);
    expect(limit.limit).toBe(4);
    for (let refusal = 0; refusal < 5; refusal += 1) limit.overloaded(limit.round);
    expect(limit.limit).toBe(1);
  });

  test("rises by one after rounds that went well, and not above where it began", () => {
    const limit = makeConcurrencyLimit(4);
    limit.overloaded(limit.round);
    for (let success = 0; success < 16; success += 1) limit.succeeded();
    expect(limit.limit).toBe(3);
    for (let success = 0; success < 1_000; success += 1) limit.succeeded();
    expect(limit.limit).toBe(4);
  });
});

test("places go to who came first, and those who gave up get none", async () => {
  let limit = 1;
  const places = makePlaces(() => limit);
  const order: string[] = [];
  const come = async (name: string, signal?: AbortSignal): Promise<void> => {
    await places.enter(signal);
    order.push(name);
  };
  const leaving = new AbortController();
  await come("first");
  const second = come("second", leaving.signal);
  const others = [come("third"), come("fourth")];
  leaving.abort(new Error("gone"));
  await expect(second).rejects.toThrow("gone");
  limit = 2;
  places.leave();
  await Promise.all(others);
  expect(order).toEqual(["first", "third", "fourth"]);
});

test.for([
  ["opensearch", "1.0.0"],
  ["opensearch", "3.8.0"],
  ["elasticsearch", "7.10.2"],
  ["elasticsearch", "9.0.0-beta1"],
] as const)("%s %s is supported", ([distribution, version]) => {
  const info = { distribution, version };
  expect(requireSupported("http://search", info)).toEqual(info);
});

test.for([
  ["elasticsearch", "6.8.23"],
  ["elasticsearch", "nonsense"],
] as const)("%s %s is too old", ([distribution, version]) => {
  expect(() => requireSupported("http://search", { distribution, version })).toThrow(/too old/);
});

test.for([
  ["products", "20261121T040000Z-k3v9qa", "products-20261121t040000z-k3v9qa"],
  ["products.de", "20261121T040000Z-000000", "products.de-20261121t040000z-000000"],
] as const)("the index of %s and %s is %s", ([alias, run, index]) => {
  expect(indexNameOf(alias, run)).toBe(index);
  expect(runOfIndex(alias, index)).toBe(run);
});

test.for([
  ["products", "products-de-20261121t040000z-k3v9qa"],
  ["products", "products-v3"],
  ["products", "product-20261121t040000z-k3v9qa"],
] as const)("no run of %s built %s", ([alias, index]) => {
  expect(runOfIndex(alias, index)).toBeUndefined();
});

test.for(["", "*", "Products", "a,b", "_all", "../x", "a b"])("%s is no alias", (alias) => {
  expect(() => indexNameOf(alias, "20261121T040000Z-k3v9qa")).toThrow(TypeError);
});
