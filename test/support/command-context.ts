import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import type { CommandContext } from "../../src/commands/command.ts";
import { NO_SECRETS } from "../../src/config/late-value.ts";
import { loadConfig } from "../../src/config/load.ts";
import { silentReporter } from "../../src/observe/reporter.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** What a command is given, for a test that runs it in its own process, with `changes` on top: a configuration file of this text. */
export async function commandContext(
  config: string,
  changes: Partial<CommandContext> = {},
): Promise<CommandContext> {
  const folder = await temporaryFolder("command");
  await writeFile(join(folder, "dataops.config.yaml"), config);
  const environment = { HOME: folder };
  const secrets = changes.secrets ?? NO_SECRETS;
  const load = (): ReturnType<typeof loadConfig> =>
    loadConfig({ environment, workingDirectory: folder, secrets });
  return {
    config: load,
    loadConfig: load,
    secrets,
    onReload: () => ({ [Symbol.dispose]: () => undefined }),
    reporter: silentReporter,
    signal: new AbortController().signal,
    environment,
    workingDirectory: folder,
    now: () => Date.now(),
    ask: undefined,
    display: { columns: 80, unicode: true, color: false, timeZone: "UTC" },
    stdout: new PassThrough(),
    json: false,
    ...changes,
  };
}
