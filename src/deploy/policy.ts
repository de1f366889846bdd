/** One statement of an IAM policy. */
export interface PolicyStatement {
  Sid: string;
  Effect: "Allow";
  Action: string[];
  Resource: string | string[];
  Condition?: Record<string, Record<string, string | string[]>>;
}

/** An IAM policy. */
export interface Policy {
  Version: "2012-10-17";
  Statement: PolicyStatement[];
}

/** One policy of what several things need. */
export function policyOf(...statements: readonly (readonly PolicyStatement[])[]): Policy {
  return { Version: "2012-10-17", Statement: statements.flat() };
}

/** Regions whose resources have names of their own, by how the regions begin. */
const PARTITIONS = [
  ["cn-", "aws-cn"],
  ["us-gov-", "aws-us-gov"],
  ["us-iso-", "aws-iso"],
  ["us-isob-", "aws-iso-b"],
  ["us-isof-", "aws-iso-f"],
  ["eu-isoe-", "aws-iso-e"],
  ["eusc-", "aws-eusc"],
] as const;

/** What stands second in the ARNs of a region: `aws`, and `aws-cn` or `aws-us-gov` for those apart. Pure. */
export function partitionOf(region: string | undefined): string {
  return PARTITIONS.find(([start]) => region?.startsWith(start) === true)?.[1] ?? "aws";
}
