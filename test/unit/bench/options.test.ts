import { expect, test } from "vitest";
import { parseOptions } from "../../../bench/options.ts";

const IDS = ["pg-dump", "blocks-s3", "churn"];

test("everything is measured where nothing is said", () => {
  const options = parseOptions([], IDS);
  expect(options).toMatchObject({ sizes: [100e6, 1.25e9], runs: 3, churn: false, write: false });
  expect(IDS.map((id) => options.isWanted(id))).toEqual([true, true, true]);
});

test("--only names what is measured", () => {
  const options = parseOptions(["--size", "10GB", "--only", "pg-dump,churn"], IDS);
  expect(options).toMatchObject({ sizes: [10e9], churn: true });
  expect(IDS.map((id) => options.isWanted(id))).toEqual([true, false, true]);
});

test.for<[string[], RegExp]>([
  [["--only", "pg-dmup"], /knows no pg-dmup; it knows pg-dump, blocks-s3, churn/],
  [["--runs", "0"], /--runs/],
  [["--runs", "x"], /--runs/],
  [["--size", "10"], /"10" is not a size/],
  [["--loud"], /--loud/],
])("%s is refused", ([args, message]) => {
  expect(() => parseOptions(args, IDS)).toThrow(message);
});
