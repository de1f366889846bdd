import { createHash, randomBytes } from "node:crypto";
import { inspect } from "node:util";
import { expect } from "vitest";
import { isDataopsError, type ExitName } from "../../../src/errors.ts";
import type { Storage } from "../../../src/storage/storage.ts";
import { uploadStream } from "../../../src/storage/upload.ts";
import { collect, collectAll, failureOf } from "../../contract/storage.ts";
import type { Fault, ProxiedRequest } from "../../support/s3-proxy.ts";
import { openTestStorage } from "../../support/s3-storage.ts";
import { POLICY, SHORT_IDLE_TIMEOUT, test } from "../../support/faulty-s3.ts";

const MIB = 1024 * 1024;
const PART = 5 * MIB;

const serverError = { kind: "answer", status: 500, code: "InternalError" } satisfies Fault;
const slowDown = { kind: "answer", status: 503, code: "SlowDown" } satisfies Fault;
const bodyWithError = { kind: "answer", status: 200, code: "InternalError" } satisfies Fault;
const reset = { kind: "reset-request", afterBytes: MIB } satisfies Fault;
const stall = { kind: "stall" } satisfies Fault;

const FAULTS: { name: string; operation: ProxiedRequest["operation"]; fault: Fault }[] = [
  { name: "a 500 to the beginning of an upload", operation: "CreateMultipartUpload", fault: serverError },
  { name: "a 500 to a part", operation: "UploadPart", fault: serverError },
  { name: "a 503 SlowDown to a part", operation: "UploadPart", fault: slowDown },
  { name: "a connection reset in the middle of a part", operation: "UploadPart", fault: reset },
  { name: "a stall in a part", operation: "UploadPart", fault: stall },
  {
    name: "a 200 with an error to the completion",
    operation: "CompleteMultipartUpload",
    fault: bodyWithError,
  },
  { name: "a 500 to the completion", operation: "CompleteMultipartUpload", fault: serverError },
  { name: "a stall in the completion", operation: "CompleteMultipartUpload", fault: stall },
];

for (const { name, operation, fault } of FAULTS) {
  const settings = fault.kind === "stall" ? { idleTimeout: SHORT_IDLE_TIMEOUT } : {};

  test(`${name}, once, is got over`, async ({ faulty }) => {
    const { storage, proxy, behind } = await faulty(
      (request) => (request.operation === operation && request.count === 1 ? fault : undefined),
      settings,
    );
    await expectUploaded(storage, behind);
    expect(countOf(proxy.requests, operation)).toBeGreaterThanOrEqual(operation === "UploadPart" ? 3 + 1 : 2);
  });

  test(`${name}, again and again, fails after bounded tries, and nothing appears`, async ({ faulty }) => {
    const { storage, proxy, behind } = await faulty(
      (request) => (request.operation === operation ? fault : undefined),
      settings,
    );
    await expect(upload(storage)).rejects.toSatisfy(exitOf("unreachable"));
    expect(countOf(proxy.requests, operation)).toBeLessThanOrEqual(POLICY.attempts * 3);
    expect(countOf(proxy.requests, operation)).toBeGreaterThanOrEqual(POLICY.attempts);
    await expectNothing(behind);
  });
}

test("a completion whose answer was lost is a success", async ({ faulty }) => {
  const { storage, proxy, behind } = await faulty(({ operation, count }) =>
    operation === "CompleteMultipartUpload" && count === 1 ? { kind: "lose-answer" } : undefined,
  );
  await expectUploaded(storage, behind);
  expect(countOf(proxy.requests, "CompleteMultipartUpload")).toBe(2);
});

test("so it is where the store no longer knows the upload by the next try", async ({ faulty }) => {
  const { storage, proxy, behind } = await faulty(({ operation, count }) => {
    if (operation !== "CompleteMultipartUpload") return undefined;
    return count === 1 ? { kind: "lose-answer" } : { kind: "answer", status: 404, code: "NoSuchUpload" };
  });
  await expectUploaded(storage, behind);
  expect(countOf(proxy.requests, "CompleteMultipartUpload")).toBe(2);
});

test("an upload that the store forgot is a failure", async ({ faulty }) => {
  const { storage, behind } = await faulty(({ operation }) =>
    operation === "CompleteMultipartUpload"
      ? { kind: "answer", status: 404, code: "NoSuchUpload" }
      : undefined,
  );
  await expect(upload(storage)).rejects.toThrow("NoSuchUpload");
  await expectNothing(behind);
});

