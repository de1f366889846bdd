import { describe, expect } from "vitest";
import { storagePolicy, STORAGE_ROLES } from "../../../src/deploy/iam-policy.ts";
import { planChanges, test, type AppliedModule, type Plan } from "../../support/terraform-test.ts";

/** The Terraform module's other options: planned against a stand-in for AWS, not applied. */

const FOLDER = "options";
const KEY = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:app/production-a1b2c3";
const PARAMETER = "arn:aws:ssm:eu-west-1:123456789012:parameter/dataops/slack";
const TASK_POLICY = JSON.stringify({
  Version: "2012-10-17",
  Statement: [{ Effect: "Allow", Action: "rds-db:connect", Resource: "*" }],
});

const NEEDED = {
  bucket: "acme-backups",
  image: "acme/dataops:1",
  subnet_ids: ["subnet-1"],
  security_group_ids: ["sg-1"],
};

/** Makes a configuration that calls the module with these variables. */
async function configure({ module, redirect, terraform }: AppliedModule, variables: object): Promise<void> {
  const root = { provider: { aws: {} }, module: { dataops: { source: "../", ...NEEDED, ...variables } } };
  await module.write(`${FOLDER}/main.tf.json`, JSON.stringify(root));
  await redirect(FOLDER);
  await terraform(FOLDER, "init", "-no-color");
}

function after({ resource_changes }: Plan, address: string): Readonly<Record<string, unknown>> | undefined {
  const found = resource_changes.find((change) => change.address === `module.dataops.${address}`);
  return found?.change.after ?? undefined;
}

function policyAfter(plan: Plan, address: string): unknown {
  return JSON.parse(String(after(plan, address)?.["policy"]));
}

describe("the module's options", { timeout: 600_000 }, () => {
  test("a key, a lock, no prefix, parameters, and scheduled tasks alone", async ({ applied }) => {
    await configure(applied, {
      prefix: "",
      kms_key_arn: KEY,
      object_lock: { days: 14 },
      secrets: { DATABASE_URL: `${SECRET}:url::`, SLACK_URL: PARAMETER },
      secrets_kms_key_arns: [KEY],
      task_policy_json: TASK_POLICY,
      indexed_databases: ["production", "staging"],
      daemon_replicas: 0,
      schedules: {
        prune: { command: ["prune", "production", "--confirm"], expression: "cron(30 5 * * ? *)" },
      },
    });
    const plan = await planChanges(applied, FOLDER);

    for (const role of STORAGE_ROLES) {
      const rights = {
        storageUrl: "s3://acme-backups",
        kmsKeyId: KEY,
        region: applied.region,
        indexedDatabases: ["production", "staging"],
      };
      expect(policyAfter(plan, `aws_iam_policy.storage["${role}"]`)).toEqual(storagePolicy(role, rights));
    }
    expect(policyAfter(plan, "aws_iam_role_policy.execution[0]")).toMatchObject({
      Statement: [
        { Action: ["secretsmanager:GetSecretValue"], Resource: [SECRET] },
        { Action: ["ssm:GetParameters"], Resource: [PARAMETER] },
        { Action: ["kms:Decrypt"], Resource: [KEY] },
      ],
    });
    for (const role of ["writer", "pruner"]) {
      expect(policyAfter(plan, `aws_iam_role_policy.task["${role}"]`)).toEqual(JSON.parse(TASK_POLICY));
    }
    expect(after(plan, "aws_s3_bucket.backups")).toMatchObject({ object_lock_enabled: true });
    expect(after(plan, "aws_s3_bucket_object_lock_configuration.backups[0]")).toMatchObject({
      rule: [{ default_retention: [{ mode: "GOVERNANCE", days: 14 }] }],
    });
    expect(after(plan, "aws_s3_bucket_server_side_encryption_configuration.backups")).toMatchObject({
      rule: [
        {
          bucket_key_enabled: true,
          apply_server_side_encryption_by_default: [{ sse_algorithm: "aws:kms", kms_master_key_id: KEY }],
        },
      ],
    });
    expect(JSON.stringify(after(plan, "aws_s3_bucket_lifecycle_configuration.backups"))).toContain(
      '"prefix":"locks/"',
    );
    const addresses = plan.resource_changes.map(({ address }) => address).join("\n");
    expect(addresses).toContain('aws_scheduler_schedule.task["prune"]');
    expect(addresses).not.toMatch(/aws_ecs_service|task\["daemon"\]|aws_iam_role\.reader/);
  });

  test("the least that has to be said", async ({ applied }) => {
    await configure(applied, {});
    const addresses = (await planChanges(applied, FOLDER)).resource_changes.map(({ address }) => address);
    expect(addresses.join("\n")).toContain("aws_ecs_service.daemon[0]");
    expect(addresses.join("\n")).not.toMatch(/scheduler|object_lock|role_policy\.(execution|task)/);
  });

  test("what cannot be meant is refused", async ({ applied }) => {
    await configure(applied, {
      bucket: "Acme",
      prefix: "/dataops",
      kms_key_arn: "alias/backups",
      unfinished_upload_days: 0.5,
      object_lock: { mode: "NONE", days: 1 },
      secrets: { DATABASE_URL: "postgres://app:s3ntinel@db/app" },
      daemon_replicas: -1,
      schedules: {
        prune: { command: ["prune", "production"], expression: "cron(30 5 * * ? *)" },
        restore: { command: ["restore", "latest"], expression: "rate(1 day)" },
      },
      disk: 500,
      subnet_ids: [],
    });
    const { code, stderr } = await applied.module.terraform(FOLDER, "plan", "-no-color");
    expect(code).toBe(1);
    const refused = stderr.matchAll(
      /This was checked by the validation rule at (?:\.\.\/)?variables\.tf:(\d+)/g,
    );
    expect([...refused]).toHaveLength(12);
    for (const message of [
      "The name of a bucket",
      "none at the ends",
      "The ARN of a key",
      "Whole days",
      "GOVERNANCE or COMPLIANCE",
      "never values",
      "0 or more",
      "Without --confirm",
      "What may be scheduled",
      "Expressions are cron(…)",
      "Fargate has 21 to 200",
      "One subnet or more",
    ]) {
      expect(stderr.replaceAll(/\s+/g, " ")).toContain(message);
    }
  });
});
