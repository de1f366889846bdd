import type { Config } from "../config/config.ts";
import type { StorageRole } from "./iam-policy.ts";
import { partitionOf } from "./partition.ts";

/** How what belongs to dataops is called in an account of AWS: everything that is printed, and the Terraform module, call it so. */

/** Where it is. */
export interface Account {
  region: string;
  /** Its number. */
  account: string;
}

/** The start of every name. */
export const NAME = "dataops";

/** The roles of tasks, beside the one that starts them. */
export type TaskRole = Exclude<StorageRole, "reader">;

export function roleArn(role: TaskRole | "execution", { region, account }: Account): string {
  return `arn:${partitionOf(region)}:iam::${account}:role/${NAME}-${role}`;
}

/** Of the secret that holds a variable's value, without the random tail that Secrets Manager gives it. */
export function secretArn(variable: string, { region, account }: Account): string {
  return `arn:${partitionOf(region)}:secretsmanager:${region}:${account}:secret:${NAME}/${variable}`;
}

/** A task definition's name: `dataops-daemon`, `dataops-backup-production`. Options and their values do not count. */
export function familyOf(command: readonly string[]): string {
  const isOption = (word: string): boolean => word.startsWith("-");
  const options = command.findIndex(isOption);
  const words = options === -1 ? command : command.slice(0, options);
  return [NAME, ...words.filter((word) => /^[a-z0-9][a-z0-9_-]*$/i.test(word))].join("-");
}

/** Only what deletes backups gets a role that can. Pure. */
export function taskRoleOf(command: readonly string[], { prune }: Pick<Config, "prune">): TaskRole {
  if (command[0] === "prune") return "pruner";
  const prunes = Object.values(prune).some(({ schedule }) => schedule !== undefined);
  return command[0] === "daemon" && prunes ? "pruner" : "writer";
}
