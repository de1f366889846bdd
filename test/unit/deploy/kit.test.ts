import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ecsFiles } from "../../../scripts/docs/ecs-files.ts";
import { parseSlot } from "../../../src/commands/run-dependencies.ts";
import { storagePolicy, STORAGE_ROLES } from "../../../src/deploy/iam-policy.ts";
import { executionStatements, schedulerStatements } from "../../../src/deploy/start-policies.ts";

const KIT = fileURLToPath(new URL("../../../deploy/", import.meta.url));

interface Schedule {
  FlexibleTimeWindow: unknown;
  Target: { Input: string };
}

interface TaskDefinition {
  family: string;
  containerDefinitions: [{ name: string; command: string[] }];
}

test("the files for ECS are what is printed", async () => {
  for (const [name, content] of Object.entries(await ecsFiles())) {
    expect(await readFile(join(KIT, "ecs", name), "utf8"), name).toBe(content);
  }
});

describe("the schedule for ECS", async () => {
  const { Target, FlexibleTimeWindow } = await readJson<Schedule>("schedule-backup-production.json");
  const { family, containerDefinitions } = await readJson<TaskDefinition>(
    "task-definition-backup-production.json",
  );

  test("starts the task that is printed, by the role and in the cluster of the scheduler's policy", () => {
    expect(Target).toMatchObject({
      Arn: "arn:aws:ecs:<region>:<account>:cluster/dataops",
      RoleArn: "arn:aws:iam::<account>:role/dataops-scheduler",
      EcsParameters: { TaskDefinitionArn: `arn:aws:ecs:<region>:<account>:task-definition/${family}` },
    });
    // Later, it would be for another instant.
    expect(FlexibleTimeWindow).toEqual({ Mode: "OFF" });
  });

  test("gives it the instant that it is for, as EventBridge Scheduler writes it", () => {
    const [{ name, command }] = containerDefinitions;
    // An instant of the service's documentation.
    const instant = "2022-03-22T18:59:43Z";
    expect(JSON.parse(Target.Input.replaceAll("<aws.scheduler.scheduled-time>", instant))).toEqual({
      containerOverrides: [{ name, command: [...command, "--slot", instant] }],
    });
    expect(parseSlot(instant)).toBe(Date.parse(instant));
  });
});

test("the Terraform module allows the actions that are printed, and no others", async () => {
  const files = (await readdir(join(KIT, "terraform"))).filter((name) => name.endsWith(".tf"));
  const sources = await Promise.all(files.map((name) => readFile(join(KIT, "terraform", name), "utf8")));
  const lines = sources.join("\n").match(/(Action|reader|writer|pruner)\s*= .*/g) ?? [];
  // Parameters of SSM are for who has them: a configuration does not say where its variables come from.
  const allowed = lines.flatMap((line) => line.match(/(?<=")(s3|kms|ecs|iam|secretsmanager):\w+/g) ?? []);
  const place = { region: "eu-west-1", account: "123456789012" };
  const request = { storageUrl: "s3://acme/dataops", kmsKeyId: "k", indexedDatabases: ["production"] };
  const printed = [
    ...STORAGE_ROLES.flatMap((role) => storagePolicy(role, request).Statement),
    ...executionStatements(["DATABASE_URL"], place),
    ...schedulerStatements(place),
  ].flatMap(({ Action }) => Action);
  expect(new Set(allowed)).toEqual(new Set(printed));
});

async function readJson<T>(name: string): Promise<T> {
  // eslint-disable-next-line typescript/no-unsafe-type-assertion -- what is not there fails the test
  return JSON.parse(await readFile(join(KIT, "ecs", name), "utf8")) as T;
}
