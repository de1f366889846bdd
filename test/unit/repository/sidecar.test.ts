import { expect, test } from "vitest";
import { sidecarKey } from "../../../src/repository/keys.ts";
import { readDecision, removeDecision, writeDecision } from "../../../src/repository/sidecar.ts";
import { openFileStorage } from "../../../src/storage/file.ts";
import { exampleManifest } from "../../support/manifests.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const MANIFEST = exampleManifest();
const KEY = sidecarKey(MANIFEST.database, MANIFEST.id, "accepted");
const DECISION = {
  format: 1,
  id: MANIFEST.id,
  database: MANIFEST.database,
  at: "2026-11-21T08:15:00.000Z",
  reason: "orders were archived",
};

test("a decision is one line as the format's page has it, reads back, and can be taken back", async () => {
  const storage = openFileStorage(await temporaryFolder("sidecar"));
  expect(await readDecision(storage, "accepted", MANIFEST)).toBeUndefined();
  const { at, reason } = DECISION;
  await writeDecision(storage, "accepted", MANIFEST, { at: Date.parse(at), reason });
  const chunks: Uint8Array[] = [];
  for await (const chunk of await storage.get(KEY)) chunks.push(chunk);
  expect(Buffer.concat(chunks).toString()).toBe(`${JSON.stringify(DECISION)}\n`);
  expect(await readDecision(storage, "accepted", MANIFEST)).toEqual(DECISION);
  await removeDecision(storage, "accepted", MANIFEST);
  expect(await readDecision(storage, "accepted", MANIFEST)).toBeUndefined();
});

test.each([
  ["cut", '{"format":1'],
  ["of another version", JSON.stringify({ ...DECISION, format: 2 })],
  ["with a key that is unknown", JSON.stringify({ ...DECISION, by: "me" })],
  ["of another backup", JSON.stringify({ ...DECISION, id: "20261121T040000Z-aaaaaa" })],
  ["of another database", JSON.stringify({ ...DECISION, database: "staging" })],
  ["longer than a reason may be", JSON.stringify({ ...DECISION, reason: "x".repeat(1001) })],
  ["absurdly large", " ".repeat(20_000)],
])("one that is %s is corrupt", async (_, text) => {
  const storage = openFileStorage(await temporaryFolder("sidecar"));
  await storage.put(KEY, Buffer.from(text));
  await expect(readDecision(storage, "accepted", MANIFEST)).rejects.toMatchObject({
    exit: "corrupt",
    message: expect.stringContaining(KEY) as unknown,
  });
});
