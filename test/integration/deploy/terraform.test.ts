import { fileURLToPath } from "node:url";
import {
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketPolicyCommand,
  GetBucketVersioningCommand,
  GetPublicAccessBlockCommand,
} from "@aws-sdk/client-s3";
import { describe, expect } from "vitest";
import { parseSlot } from "../../../src/commands/run-dependencies.ts";
import { loadConfig } from "../../../src/config/load.ts";
import { storagePolicy, STORAGE_ROLES, type Policy } from "../../../src/deploy/iam-policy.ts";
import { executionStatements, schedulerStatements } from "../../../src/deploy/start-policies.ts";
import { taskDefinition } from "../../../src/deploy/task-definition.ts";
import { s3ClientFor } from "../../support/s3-servers.ts";
import { planChanges, test as base, type AppliedModule } from "../../support/terraform-test.ts";

/**
 * The Terraform module, applied to a stand-in for AWS, and what was made there held against what `dataops print` prints for the
 * same configuration. Some minutes: the provider waits for changes that are there at once.
 */

const EXAMPLE = "examples/production";
const CONFIG = fileURLToPath(new URL("../../../deploy/ecs/dataops.config.yaml", import.meta.url));
const IMAGE = "acme/dataops:1";
const STORAGE = "s3://acme-backups/dataops";
const ECS = "AmazonEC2ContainerServiceV20141113";

let example: Promise<void> | undefined;

const test = base.extend<{ made: AppliedModule }>({
  made: async ({ applied }, use) => {
    await (example ??= applyExample(applied));
    await use(applied);
  },
});

