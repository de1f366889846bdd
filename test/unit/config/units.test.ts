import { expect, test } from "vitest";
import { parseDuration, parseSize } from "../../../src/config/units.ts";

test.for([
  ["500ms", 500],
  ["30s", 30_000],
  ["5 m", 300_000],
  ["1.5h", 5_400_000],
  ["2d", 172_800_000],
  ["30", undefined],
  ["-5s", undefined],
  ["5 minutes", undefined],
] as const)("the duration %s is %s ms", ([text, milliseconds]) => {
  expect(parseDuration(text)).toBe(milliseconds);
});

test.for([
  ["500B", 500],
  ["16MiB", 16_777_216],
  ["20 GB", 20_000_000_000],
  ["1.5TB", 1_500_000_000_000],
  ["16", undefined],
  ["16 mb", undefined],
] as const)("the size %s is %s bytes", ([text, bytes]) => {
  expect(parseSize(text)).toBe(bytes);
});
