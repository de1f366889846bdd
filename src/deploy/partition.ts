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
