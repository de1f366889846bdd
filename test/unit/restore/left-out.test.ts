import { describe, expect, test } from "vitest";
import { leaveOut, type LeaveOutRequest } from "../../../src/restore/load/left-out.ts";

const HEADER = `;
; Archive created at 2026-11-21 04:00:00 UTC
;     dbname: shop
;
; Selected TOC Entries:
;
`;

function sort(entries: readonly string[], changes: Partial<LeaveOutRequest> = {}) {
  const listing =
    HEADER + entries.map((entry, index) => `${index + 1}; 1259 ${16_384 + index} ${entry}\n`).join("");
  const { list, leftOut } = leaveOut(listing, {
    policies: [],
    roles: new Set(),
    existingSchemas: [],
    missingTables: [],
    serverMajor: 18,
    ...changes,
  });
  const kept = list.split("\n").filter((line) => line !== "");
  return { kept: kept.map((line) => line.replace(/^\d+; \d+ \d+ /, "")), leftOut };
}

describe("leaveOut", () => {
  test.for([
    ["EVENT TRIGGER - on_ddl app", "EVENT TRIGGER on_ddl: it would run code at every change of the schema"],
    [
      "COMMENT - EVENT TRIGGER on_ddl app",
      "COMMENT EVENT TRIGGER on_ddl: it would run code at every change of the schema",
    ],
    ["PUBLICATION - changes app", "PUBLICATION changes: a copy publishes nothing"],
    [
      "PUBLICATION TABLE public changes orders app",
      "PUBLICATION TABLE public changes orders: a copy publishes nothing",
    ],
    [
      "PUBLICATION TABLES IN SCHEMA - changes public app",
      "PUBLICATION TABLES IN SCHEMA changes public: a copy publishes nothing",
    ],
    ["SUBSCRIPTION - feed app", "SUBSCRIPTION feed: a copy must not take over the original's replication"],
    [
      "SUBSCRIPTION TABLE - orders app",
      "SUBSCRIPTION TABLE orders: a copy must not take over the original's replication",
    ],
    [
      "USER MAPPING - USER MAPPING app SERVER elsewhere app",
      "USER MAPPING USER MAPPING app SERVER elsewhere: it holds credentials of other servers",
    ],
    [
      "SECURITY LABEL public TABLE orders app",
      "SECURITY LABEL public TABLE orders: labels belong to the original's security policy",
    ],
  ] as const)("leaves out and tells: %s", ([entry, told]) => {
    expect(sort(["TABLE public orders app", entry])).toEqual({
      kept: ["TABLE public orders app"],
      leftOut: [told],
    });
  });

  test.for([
    "TABLE public orders app",
    "TABLE DATA public orders app",
    "MATERIALIZED VIEW DATA public EVENT TRIGGER app",
    "FUNCTION public PUBLICATION() app",
    "TABLE public EXTENSION app",
    "COMMENT public TABLE EXTENSION app",
    "TRIGGER public orders EVENT TRIGGER app",
    "SCHEMA - SUBSCRIPTION app",
    "POLICY public orders own app",
    "ROW SECURITY public orders app",
    "FOREIGN DATA WRAPPER - files app",
    "SERVER - elsewhere app",
    "BLOB METADATA - 16421..16422 app",
    "BLOBS - 16421..16422 app",
    "STATISTICS DATA public orders ",
    "DEFAULT ACL public DEFAULT PRIVILEGES FOR TABLES app",
  ])("keeps %s", (entry) => {
    expect(sort([entry])).toEqual({ kept: [entry], leftOut: [] });
  });

  test("says nothing of what was made beforehand", () => {
    const entries = [
      "EXTENSION - citext ",
      "COMMENT - EXTENSION citext ",
      "SCHEMA - extensions app",
      "SCHEMA - other app",
    ];
    expect(sort(entries, { existingSchemas: ["extensions"] })).toEqual({
      kept: ["SCHEMA - other app"],
      leftOut: [],
    });
  });

  test("leaves out the rows of an extension's table that is not there, and no other's", () => {
    const rest = ["TABLE DATA public spatial_ref_sys_of_mine app", "TABLE DATA other spatial_ref_sys app"];
    const { kept, leftOut } = sort(["TABLE DATA public spatial_ref_sys app", ...rest], {
      missingTables: [{ schema: "public", name: "spatial_ref_sys", extension: "postgis" }],
    });
    expect(kept).toEqual(rest);
    expect(leftOut).toEqual(["TABLE DATA public spatial_ref_sys: extension postgis is not here"]);
  });

  describe("policies", () => {
    const ENTRIES = [
      "TABLE public orders the owner",
      "POLICY public orders own the owner",
      "COMMENT public POLICY own ON orders the owner",
      "POLICY public orders own the rest the owner",
    ];
    const own = { schema: "public", table: "orders", name: "own", roles: ["customer", "clerk"] };

    test("that name a role which is missing are left out, with their comments", () => {
      const { kept, leftOut } = sort(ENTRIES, { policies: [own], roles: new Set(["clerk"]) });
      expect(kept).toEqual([ENTRIES[0], ENTRIES[3]]);
      expect(leftOut).toHaveLength(2);
      expect(leftOut[0]).toMatch(/^POLICY public orders own .*: no role customer here$/);
    });

    test("stay where every role is there", () => {
      const { kept } = sort(ENTRIES, { policies: [own], roles: new Set(["clerk", "customer"]) });
      expect(kept).toEqual(ENTRIES);
    });

    test("are found under a name with a line break, which the list shows as a space", () => {
      const entries = ["TABLE odd two lines app", "POLICY odd two lines a b app"];
      const policies = [{ schema: "odd", table: "two\nlines", name: "a\rb", roles: ["gone"] }];
      expect(sort(entries, { policies }).kept).toEqual([entries[0]]);
    });
  });

  test.for([
    ["STATISTICS DATA public orders ", 17, 0],
    ["COMMENT - SCHEMA public app", 14, 1],
  ] as const)("drops what an older server cannot take: %s", ([entry, serverMajor, told]) => {
    const { kept, leftOut } = sort([entry], { serverMajor });
    expect(kept).toEqual([]);
    expect(leftOut).toHaveLength(told);
    expect(sort([entry], { serverMajor: serverMajor + 1 }).kept).toEqual([entry]);
  });
});
