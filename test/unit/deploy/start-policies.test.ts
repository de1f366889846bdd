import { expect, test } from "vitest";
import { executionStatements, schedulerStatements } from "../../../src/deploy/start-policies.ts";

const place = { region: "cn-north-1", account: "123456789012" };

test("what starts containers reads the secrets of the variables, and no others that begin alike", () => {
  expect(executionStatements(["DATABASE_URL", "SLACK_URL"], place)).toEqual([
    {
      Sid: "ReadSecrets",
      Effect: "Allow",
      Action: ["secretsmanager:GetSecretValue"],
      Resource: [
        "arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:dataops/DATABASE_URL-??????",
        "arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:dataops/SLACK_URL-??????",
      ],
    },
  ]);
});

test("without secrets there is no policy to print", () => {
  expect(() => executionStatements([], place)).toThrow("takes no secret from a variable");
});

test("the scheduler starts dataops alone, in its cluster, and gives its roles to tasks alone", () => {
  expect(schedulerStatements(place)).toEqual([
    expect.objectContaining({
      Action: ["ecs:RunTask"],
      Resource: "arn:aws-cn:ecs:cn-north-1:123456789012:task-definition/dataops-*",
      Condition: {
        ArnEquals: { "ecs:cluster": "arn:aws-cn:ecs:cn-north-1:123456789012:cluster/dataops" },
      },
    }),
    expect.objectContaining({
      Action: ["iam:PassRole"],
      Resource: ["execution", "writer", "pruner"].map(
        (role) => `arn:aws-cn:iam::123456789012:role/dataops-${role}`,
      ),
      Condition: { StringEquals: { "iam:PassedToService": "ecs-tasks.amazonaws.com" } },
    }),
  ]);
});