describe("the example, applied", { timeout: 600_000 }, () => {
  test("is written as Terraform writes it, and valid", async ({ made: { terraform } }) => {
    await terraform(".", "fmt", "-check", "-recursive", "-diff");
    expect(JSON.parse(await terraform(EXAMPLE, "validate", "-json"))).toMatchObject({
      valid: true,
      warning_count: 0,
    });
  });

  test.for(STORAGE_ROLES)("gives a %s the rights that are printed", async (role, { made }) => {
    const { region, aws } = made;
    const rights = { storageUrl: STORAGE, kmsKeyId: undefined, region };
    const arn = `arn:aws:iam::${aws.account}:policy/dataops-${role}`;
    expect(await managedPolicy(made, arn)).toEqual(storagePolicy(role, rights));
    expect(await attachedPolicies(made, `dataops-${role}`)).toEqual([arn]);
  });

  test("lets ECS alone take the tasks' roles, for this account", async ({ made }) => {
    for (const role of ["writer", "pruner"]) {
      expect(await trustOf(made, `dataops-${role}`)).toMatchObject([
        {
          Action: "sts:AssumeRole",
          Principal: { Service: "ecs-tasks.amazonaws.com" },
          Condition: { StringEquals: { "aws:SourceAccount": made.aws.account } },
        },
      ]);
    }
    expect(await trustOf(made, "dataops-reader")).toMatchObject([
      { Action: "sts:AssumeRole", Principal: { AWS: [`arn:aws:iam::${made.aws.account}:root`] } },
    ]);
  });

  test("lets what starts containers read the secrets, and no others", async ({ made }) => {
    const { region, aws } = made;
    const printed = {
      Version: "2012-10-17",
      Statement: executionStatements(["DATABASE_URL"], { region, account: aws.account }),
    };
    expect(withoutTails(await inlinePolicy(made, "dataops-execution", "secrets"))).toEqual(
      withoutTails(printed),
    );
    expect(await attachedPolicies(made, "dataops-execution")).toEqual([
      "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy",
    ]);
  });

  test("lets the scheduler start tasks", async ({ made }) => {
    const { region, aws } = made;
    expect(await inlinePolicy(made, "dataops-scheduler", "tasks")).toMatchObject({
      Statement: schedulerStatements({ region, account: aws.account }),
    });
  });

  test.for(["daemon", "backup production"])(
    "registers the task of %s as it is printed",
    async (run, { made: { aws, region } }) => {
      const environment = { HOME: "/", DATAOPS_STORAGE: STORAGE };
      const config = await loadConfig({ environment, workingDirectory: "/", file: CONFIG });
      const command = run.split(" ");
      const printed = taskDefinition({ config, command, image: IMAGE, region, account: aws.account });
      const described = await aws.call("ecs", `${ECS}.DescribeTaskDefinition`, {
        taskDefinition: `dataops-${command.join("-")}`,
      });
      // eslint-disable-next-line typescript/no-unsafe-type-assertion -- what is not there fails the test
      const { taskDefinition: registered } = described as TaskDescription;
      registered.volumes.sort((left, right) => (left.name < right.name ? -1 : 1));
      const expected: unknown = JSON.parse(JSON.stringify(printed).replace("<DATAOPS_STORAGE>", STORAGE));
      expect(withoutTails(registered)).toMatchObject({ ...Object(expected) });
    },
  );

  test("runs the daemon as a service", async ({ made: { aws, network } }) => {
    const services = await aws.call("ecs", `${ECS}.DescribeServices`, {
      cluster: "dataops",
      services: ["dataops-daemon"],
    });
    expect(services).toMatchObject({
      services: [
        {
          desiredCount: 1,
          launchType: "FARGATE",
          taskDefinition: expect.stringMatching(/task-definition\/dataops-daemon:1$/),
          networkConfiguration: {
            awsvpcConfiguration: { subnets: [network.subnet], assignPublicIp: "DISABLED" },
          },
        },
      ],
    });
  });

  test("schedules the backup, with its slot", async ({ made: { aws, region } }) => {
    const schedule = await aws.get("scheduler", "/schedules/dataops-backup-production");
    expect(schedule).toMatchObject({
      ScheduleExpression: "cron(0 */4 * * ? *)",
      ScheduleExpressionTimezone: "UTC",
      FlexibleTimeWindow: { Mode: "OFF" },
      Target: {
        Arn: `arn:aws:ecs:${region}:${aws.account}:cluster/dataops`,
        RoleArn: `arn:aws:iam::${aws.account}:role/dataops-scheduler`,
        EcsParameters: { TaskDefinitionArn: expect.stringMatching(/\/dataops-backup-production:1$/) },
        // The service looks for these very characters; escaped, it would not find them.
        Input:
          '{"containerOverrides":[{"command":["backup","production","--slot","<aws.scheduler.scheduled-time>"],"name":"dataops"}]}',
      },
    });
    expect(parseSlot("2022-03-22T18:59:43Z")).toBe(Date.UTC(2022, 2, 22, 18, 59, 43));
  });

  test("makes a bucket that forgets nothing at once, and that nobody else sees", async ({ made }) => {
    const keys = { accessKeyId: "test", secretAccessKey: "test" };
    using stack = new DisposableStack();
    const client = stack.adopt(
      s3ClientFor({ endpoint: made.aws.url, region: made.region, ...keys }),
      (open) => open.destroy(),
    );
    const Bucket = "acme-backups";
    expect(await client.send(new GetBucketVersioningCommand({ Bucket }))).toMatchObject({
      Status: "Enabled",
    });
    expect(await client.send(new GetPublicAccessBlockCommand({ Bucket }))).toMatchObject({
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
    });
    expect(await client.send(new GetBucketEncryptionCommand({ Bucket }))).toMatchObject({
      ServerSideEncryptionConfiguration: {
        Rules: [{ ApplyServerSideEncryptionByDefault: { SSEAlgorithm: "AES256" } }],
      },
    });
    const { Rules } = await client.send(new GetBucketLifecycleConfigurationCommand({ Bucket }));
    expect(Rules).toMatchObject([
      { Status: "Enabled", AbortIncompleteMultipartUpload: { DaysAfterInitiation: 3 } },
      { Status: "Enabled", NoncurrentVersionExpiration: { NoncurrentDays: 30 } },
      {
        Status: "Enabled",
        Filter: { Prefix: "dataops/locks/" },
        NoncurrentVersionExpiration: { NoncurrentDays: 1 },
      },
    ]);
    // Backups that are there go by prunes alone.
    expect(JSON.stringify(Rules)).not.toMatch(/"Expiration":\{[^}]*Da(ys|te)/);
    const { Policy } = await client.send(new GetBucketPolicyCommand({ Bucket }));
    expect(JSON.parse(Policy ?? "")).toMatchObject({
      Statement: [
        { Effect: "Deny", Principal: "*", Condition: { Bool: { "aws:SecureTransport": "false" } } },
      ],
    });
  });

  test("stands still when it is applied again", async ({ made }) => {
    const { resource_changes } = await planChanges(made, EXAMPLE);
    const changed = resource_changes.filter(({ change }) => change.actions.join() !== "no-op");
    // The stand-in forgets a setting of services that AWS sets by itself.
    expect(changed.map(({ address }) => address)).toEqual(["module.dataops.aws_ecs_service.daemon[0]"]);
    expect(changed[0]?.change.actions).toEqual(["update"]);
  });
});

