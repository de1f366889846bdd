import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { programsOrSkip } from "../../support/programs-or-skip.ts";
import { isDataopsError } from "../../../src/errors.ts";
import { MAX_MANIFEST_BYTES, parseManifest, serializeManifest } from "../../../src/repository/manifest.ts";
import { exampleManifest } from "../../support/manifests.ts";

const WHERE = "production/backups/20261121T040000Z-k3v9qa/manifest.json";
const bytes = serializeManifest(exampleManifest());

/** The example with one value changed, and the digest of what it then says: only the schema can find fault. */
function forge(path: string, value: unknown): Uint8Array {
  const manifest = new Map<string, unknown>(Object.entries(exampleManifest()));
  const [key = "", inner] = path.split(".");
  const whole = manifest.get(key);
  manifest.set(key, inner === undefined ? value : { ...(isObject(whole) ? whole : {}), [inner]: value });
  const content = Object.fromEntries(manifest);
  const sha256 = createHash("sha256").update(JSON.stringify(content)).digest("hex");
  return Buffer.from(JSON.stringify({ ...content, sha256 }));
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function failureOf(content: Uint8Array): unknown {
  try {
    parseManifest(content, WHERE);
    return undefined;
  } catch (error) {
    return error;
  }
}

describe("a manifest", () => {
  test("comes back as it was written", () => {
    expect(parseManifest(bytes, WHERE)).toEqual(exampleManifest());
  });

  test("takes every name that PostgreSQL takes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1, maxLength: 63 }), fc.nat(), (text, rows) => {
        const name = text.replaceAll("\0", "x");
        const manifest = exampleManifest(undefined, { tables: [{ schema: name, name, rows }] });
        expect(parseManifest(serializeManifest(manifest), WHERE)).toEqual(manifest);
      }),
    );
  });

  test("has a digest that can be checked by hand", async (context) => {
    await programsOrSkip(context, "jq", ["jq"], ["jq"]);
    const withoutDigest = execFileSync("jq", ["-cj", "del(.sha256)"], { input: bytes });
    const digest = execFileSync("jq", ["-rj", ".sha256"], { input: bytes }).toString();
    expect(createHash("sha256").update(withoutDigest).digest("hex")).toBe(digest);
  });

  test("is refused with any bit flipped, and cut anywhere", () => {
    const original = Buffer.from(bytes);
    fc.assert(
      fc.property(fc.nat({ max: original.byteLength - 1 }), fc.nat({ max: 7 }), (at, bit) => {
        const changed = Buffer.from(original);
        changed[at] = (changed[at] ?? 0) ^ (1 << bit);
        const failure = failureOf(changed);
        // White space carries no meaning: what a flip there leaves readable is still the same manifest.
        const harmless =
          failure === undefined && isDeepStrictEqual(parseManifest(changed, WHERE), exampleManifest());
        expect(harmless || isDataopsError(failure, "corrupt")).toBe(true);
      }),
      { numRuns: 1_000 },
    );
    fc.assert(
      fc.property(fc.nat({ max: original.byteLength - 2 }), (length) => {
        expect(isDataopsError(failureOf(original.subarray(0, length)), "corrupt")).toBe(true);
      }),
    );
  });

  test.each([
    { name: "an unknown key", path: "command", value: "rm -rf /" },
    { name: "an id that climbs", path: "id", value: "../../20261121T040000Z-k3v9qa" },
    { name: "an absolute database", path: "database", value: "/etc" },
    { name: "a database with a line break", path: "database", value: "pro\nduction" },
    { name: "an archive elsewhere", path: "archive.object", value: "../../../etc/passwd" },
    { name: "a negative size", path: "archive.size", value: -1 },
    { name: "a size beyond all numbers", path: "archive.rawSize", value: 1e300 },
    { name: "pieces that do not fit the size", path: "archive.pieceSize", value: 1 },
    { name: "no pieces", path: "archive.pieces", value: [] },
    { name: "a digest that is none", path: "archive.sha256", value: "zz" },
    { name: "a table without a name", path: "tables", value: [{ schema: "public", name: "", rows: 1 }] },
    { name: "a name with NUL", path: "tables", value: [{ schema: "public", name: "a\0b", rows: 1 }] },
    { name: "blocks, which this format has none of", path: "blocks", value: [] },
    { name: "a start that is no instant", path: "started", value: "yesterday" },
  ])("is refused with $name, though its digest is right", ({ path, value }) => {
    const failure = failureOf(forge(path, value));
    expect(failure).toMatchObject({ exit: "corrupt", message: expect.stringContaining(WHERE) });
  });

  test("of an unknown format version names both versions", () => {
    const failure = failureOf(forge("format", 2));
    expect(failure).toMatchObject({
      exit: "corrupt",
      message: `${WHERE} has format version 2; this program reads 1`,
    });
  });

  test("that is too large is not even parsed", () => {
    const failure = failureOf(Buffer.alloc(MAX_MANIFEST_BYTES + 1, " "));
    expect(failure).toMatchObject({
      exit: "corrupt",
      message: expect.stringContaining(`${MAX_MANIFEST_BYTES + 1} bytes`),
    });
  });

  test.each([
    { name: "an array", content: "[]" },
    { name: "null", content: "null" },
    { name: "nothing", content: "" },
    { name: "HTML", content: "<html>" },
  ])("that is $name is refused", ({ content }) => {
    expect(failureOf(Buffer.from(content))).toMatchObject({ exit: "corrupt" });
  });
});