test("a create whose answer was lost is a success", async ({ faulty }) => {
  const { storage, proxy } = await faulty(({ operation, count }) =>
    operation === "PutObject" && count === 1 ? { kind: "lose-answer" } : undefined,
  );
  expect(await storage.create("lock", Buffer.from("mine"))).toMatchObject({ size: 4 });
  expect(countOf(proxy.requests, "PutObject")).toBe(2);
});

test("a create that failed is no success where someone else made the object meanwhile", async ({
  faulty,
}) => {
  const { storage, behind } = await faulty(({ operation, count }) =>
    operation === "PutObject" && count === 1 ? serverError : undefined,
  );
  await behind.put("lock", Buffer.from("them"));
  const created = storage.create("lock", Buffer.from("mine"));
  await expect(created).rejects.toSatisfy(failureOf("precondition-failed"));
  expect((await collect(await behind.get("lock"))).toString()).toBe("them");
});

test("credentials that expire after the third part are named, and nothing appears", async ({ faulty }) => {
  let expired = false;
  const { storage, behind } = await faulty((request) => {
    expired ||= request.operation === "UploadPart" && request.count > 3;
    return expired ? { kind: "answer", status: 403, code: "ExpiredToken" } : undefined;
  });
  const uploaded = upload(storage, { size: 4 * PART });
  await expect(uploaded).rejects.toThrow("the credentials have expired");
  await expect(uploaded).rejects.toSatisfy(exitOf("unreachable"));
  expect(await collectAll(behind.list(""))).toEqual([]);
  // The credentials did not suffice for the abort either: what was begun must be found by who cleans up.
  const left = await collectAll(behind.listUploads(""));
  expect(left.map(({ key }) => key)).toEqual(["dump"]);
  for (const unfinished of left) await unfinished.abort();
});

test("credentials that are fresh by the next try go on", async ({ faulty }) => {
  const { storage, behind } = await faulty(({ operation, count }) =>
    operation === "UploadPart" && count === 2
      ? { kind: "answer", status: 403, code: "ExpiredToken" }
      : undefined,
  );
  await expectUploaded(storage, behind);
});

test("a store that does not know the checksums: the hint says what to set", async ({ faulty }) => {
  const { storage, proxy, behind } = await faulty(refuseChecksums);
  const hint: unknown = expect.stringContaining("storage.checksums to when-required");
  await expect(upload(storage)).rejects.toMatchObject({ exit: "failed", hint });
  await expect(storage.put("a", Buffer.from("x"))).rejects.toMatchObject({ exit: "failed", hint });
  // Another try would end the same.
  expect(countOf(proxy.requests, "PutObject")).toBe(1);
  await expectNothing(behind);
});

test("a store that does not know the checksums works where they are sent only when required", async ({
  faulty,
}) => {
  const { storage, behind } = await faulty(refuseChecksums, { checksums: "when-required" });
  await expectUploaded(storage, behind);
  await storage.put("a", Buffer.from("x"));
  await storage.create("b", Buffer.from("x"));
  expect((await collect(await storage.get("a"))).toString()).toBe("x");
});

for (const kind of ["reset-answer", "stall-answer"] as const) {
  const settings = kind === "stall-answer" ? { idleTimeout: SHORT_IDLE_TIMEOUT } : {};

  test(`a reading goes on after a ${kind} at the byte where it broke`, async ({ faulty }) => {
    const body = randomBytes(8_000_000);
    const { storage, proxy, behind } = await faulty(
      ({ operation, count }) =>
        operation === "GetObject" && count <= 3 ? { kind, afterBytes: 1_000_000 } : undefined,
      settings,
    );
    await behind.put("dump", body);
    const read = await collect(await storage.get("dump"));
    expect(sha256(read)).toBe(sha256(body));
    const part = await collect(await storage.get("dump", { range: { start: 1000, end: 5_000_000 } }));
    expect(sha256(part)).toBe(sha256(body.subarray(1000, 5_000_000)));
    const ranges = proxy.requests.flatMap(({ headers }) => headers.range ?? []);
    expect(ranges).toHaveLength(4);
    expect(ranges.slice(0, 3).every((range) => range.endsWith("-7999999"))).toBe(true);
  });

  test(`a reading fails after bounded tries when each ends in a ${kind}`, async ({ faulty }) => {
    const { storage, proxy, behind } = await faulty(
      ({ operation }) => (operation === "GetObject" ? { kind, afterBytes: 0 } : undefined),
      settings,
    );
    await behind.put("dump", randomBytes(100_000));
    const read = storage.get("dump").then(collect);
    await expect(read).rejects.toSatisfy(exitOf("unreachable"));
    expect(countOf(proxy.requests, "GetObject")).toBeLessThanOrEqual(2 * POLICY.attempts);
  });
}

