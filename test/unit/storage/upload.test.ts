import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { PartLimits } from "../../../src/storage/storage.ts";
import { choosePartSize } from "../../../src/storage/upload.ts";

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const TIB = 1024 ** 4;

const S3: PartLimits = { minPartSize: 5 * MIB, maxPartSize: 5 * GIB, maxParts: 10_000, partSize: 8 * MIB };

describe("the size of parts", () => {
  test.each([
    { name: "a small stream takes the size to start from", limits: S3, estimate: 1, size: 8 * MIB },
    { name: "so does an unknown one", limits: S3, estimate: 0, size: 8 * MIB },
    { name: "up to a quarter of what that size holds", limits: S3, estimate: 20_000 * MIB, size: 8 * MIB },
    { name: "and a byte more takes a MiB more", limits: S3, estimate: 20_000 * MIB + 1, size: 9 * MIB },
    { name: "a large stream has room for four times", limits: S3, estimate: TIB, size: 420 * MIB },
    { name: "few parts are larger", limits: { ...S3, maxParts: 1000 }, estimate: 100 * GIB, size: 410 * MIB },
    { name: "never below the store's least", limits: { ...S3, partSize: MIB }, estimate: 1, size: 5 * MIB },
    { name: "nor above its most, be there less room", limits: S3, estimate: 40 * TIB, size: 5 * GIB },
  ])("$name", ({ limits, estimate, size }) => {
    expect(choosePartSize(limits, estimate)).toBe(size);
  });

  test("what the store cannot hold is refused beforehand", () => {
    expect(() => choosePartSize({ ...S3, maxParts: 1000 }, 5 * TIB)).toThrow(
      expect.objectContaining({
        exit: "usage",
        hint: expect.stringContaining("storage.maxParts") as unknown,
      }),
    );
  });

  test("keeps every limit, and holds the estimate", () => {
    const limits = fc.record({
      minPartSize: fc.constantFrom(1, 5 * MIB),
      maxPartSize: fc.constantFrom(GIB, 5 * GIB),
      maxParts: fc.constantFrom(1000, 10_000),
      partSize: fc.integer({ min: 5 * MIB, max: 512 * MIB }),
    });
    fc.assert(
      fc.property(limits, fc.integer({ min: 0, max: 900 * GIB }), (given, estimate) => {
        const size = choosePartSize(given, estimate);
        expect(size).toBeGreaterThanOrEqual(given.minPartSize);
        expect(size).toBeLessThanOrEqual(given.maxPartSize);
        expect(size * given.maxParts).toBeGreaterThanOrEqual(estimate);
      }),
    );
  });
});
