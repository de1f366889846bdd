import type { Config } from "../config/config.ts";

/** What a task definition of Amazon ECS is derived from. */
export interface TaskRequest {
  config: Pick<Config, "origins" | "cache">;
  /** What the container runs: `["daemon"]`, `["backup", "production"]`. */
  command: readonly string[];
  image: string;
  region: string;
  account: string;
}

/** The variables that a configuration takes its values from. */
export interface ConfigVariables {
  /** Those that hold passwords, tokens, or URLs with one in it. */
  secret: string[];
  plain: string[];
}

/** Values that hold a password, or may. */
const SECRET_PATHS = /^(databases\.[^.]+\.(url|password)|notify\b|search\b|http\.(token|basic)\b)/;

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

/**
 * A task definition for `aws ecs register-task-definition --cli-input-json`: read-only root, plain user, secrets from Secrets
 * Manager, one volume for the cache. Pure.
 */
export function taskDefinition({ config, command, image, region, account }: TaskRequest): unknown {
  const name = `dataops-${command.filter((word) => /^[a-z0-9][a-z0-9-]*$/.test(word)).join("-")}`;
  const { secret, plain } = variablesOf(config);
  const isDaemon = command[0] === "daemon";
  const disk = Math.ceil(config.cache.maxBytes / 1e9) + LEAST_DISK;
  return {
    family: name,
    requiresCompatibilities: ["FARGATE"],
    networkMode: "awsvpc",
    cpu: "1024",
    memory: "2048",
    ephemeralStorage: { sizeInGiB: Math.min(MOST_DISK, disk) },
    // Starts the task: reads the image and the secrets, writes the log.
    executionRoleArn: `arn:aws:iam::${account}:role/dataops-execution`,
    // What dataops itself may do: `dataops print iam-policy`.
    taskRoleArn: `arn:aws:iam::${account}:role/dataops`,
    volumes: [{ name: "data" }, { name: "tmp" }],
    containerDefinitions: [
      {
        name: "dataops",
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
        environment: plain.map((variable) => ({ name: variable, value: `<${variable}>` })),
        secrets: secret.map((variable) => ({
          name: variable,
          valueFrom: `arn:aws:secretsmanager:${region}:${account}:secret:dataops/${variable}`,
        })),
        ...(isDaemon ? { portMappings: [{ containerPort: 8080, protocol: "tcp" }] } : {}),
        logConfiguration: {
          logDriver: "awslogs",
          options: {
            "awslogs-group": "/ecs/dataops",
            "awslogs-region": region,
            "awslogs-stream-prefix": command[0] ?? "dataops",
          },
        },
      },
    ],
  };
}