interface TaskDescription {
  taskDefinition: { volumes: { name: string }[] };
}

async function applyExample({
  aws,
  terraform,
  redirect,
  module,
  region,
  network,
}: AppliedModule): Promise<void> {
  await aws.call("secretsmanager", "secretsmanager.CreateSecret", {
    Name: "dataops/DATABASE_URL",
    SecretString: "postgres://app@db.internal/app",
  });
  await redirect(EXAMPLE);
  const variables = {
    region,
    vpc_id: network.vpc,
    subnet_ids: [network.subnet],
    bucket: "acme-backups",
    image: IMAGE,
    reader_principals: [`arn:aws:iam::${aws.account}:root`],
  };
  await module.write(`${EXAMPLE}/test.auto.tfvars.json`, JSON.stringify(variables));
  await terraform(EXAMPLE, "init", "-no-color");
  await terraform(EXAMPLE, "apply", "-auto-approve", "-no-color");
}

/** Without the six characters that Secrets Manager puts behind a secret's name, or what stands for them. */
function withoutTails(document: unknown): unknown {
  const text = JSON.stringify(document);
  return JSON.parse(text.replaceAll(/(:secret:dataops\/\w+)-(\w{6}|\?{6})"/g, '$1"'));
}

async function iam({ aws }: AppliedModule, parameters: Record<string, string>): Promise<string> {
  return await aws.query("iam", { ...parameters, Version: "2010-05-08" });
}

/** The policy in an answer, which is encoded as in a URL. */
function policyIn(xml: string, element: string): Policy {
  const [, text = ""] = new RegExp(`<${element}>([^<]*)</${element}>`).exec(xml) ?? [];
  // eslint-disable-next-line typescript/no-unsafe-type-assertion -- what is not there fails the test
  return JSON.parse(decodeURIComponent(text)) as Policy;
}

async function managedPolicy(made: AppliedModule, arn: string): Promise<Policy> {
  const found = await iam(made, { Action: "GetPolicyVersion", PolicyArn: arn, VersionId: "v1" });
  return policyIn(found, "Document");
}

async function inlinePolicy(made: AppliedModule, role: string, name: string): Promise<Policy> {
  const found = await iam(made, { Action: "GetRolePolicy", RoleName: role, PolicyName: name });
  return policyIn(found, "PolicyDocument");
}

async function trustOf(made: AppliedModule, role: string): Promise<unknown> {
  return policyIn(await iam(made, { Action: "GetRole", RoleName: role }), "AssumeRolePolicyDocument")
    .Statement;
}

async function attachedPolicies(made: AppliedModule, role: string): Promise<string[]> {
  const xml = await iam(made, { Action: "ListAttachedRolePolicies", RoleName: role });
  return [...xml.matchAll(/<PolicyArn>([^<]*)</g)].map(([, arn = ""]) => arn);
}
