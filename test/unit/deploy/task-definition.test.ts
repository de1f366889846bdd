import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { loadConfig } from "../../../src/config/load.ts";
import type { Config } from "../../../src/config/config.ts";
import { taskDefinition, variablesOf } from "../../../src/deploy/task-definition.ts";
import { loadText } from "../../support/config-file.ts";
import { temporaryFolder } from "../../support/temporary-folder.ts";

const TEXT = `
storage: s3://\${BUCKET}/dataops
databases:
  production: { url: "\${DATABASE_URL}", environment: production }
  local: { url: "postgres://app:\${LOCAL_PASSWORD:-x}@localhost/app", environment: development }
cache: { maxSize: 40GB }
notify:
  - slack: "\${SLACK_URL}"
`;

async function configOf(text: string): Promise<Config> {
  const folder = await temporaryFolder("task-definition");
  await writeFile(join(folder, "dataops.config.yaml"), text);
  const environment = { HOME: folder, BUCKET: "acme", DATABASE_URL: "postgres://u:sentinel@h/d" };
  return await loadConfig({ environment, workingDirectory: folder });
}

function definitionOf(config: Config, command: string[]): Record<string, unknown> {
  const place = { image: "acme/dataops:1", region: "eu-west-1", account: "123456789012" };
  // eslint-disable-next-line typescript/no-unsafe-type-assertion -- it is an object of JSON
  return taskDefinition({ config, command, ...place }) as Record<string, unknown>;
}

test("of the variables of a configuration, those of URLs, tokens and passwords are secrets", async () => {
  expect(variablesOf(await configOf(TEXT))).toEqual({
    secret: ["DATABASE_URL", "LOCAL_PASSWORD", "SLACK_URL"],
    plain: ["BUCKET"],
  });
});

describe("a task definition", () => {
  test("takes secrets from Secrets Manager, and holds none", async () => {
    const definition = definitionOf(await configOf(TEXT), ["daemon"]);
    expect(definition).toMatchObject({
      family: "dataops-daemon",
      // The cache, and room besides.
      ephemeralStorage: { sizeInGiB: 61 },
      containerDefinitions: [
        {
          command: ["daemon"],
          user: "10001:10001",
          readonlyRootFilesystem: true,
          stopTimeout: 30,
          environment: [
            { name: "AWS_REGION", value: "eu-west-1" },
            { name: "BUCKET", value: "<BUCKET>" },
            { name: "PORT", value: "8080" },
          ],
          secrets: [
            {
              name: "DATABASE_URL",
              valueFrom: "arn:aws:secretsmanager:eu-west-1:123456789012:secret:dataops/DATABASE_URL",
            },
            { name: "LOCAL_PASSWORD" },
            { name: "SLACK_URL" },
          ],
          portMappings: [{ containerPort: 8080 }],
          healthCheck: { command: ["CMD", "node", "/app/dist/healthcheck.js"] },
        },
      ],
    });
    expect(JSON.stringify(definition)).not.toContain("sentinel");
  });

  test.each([
    ["backup production", "dataops-writer"],
    ["prune production --confirm", "dataops-pruner"],
    ["daemon", "dataops-pruner"],
  ])("of %s has the role %s", async (run, role) => {
    const config = await configOf(`${TEXT}prune: { production: { schedule: "30 5 * * *" } }\n`);
    expect(definitionOf(config, run.split(" "))).toMatchObject({
      taskRoleArn: `arn:aws:iam::123456789012:role/${role}`,
      executionRoleArn: "arn:aws:iam::123456789012:role/dataops-execution",
    });
  });

  test("of one command serves nothing, and is named after it", async () => {
    const definition = definitionOf(await configOf(TEXT), ["backup", "production", "--json"]);
    expect(definition).toMatchObject({ family: "dataops-backup-production" });
    expect(JSON.stringify(definition)).not.toMatch(/portMappings|healthCheck|PORT/);
  });
});

test("a webhook's URL is a secret, whoever calls it", async () => {
  const config = await loadText(
    `storage: s3://acme/dataops
databases:
  production: { url: "\${DATABASE_URL}", environment: production }
  local: { url: "\${LOCAL_URL}", environment: development }
restore: { local: { then: [{ webhook: "\${RESTORED_HOOK}" }] } }
indexes: { products: { database: production, driver: { webhook: "\${INDEX_HOOK}" } } }
`,
    {},
  );
  expect(variablesOf(config)).toEqual({
    secret: ["DATABASE_URL", "INDEX_HOOK", "LOCAL_URL", "RESTORED_HOOK"],
    plain: [],
  });
});
