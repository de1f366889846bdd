import { readdir, readFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

/** The layers, and who may know whom. A breach is named with the reason that it breaks. */

const SOURCE = fileURLToPath(new URL("../../src", import.meta.url));

interface Import {
  from: string;
  to: string;
  /** Loaded when it is needed: may close a circle. */
  isDynamic?: boolean;
}

interface Rule {
  why: string;
  breaks: (edge: Import) => boolean;
}

const FEATURES = ["backup", "restore", "seed", "reindex", "status", "notices", "deploy"];
const PORTS = ["postgres", "storage", "search", "secrets"];
const BASE = ["config", "observe"];
/** What is known, as others see it. */
const VIEWS = ["page", "metrics"];

/** From the top down: a layer may import those below it, and itself. */
const LAYERS = [
  ["commands"],
  ["http"],
  VIEWS,
  FEATURES,
  ["schedule"],
  ["replace"],
  ["repository"],
  PORTS,
  BASE,
];

const RULES: readonly Rule[] = [
  {
    why: "dependencies point one way: commands, http, views, features, schedule, replace, repository, ports, config and observe",
    breaks: ({ from, to }) =>
      layerOf(to) !== undefined && layerOf(from) !== undefined && layerOf(to)! < layerOf(from)!,
  },
  {
    why: "features do not import each other: what they share is in replace/, repository/ or below",
    breaks: ({ from, to }) => areApart(FEATURES, from, to),
  },
  { why: "views do not import each other", breaks: ({ from, to }) => areApart(VIEWS, from, to) },
  { why: "ports do not import each other", breaks: ({ from, to }) => areApart(PORTS, from, to) },
  {
    why: "src/ does not import tests, scripts or benches",
    breaks: ({ to }) => to.startsWith("../"),
  },
  {
    why: "only src/cli.ts starts commands, and nobody imports it",
    breaks: ({ to }) => to === "cli.ts",
  },
  {
    why: "each of AWS's packages is known to the files named here, and to no others",
    breaks: ({ from, to }) =>
      /^(@aws-sdk|@smithy)\//.test(to) &&
      !/^storage\/s3[^/]*\.ts$/.test(from) &&
      !(AWS_PACKAGES[to]?.includes(from) ?? false),
  },
  {
    why: "what brings AWS's packages is loaded when it is needed: most configurations name no secret of AWS",
    breaks: ({ to, isDynamic }) => LOADED_LATE.has(to) && isDynamic !== true,
  },
  {
    why: "only search/client.ts knows the search client",
    breaks: ({ from, to }) => to.startsWith("@opensearch-project/") && from !== "search/client.ts",
  },
  {
    why: "only notices/channels/email.ts sends mail",
    breaks: ({ from, to }) => to === "nodemailer" && from !== "notices/channels/email.ts",
  },
  {
    why: "only the seeds' modules know faker, which is large",
    breaks: ({ from, to }) => to.startsWith("@faker-js/") && from !== "seed/load/module.ts",
  },
  {
    why: "only commands/ parses command lines",
    breaks: ({ from, to }) => to === "yargs" && folderOf(from) !== "commands",
  },
  {
    why: "only postgres/ and the steps that a team configures start programs",
    breaks: ({ from, to }) => to === "node:child_process" && !MAY_SPAWN.has(from),
  },
  {
    why: "only postgres/client.ts speaks PostgreSQL's protocol",
    breaks: ({ from, to }) => to === "pg" && from !== "postgres/client.ts",
  },
  {
    why: "only the configuration's check of schedules and schedule/cron.ts know cron patterns",
    breaks: ({ from, to }) => to === "croner" && from !== "config/schedule.ts" && from !== "schedule/cron.ts",
  },
  {
    why: "only metrics/ speaks to Prometheus and StatsD",
    breaks: ({ from, to }) => (to === "prom-client" || to === "hot-shots") && folderOf(from) !== "metrics",
  },
  {
    why: "only observe/ logs and draws",
    breaks: ({ from, to }) => (to === "pino" || to === "cli-progress") && folderOf(from) !== "observe",
  },
];

/** Besides what storage/s3*.ts needs for S3. */
const AWS_PACKAGES: Readonly<Record<string, readonly string[]>> = {
  "@aws-sdk/client-secrets-manager": ["secrets/aws-secrets.ts"],
  "@aws-sdk/client-ssm": ["secrets/aws-parameters.ts"],
  "@aws-sdk/rds-signer": ["postgres/rds-token.ts"],
  "@aws-sdk/credential-provider-node": ["search/aws-credentials.ts", "postgres/rds-token.ts"],
};

const LOADED_LATE = new Set(["secrets/aws-secrets.ts", "secrets/aws-parameters.ts", "postgres/rds-token.ts"]);

const MAY_SPAWN = new Set(["postgres/tools.ts", "postgres/tool-discovery.ts", "replace/after/command.ts"]);

test("no import breaks a rule of the architecture", async () => {
  const imports = await readImports();
  expect(imports.length).toBeGreaterThan(100);
  const breaches = imports.flatMap((edge) =>
    RULES.filter(({ breaks }) => breaks(edge)).map(({ why }) => `${edge.from} imports ${edge.to}: ${why}`),
  );
  expect(breaches).toEqual([]);
});

test.for([
  ["restore/restore.ts", "backup/backup.ts"],
  ["storage/file.ts", "postgres/client.ts"],
  ["search/client.ts", "storage/s3.ts"],
  ["search/swap-alias.ts", "@opensearch-project/opensearch"],
  ["search/client.ts", "@aws-sdk/client-s3"],
  ["config/load.ts", "observe/../commands/index.ts"],
  ["repository/catalogue.ts", "backup/backup.ts"],
  ["repository/catalogue.ts", "schedule/run-job.ts"],
  ["schedule/run-job.ts", "backup/backup.ts"],
  ["seed/seed.ts", "restore/restore.ts"],
  ["replace/swap/swap.ts", "restore/restore.ts"],
  ["repository/manifest.ts", "replace/guard/guard.ts"],
  ["backup/dump.ts", "@aws-sdk/client-s3"],
  ["secrets/secret-source.ts", "@aws-sdk/client-ssm"],
  ["secrets/aws-secrets.ts", "storage/s3.ts"],
  ["secrets/secret-source.ts", "secrets/aws-secrets.ts"],
  ["restore/swap.ts", "node:child_process"],
  ["backup/dump.ts", "yargs"],
  ["commands/status.ts", "croner"],
  ["seed/seed.ts", "@faker-js/faker"],
  ["page/page.ts", "http/server.ts"],
  ["status/read-status.ts", "page/page.ts"],
] as const)("%s may not import %s", ([from, to]) => {
  const edge = { from, to: to.startsWith("observe/..") ? "commands/index.ts" : to };
  expect(RULES.some(({ breaks }) => breaks(edge))).toBe(true);
});

test("there are no circles of imports", async () => {
  const graph = new Map<string, string[]>();
  for (const { from, to, isDynamic } of await readImports()) {
    if (isDynamic !== true) graph.set(from, [...(graph.get(from) ?? []), to]);
  }
  const circles: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): void => {
    const start = path.indexOf(file);
    if (start !== -1) circles.push([...path.slice(start), file].join(" -> "));
    if (start !== -1 || done.has(file)) return;
    for (const next of graph.get(file) ?? []) visit(next, [...path, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  expect(circles).toEqual([]);
});

function folderOf(file: string): string {
  return file.split("/", 1)[0] ?? "";
}

function layerOf(file: string): number | undefined {
  const layer = LAYERS.findIndex((folders) => folders.includes(folderOf(file)));
  return layer === -1 ? undefined : layer;
}

function areApart(folders: readonly string[], from: string, to: string): boolean {
  return (
    folders.includes(folderOf(from)) && folders.includes(folderOf(to)) && folderOf(from) !== folderOf(to)
  );
}

/** Every import at run time and for types alike, static and dynamic; those of our own files as paths below src/. */
async function readImports(): Promise<Import[]> {
  const files = (await readdir(SOURCE, { recursive: true })).filter((file) => file.endsWith(".ts"));
  const edges = await Promise.all(
    files.map(async (file) => {
      const text = await readFile(join(SOURCE, file), "utf8");
      const found = text.matchAll(
        /(?:^import [^;]*?from |^export [^;]*?from |^import |\bimport\()\s*"([^"]+)"/gm,
      );
      return [...found].map(([statement, specifier = ""]) => ({
        from: file,
        isDynamic: statement.startsWith("import("),
        to: specifier.startsWith(".") ? relative(SOURCE, join(SOURCE, dirname(file), specifier)) : specifier,
      }));
    }),
  );
  return edges.flat();
}
