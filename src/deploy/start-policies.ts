import { DataopsError } from "../errors.ts";
import type { PolicyStatement } from "./iam-policy.ts";
import { NAME, roleArn, secretArn, type Account } from "./names.ts";
import { partitionOf } from "./partition.ts";

/** What starts tasks of Amazon ECS needs: neither of it is dataops itself. */

/**
 * What the role that starts containers needs beside Amazon's own `AmazonECSTaskExecutionRolePolicy` (image and log): the secrets
 * that the task definition names. Pure.
 *
 * @throws DataopsError `usage` where it names none
 */
export function executionStatements(secretVariables: readonly string[], account: Account): PolicyStatement[] {
  if (secretVariables.length === 0) {
    throw new DataopsError("usage", "the configuration takes no secret from a variable", {
      hint: "AmazonECSTaskExecutionRolePolicy is all that the execution role needs",
    });
  }
  return [
    {
      Sid: "ReadSecrets",
      Effect: "Allow",
      Action: ["secretsmanager:GetSecretValue"],
      // Exactly the random tail: with `*`, dataops/DATABASE_URL would open dataops/DATABASE_URL_OF_ANOTHER, too.
      Resource: secretVariables.map((variable) => `${secretArn(variable, account)}-??????`),
    },
  ];
}

/** What EventBridge Scheduler needs to start tasks in the cluster. Pure. */
export function schedulerStatements({ region, account }: Account): PolicyStatement[] {
  const ecs = `arn:${partitionOf(region)}:ecs:${region}:${account}`;
  return [
    {
      Sid: "RunTasks",
      Effect: "Allow",
      Action: ["ecs:RunTask"],
      Resource: `${ecs}:task-definition/${NAME}-*`,
      Condition: { ArnEquals: { "ecs:cluster": `${ecs}:cluster/${NAME}` } },
    },
    {
      Sid: "PassRoles",
      Effect: "Allow",
      Action: ["iam:PassRole"],
      Resource: (["execution", "writer", "pruner"] as const).map((role) =>
        roleArn(role, { region, account }),
      ),
      Condition: { StringEquals: { "iam:PassedToService": "ecs-tasks.amazonaws.com" } },
    },
  ];
}
