import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Config } from "../../src/config/config.ts";
import type { Environment } from "../../src/config/environment.ts";
import { loadConfig } from "../../src/config/load.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** Reads a configuration file of this text, in an environment of these variables alone. */
export async function loadText(text: string, environment: Environment = {}): Promise<Config> {
  const folder = await temporaryFolder("config");
  await writeFile(join(folder, "dataops.config.yaml"), text, { mode: 0o600 });
  return loadConfig({ environment, workingDirectory: folder });
}
