import { expect, test } from "vitest";
import type { FrameReference } from "../../../../src/repository/blocks/stored-block.ts";
import { joinFrames } from "../../../../src/repository/blocks/join-frames.ts";

function frame(pack: string, offset: number, length: number): FrameReference {
  return { pack, offset, length };
}

test.for<[string, FrameReference[], string]>([
  ["nothing", [], ""],
  ["neighbours", [frame("a", 10, 10), frame("a", 0, 10)], "a 0-20"],
  ["a gap as wide as allowed", [frame("a", 0, 10), frame("a", 15, 10)], "a 0-25"],
  ["a wider gap", [frame("a", 0, 10), frame("a", 16, 10)], "a 0-10, a 16-26"],
  ["packs are apart", [frame("b", 10, 10), frame("a", 0, 10)], "a 0-10, b 10-20"],
  ["the same frame again", [frame("a", 0, 10), frame("a", 0, 10)], "a 0-10"],
  ["frames over each other", [frame("a", 0, 10), frame("a", 5, 10), frame("a", 0, 4)], "a 0-15"],
  [
    "the smallest gaps, while there is waste left",
    [frame("a", 0, 1), frame("a", 5, 1), frame("a", 8, 1), frame("a", 11, 1)],
    "a 0-1, a 5-12",
  ],
])("%s", ([, frames, expected]) => {
  const spans = joinFrames(frames, { maxGap: 5, maxWaste: 6 });
  expect(spans.map(({ pack, start, end }) => `${pack} ${start}-${end}`).join(", ")).toBe(expected);
});
