import type { Config } from "../config/config.ts";
import { familyOf, NAME, roleArn, secretArn, taskRoleOf, type Account } from "./names.ts";

/** What a task definition of Amazon ECS is derived from. */
export interface TaskRequest extends Account {
  config: Pick<Config, "origins" | "cache" | "prune">;
  /** What the container runs: `["daemon"]`, `["backup", "production"]`. */
  command: readonly string[];
  image: string;
}

/** The variables that a configuration takes its values from. */
export interface ConfigVariables {
  /** Those that hold passwords, tokens, or URLs with one in it. */
  secret: string[];
  plain: string[];
}

/** Values that hold a password, or may. */
const SECRET_PATHS =
  /^(databases\.[^.]+\.(url|password)|notify\b|search\b|http\.(token|basic)\b|(seed|restore|indexes)\..*\.webhook$)/;

/** The variables that a configuration names, sorted. Pure. */
export function variablesOf({ origins }: Pick<Config, "origins">): ConfigVariables {
  const secret = new Set<string>();
  const plain = new Set<string>();
  for (const { path, origin } of origins) {
    const found = [
      ...[...origin.matchAll(/\$\{([A-Za-z_][A-Za-z0-9_]*)/g)].map(([, name = ""]) => name),
      ...[...origin.matchAll(/^environment variable (\w+)$/g)].map(([, name = ""]) => name),
    ];
    for (const name of found) (SECRET_PATHS.test(path) ? secret : plain).add(name);
  }
  return { secret: [...secret].sort(), plain: [...plain].filter((name) => !secret.has(name)).sort() };
}

/** Seconds between SIGTERM and SIGKILL: a run ends within 25. */
const STOP_TIMEOUT = 30;

/** GiB of the task's disk: the cache of packs, archives that are unpacked, and room to breathe. */
const LEAST_DISK = 21;
const MOST_DISK = 200;

/** Where the daemon answers: its health check asks there. */
const PORT = 8080;

/**
 * A task definition for `aws ecs register-task-definition --cli-input-json`: read-only root, plain user, secrets from Secrets
 * Manager, one volume for the cache. Pure.
 */
export function taskDefinition({ config, command, image, region, account }: TaskRequest): unknown {
  const { secret, plain } = variablesOf(config);
  const isDaemon = command[0] === "daemon";
  const disk = Math.ceil(config.cache.maxBytes / 1e9) + LEAST_DISK;
  const environment = new Map(plain.map((variable) => [variable, `<${variable}>`]));
  environment.set("AWS_REGION", region);
  if (isDaemon) environment.set("PORT", String(PORT));
  return {
    family: familyOf(command),
    requiresCompatibilities: ["FARGATE"],
    runtimePlatform: { operatingSystemFamily: "LINUX", cpuArchitecture: "X86_64" },
    networkMode: "awsvpc",
    cpu: "1024",
    memory: "2048",
    ephemeralStorage: { sizeInGiB: Math.min(MOST_DISK, disk) },
    // Starts the task: reads the image and the secrets, writes the log.
    executionRoleArn: roleArn("execution", { region, account }),
    // What dataops itself may do: `dataops print iam-policy`.
    taskRoleArn: roleArn(taskRoleOf(command, config), { region, account }),
    volumes: [{ name: "data" }, { name: "tmp" }],
    containerDefinitions: [
      {
        name: NAME,
        image,
        command,
        essential: true,
        user: "10001:10001",
        readonlyRootFilesystem: true,
        stopTimeout: STOP_TIMEOUT,
        mountPoints: [
          { sourceVolume: "data", containerPath: "/var/lib/dataops", readOnly: false },
          { sourceVolume: "tmp", containerPath: "/tmp", readOnly: false },
        ],
        environment: [...environment]
          .map(([name, value]) => ({ name, value }))
          .toSorted((left, right) => (left.name < right.name ? -1 : 1)),
        secrets: secret.map((name) => ({ name, valueFrom: secretArn(name, { region, account }) })),
        ...(isDaemon ? SERVING : {}),
        logConfiguration: {
          logDriver: "awslogs",
          options: {
            "awslogs-group": `/ecs/${NAME}`,
            "awslogs-region": region,
            "awslogs-stream-prefix": command[0] ?? NAME,
          },
        },
      },
    ],
  };
}

const SERVING = {
  portMappings: [{ containerPort: PORT, protocol: "tcp" }],
  // ECS does not look at the image's own. In seconds.
  healthCheck: {
    command: ["CMD", "node", "/app/dist/healthcheck.js"],
    interval: 30,
    timeout: 5,
    retries: 3,
    startPeriod: 20,
  },
};
