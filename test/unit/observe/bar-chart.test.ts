import { expect, test } from "vitest";
import { barChart } from "../../../src/observe/bar-chart.ts";

const WIDE = { height: 2, barWidth: 1, unicode: true };

test.each([
  { name: "the highest reaches the top", values: [8, 4, 2, 1], options: WIDE, lines: ["█", "██▄▂"] },
  { name: "what is there is seen", values: [1_000_000, 1], options: WIDE, lines: ["█", "█▁"] },
  { name: "nothing is nothing", values: [2, 0, 1], options: WIDE, lines: ["█", "█ █"] },
  { name: "what is not known has no bar", values: [2, undefined, 2], options: WIDE, lines: ["█ █", "█ █"] },
  { name: "all are nothing", values: [0, 0], options: WIDE, lines: ["", ""] },
  { name: "none at all", values: [], options: WIDE, lines: ["", ""] },
  { name: "wide bars", values: [2, 1], options: { ...WIDE, barWidth: 2 }, lines: ["██", "████"] },
  { name: "one line", values: [8, 4, 3], options: { ...WIDE, height: 1 }, lines: ["█▄▃"] },
  {
    name: "ASCII",
    values: [6, 5, 4, 3, 2, 1],
    options: { ...WIDE, unicode: false },
    lines: ["#:.", "####:."],
  },
])("$name", ({ values, options, lines }) => {
  const bars = values.map((value) => ({ value }));
  expect(barChart(bars, options)).toEqual(lines);
});

test("a bar that stands out is painted where it is drawn, and nowhere else", () => {
  const paint = (text: string): string => `<${text}>`;
  expect(barChart([{ value: 1 }, { value: 2, paint }, { value: 1, paint }], WIDE)).toEqual([
    " <█>",
    "█<█><█>",
  ]);
});
