import { describe, expect, test } from "vitest";
import { credentialStatements } from "../../../src/deploy/credential-statements.ts";
import { loadText } from "../../support/config-file.ts";

const PLACE = { region: "eu-west-1", account: "123456789012" };
const ARN = "arn:aws:secretsmanager:us-east-1:210987654321:secret:shared-AbCdEf";

const WHOLE = `
databases:
  production: { url: "postgres://backup@db.abc.eu-west-1.rds.amazonaws.com/app?sslmode=require", auth: rds-iam, environment: production }
  other: { url: "\${NOT_HERE}", auth: rds-iam, region: eu-west-1, environment: production }
  staging: { url: "postgres://app@staging/app", password: "secretsmanager:staging#password", environment: staging }
  copy: { url: "secretsmanager:staging#url", environment: staging }
notify: [ { slack: "ssm:/hooks/slack" }, { slack: "secretsmanager:${ARN}" } ]
http: { token: "\${TOKEN}" }
`;

describe("what a task needs beside the storage", () => {
  test("is what the configuration refers to, and nothing more", async () => {
    const config = await loadText(WHOLE, { TOKEN: "ssm:/http/token:3" });
    expect(credentialStatements(config, PLACE)).toEqual([
      {
        Sid: "Secrets",
        Effect: "Allow",
        Action: ["secretsmanager:GetSecretValue"],
        Resource: ["arn:aws:secretsmanager:eu-west-1:123456789012:secret:staging-??????", ARN],
      },
      {
        Sid: "Parameters",
        Effect: "Allow",
        Action: ["ssm:GetParameter"],
        Resource: [
          "arn:aws:ssm:eu-west-1:123456789012:parameter/hooks/slack",
          "arn:aws:ssm:eu-west-1:123456789012:parameter/http/token",
        ],
      },
      {
        Sid: "DecryptSecrets",
        Effect: "Allow",
        Action: ["kms:Decrypt"],
        Resource: ["arn:aws:kms:eu-west-1:123456789012:key/*", "arn:aws:kms:us-east-1:210987654321:key/*"],
        Condition: {
          StringLike: {
            "kms:ViaService": [
              "secretsmanager.eu-west-1.amazonaws.com",
              "secretsmanager.us-east-1.amazonaws.com",
              "ssm.eu-west-1.amazonaws.com",
            ],
          },
        },
      },
      {
        Sid: "DatabaseTokens",
        Effect: "Allow",
        Action: ["rds-db:connect"],
        Resource: [
          "arn:aws:rds-db:eu-west-1:123456789012:dbuser:*/*",
          "arn:aws:rds-db:eu-west-1:123456789012:dbuser:*/backup",
        ],
      },
    ]);
  });

  test("is nothing where there are neither references nor tokens", async () => {
    const config = await loadText(
      'databases: { production: { url: "postgres://app:x@db/app", environment: production } }',
    );
    expect(credentialStatements(config, PLACE)).toEqual([]);
  });

  test("names what is not known by a wildcard, and the part of Amazon that it is in", async () => {
    const config = await loadText('notify: [ { slack: "secretsmanager:hook" } ]');
    const resources = (place: object) =>
      credentialStatements(config, place).flatMap(({ Resource }) => Resource);
    expect(resources({})).toEqual(["arn:aws:secretsmanager:*:*:secret:hook-??????", "arn:aws:kms:*:*:key/*"]);
    expect(resources({ region: "cn-north-1", partition: "aws-cn" })).toEqual([
      "arn:aws-cn:secretsmanager:cn-north-1:*:secret:hook-??????",
      "arn:aws-cn:kms:cn-north-1:*:key/*",
    ]);
  });
});
