import { describe, expect, test } from "vitest";
import { runPrint, type PrintOptions } from "../../../src/commands/print.ts";
import { commandContext } from "../../support/command-context.ts";

const CONFIG = `
storage: { url: "s3://acme-backups/dataops", region: us-gov-west-1 }
databases: { production: { url: "\${DATABASE_URL}", environment: production } }
`;

const OPTIONS: PrintOptions = {
  what: "iam-policy",
  role: "reader",
  run: "daemon",
  image: "<image>",
  region: undefined,
  account: "123456789012",
};

async function printed(options: Partial<PrintOptions>, text = CONFIG, environment = {}): Promise<string> {
  const context = await commandContext(text, { environment });
  const { data, text: shown } = await runPrint({ ...OPTIONS, ...options }, context);
  expect(JSON.parse(shown)).toEqual(data);
  return shown;
}

describe("the region", () => {
  const elsewhere = CONFIG.replace(", region: us-gov-west-1", "");

  test.each([
    ["of --region", { region: "cn-north-1" }, CONFIG, { AWS_REGION: "eu-west-1" }, "arn:aws-cn:s3"],
    ["of the storage", {}, CONFIG, { AWS_REGION: "eu-west-1" }, "arn:aws-us-gov:s3"],
    ["of AWS_REGION", {}, elsewhere, { AWS_REGION: "cn-north-1" }, "arn:aws-cn:s3"],
    ["that nobody names", {}, elsewhere, {}, "arn:aws:s3"],
  ])("%s says in which partition the bucket is", async (_, options, text, environment, expected) => {
    expect(await printed(options, text, environment)).toContain(`"${expected}:::acme-backups"`);
  });

  test("that nobody names is left to be filled in", async () => {
    const definition = await printed({ what: "task-definition" }, elsewhere);
    expect(definition).toContain("arn:aws:secretsmanager:<region>:123456789012:secret:dataops/DATABASE_URL");
  });
});

test.each([
  ["reader", "s3:GetObject"],
  ["writer", "s3:PutObject"],
  ["pruner", "s3:DeleteObject"],
  ["execution", "secretsmanager:GetSecretValue"],
  ["scheduler", "ecs:RunTask"],
] as const)("the policy of %s has %s", async (role, action) => {
  expect(await printed({ role })).toContain(`"${action}"`);
});
