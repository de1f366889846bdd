import { expect, test } from "vitest";
import { isSameServer, type Arrival } from "../../../src/replace/guard/arrival.ts";

const HERE: Arrival = {
  database: "shop",
  databaseOid: 16_384,
  systemIdentifier: "111",
  started: "1795000000.123456",
  inRecovery: false,
  isLocal: true,
};

test.for<{ because: string; there: Partial<Arrival>; same: boolean }>([
  { because: "another database of it", there: { database: "postgres", databaseOid: 5 }, same: true },
  { because: "its identity may not be read there", there: { systemIdentifier: undefined }, same: true },
  { because: "another identity", there: { systemIdentifier: "222" }, same: false },
  {
    because: "a physical copy started at another time",
    there: { started: "1795000000.123457" },
    same: false,
  },
])("the same server $same: $because", ({ there, same }) => {
  expect(isSameServer(HERE, { ...HERE, ...there })).toBe(same);
  expect(isSameServer({ ...HERE, ...there }, HERE)).toBe(same);
});