test("a missing bucket, a wrong key and a server that is gone are told apart, without the key", async ({
  s3,
}) => {
  const cases = [
    { settings: { bucket: "no-such-bucket-here" }, exit: "usage", words: "the bucket does not exist" },
    { server: { secretAccessKey: "wr0ng-s3ntinel" }, exit: "notPermitted", words: "SignatureDoesNotMatch" },
    { server: { endpoint: "http://127.0.0.1:1" }, exit: "unreachable", words: "ECONNREFUSED" },
  ] as const;
  for (const { exit, words, ...changes } of cases) {
    const server = { ...s3, ...("server" in changes ? changes.server : {}) };
    const storage = openTestStorage(server, "x", "settings" in changes ? changes.settings : {});
    const failure: unknown = await collectAll(storage.list("")).catch((error: unknown) => error);
    expect(failure).toMatchObject({ exit, message: expect.stringContaining(words) as unknown });
    expect(isDataopsError(failure) && failure.hint).toBeTruthy();
    expect(inspect(failure, { depth: null })).not.toContain("s3ntinel");
    await storage.close();
  }
});

test("a listing that fails is an error, never a short list", async ({ faulty }) => {
  const { storage, proxy, behind } = await faulty(({ operation }) =>
    operation === "ListObjects" ? serverError : undefined,
  );
  await behind.put("a", Buffer.from("x"));
  await expect(collectAll(storage.list(""))).rejects.toSatisfy(exitOf("unreachable"));
  expect(countOf(proxy.requests, "ListObjects")).toBe(POLICY.attempts);
});

test("a store of few parts holds a stream of several times the estimate in larger ones", async ({
  faulty,
}) => {
  const { storage, proxy, behind } = await faulty(() => undefined, { maxParts: 4 });
  await expectUploaded(storage, behind, { size: 6 * PART, estimatedSize: 6 * PART });
  expect(countOf(proxy.requests, "UploadPart")).toBeLessThanOrEqual(4);
});

test("a stream too long for the parts fails, says what to set, and nothing appears", async ({ faulty }) => {
  const { storage, behind } = await faulty(() => undefined, { maxParts: 2 });
  const uploaded = upload(storage, { size: 3 * PART, estimatedSize: 1 });
  await expect(uploaded).rejects.toMatchObject({
    exit: "failed",
    hint: expect.stringContaining("storage.partSize") as unknown,
  });
  await expectNothing(behind);
});

test("an abort ends a stalled request at once, with its reason", async ({ faulty }) => {
  const { storage, behind } = await faulty(
    ({ operation }) => (operation === "UploadPart" ? stall : undefined),
    {
      idleTimeout: 600_000,
    },
  );
  const abort = new AbortController();
  const reason = new Error("enough");
  const uploaded = upload(storage, { signal: abort.signal });
  setTimeout(() => abort.abort(reason), 100);
  await expect(uploaded).rejects.toBe(reason);
  await expectNothing(behind);
});

function refuseChecksums({ headers }: ProxiedRequest): Fault | undefined {
  const sent = Object.keys(headers).some((name) =>
    /^x-amz-(checksum-.*|sdk-checksum-algorithm|trailer)$/.test(name),
  );
  return sent ? { kind: "answer", status: 501, code: "NotImplemented" } : undefined;
}

interface UploadSettings {
  size?: number;
  estimatedSize?: number;
  signal?: AbortSignal;
}

async function upload(storage: Storage, settings: UploadSettings = {}): Promise<string> {
  const { size = 2 * PART + 1, estimatedSize = 1, signal = new AbortController().signal } = settings;
  const body = randomBytes(size);
  async function* source(): AsyncIterable<Uint8Array> {
    for (let start = 0; start < size; start += MIB) yield body.subarray(start, start + MIB);
  }
  await uploadStream(storage, "dump", source(), { estimatedSize, signal });
  return sha256(body);
}

async function expectUploaded(storage: Storage, behind: Storage, settings?: UploadSettings): Promise<void> {
  const digest = await upload(storage, settings);
  expect(sha256(await collect(await behind.get("dump")))).toBe(digest);
  expect(await collectAll(behind.listUploads(""))).toEqual([]);
}

async function expectNothing(behind: Storage): Promise<void> {
  expect(await collectAll(behind.list(""))).toEqual([]);
  expect(await collectAll(behind.listUploads(""))).toEqual([]);
}

function exitOf(exit: ExitName): (error: unknown) => boolean {
  return (error) => isDataopsError(error, exit);
}

function countOf(requests: readonly ProxiedRequest[], operation: ProxiedRequest["operation"]): number {
  return requests.filter((request) => request.operation === operation).length;
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
