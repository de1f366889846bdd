import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Config } from "../../src/config/config.ts";
import type { Environment } from "../../src/config/environment.ts";
import { loadConfig } from "../../src/config/load.ts";

/** Reads a configuration file of this text, in an environment of these variables alone. */
export async function loadText(text: string, environment: Environment = {}): Promise<Config> {
  const folder = await mkdtemp(join(tmpdir(), "dataops-config-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, "dataops.config.yaml"), text, { mode: 0o600 });
  return loadConfig({ environment, workingDirectory: folder });
}
