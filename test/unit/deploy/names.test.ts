import { describe, expect, test } from "vitest";
import { familyOf, roleArn, taskRoleOf } from "../../../src/deploy/names.ts";
import { partitionOf } from "../../../src/deploy/partition.ts";

test.each([
  [["daemon"], "dataops-daemon"],
  [["backup", "production"], "dataops-backup-production"],
  [["prune", "production", "--confirm"], "dataops-prune-production"],
  [["backup", "--slot", "2026-11-21T04:00:00Z"], "dataops-backup"],
  [["verify", "--from", "staging"], "dataops-verify"],
])("%j is called %s", (command, expected) => {
  expect(familyOf(command)).toBe(expected);
});

describe("only what deletes backups may", () => {
  const never = {
    schedule: undefined,
    timezone: "UTC",
    runMissed: undefined,
    timeout: 1,
    jitter: 0,
    blackouts: [],
  };
  const nightly = { ...never, schedule: "30 5 * * *" };

  test.each([
    [["backup", "production"], { production: nightly }, "writer"],
    [["prune", "production"], {}, "pruner"],
    [["daemon"], {}, "writer"],
    [["daemon"], { production: never }, "writer"],
    [["daemon"], { production: never, staging: nightly }, "pruner"],
  ] as const)("%j with %j is a %s", (command, prune, expected) => {
    expect(taskRoleOf(command, { prune })).toBe(expected);
  });
});

test.each([
  [undefined, "aws"],
  ["<region>", "aws"],
  ["eu-west-1", "aws"],
  ["cn-northwest-1", "aws-cn"],
  ["us-gov-east-1", "aws-us-gov"],
  ["us-iso-east-1", "aws-iso"],
  ["us-isob-east-1", "aws-iso-b"],
  ["eusc-de-east-1", "aws-eusc"],
])("region %s is in partition %s", (region, expected) => {
  expect(partitionOf(region)).toBe(expected);
});

test("names a role of another partition", () => {
  expect(roleArn("execution", { region: "us-gov-west-1", account: "1" })).toBe(
    "arn:aws-us-gov:iam::1:role/dataops-execution",
  );
});
