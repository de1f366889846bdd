import { fileURLToPath } from "node:url";
import { loadConfig } from "../../src/config/load.ts";
import { storagePolicy, STORAGE_ROLES, type PolicyStatement } from "../../src/deploy/iam-policy.ts";
import { executionStatements, schedulerStatements } from "../../src/deploy/start-policies.ts";
import { taskDefinition, variablesOf } from "../../src/deploy/task-definition.ts";

const CONFIG = fileURLToPath(new URL("../../deploy/ecs/dataops.config.yaml", import.meta.url));
const PLACE = { region: "<region>", account: "<account>" };
const STORAGE_URL = "s3://acme-backups/dataops";

/** What `dataops print` prints for the configuration in `deploy/ecs`: the files beside it, by their names. */
export async function ecsFiles(): Promise<Record<string, string>> {
  const environment = { HOME: "/", DATAOPS_STORAGE: STORAGE_URL };
  const config = await loadConfig({ environment, workingDirectory: "/", file: CONFIG });
  const task = (...command: string[]): unknown =>
    taskDefinition({ config, command, image: "<image>", ...PLACE });
  const policyOf = (Statement: PolicyStatement[]): object => ({ Version: "2012-10-17", Statement });
  const policies: Record<string, object> = {
    execution: policyOf(executionStatements(variablesOf(config).secret, PLACE)),
    scheduler: policyOf(schedulerStatements(PLACE)),
  };
  for (const role of STORAGE_ROLES) {
    policies[role] = storagePolicy(role, { storageUrl: STORAGE_URL, kmsKeyId: undefined });
  }
  const documents = {
    "task-definition-daemon.json": task("daemon"),
    "task-definition-backup-production.json": task("backup", "production"),
    ...Object.fromEntries(Object.entries(policies).map(([role, policy]) => [`policy-${role}.json`, policy])),
  };
  return Object.fromEntries(
    Object.entries(documents).map(([name, document]) => [name, `${JSON.stringify(document, null, 2)}\n`]),
  );
}
