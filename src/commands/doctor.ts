import type { ChannelConfig, Config, DatabaseConfig } from "../config/config.ts";
import { isDataopsError } from "../errors.ts";
import { channelTitle } from "../notices/channels.ts";
import type { InstalledTools } from "../postgres/tools.ts";
import type { Command, CommandContext, CommandResult } from "./command.ts";
import { checkDatabase, type Role } from "./doctor/database.ts";
import { attempt, exitOf, ok, renderFindings, warn, type Finding } from "./doctor/finding.ts";
import { checkDisk, checkPrograms, judgeNode } from "./doctor/machine.ts";
import { checkSecrets } from "./doctor/secrets.ts";
import { checkStorage } from "./doctor/storage.ts";

/** Says what is needed against what is there, changing nothing but an object in the storage that is gone right after. */
export async function runDoctor(context: CommandContext, nodeVersion: string): Promise<CommandResult> {
  const { signal } = context;
  const findings = [judgeNode(nodeVersion)];

  let installed: InstalledTools[] = [];
  const programs = await attempt("pg_dump, pg_restore", signal, async () => {
    const checked = await checkPrograms(context.environment);
    installed = checked.installed;
    return checked.findings;
  });
  findings.push(...programs);

  let config: Config | undefined;
  const configuration = await attempt("configuration", signal, async () => {
    config = await context.config();
    const names = Object.keys(config.databases).join(", ") || "none";
    return [ok("configuration", `${config.file ?? "from the environment alone"}; databases: ${names}`)];
  });
  findings.push(...configuration);
  if (config !== undefined) findings.push(...(await checkConfigured(config, installed, context)));

  return { exit: exitOf(findings), data: { findings }, text: renderFindings(findings) };
}

/** What the configuration names: the storage, the cache and the databases. */
async function checkConfigured(
  config: Config,
  installed: readonly InstalledTools[],
  context: CommandContext,
): Promise<Finding[]> {
  const { environment, signal } = context;
  const databases = Object.values(config.databases);
  const production = databases.find((database) => roleOf(config, database) === "source");
  const { findings, latest } = await checkStorage(config, production?.name, context);
  const cache = await attempt("cache", signal, async () => [await checkDisk(config.cache.directory, latest)]);
  const checked = await Promise.all(
    databases.map((database) =>
      checkDatabase({
        database,
        role: roleOf(config, database),
        installed,
        latest,
        skipExtensions: config.restore[database.name]?.skipExtensions ?? [],
        environment,
        signal,
      }),
    ),
  );
  const secrets = await checkSecrets(config, context);
  const notices = await Promise.all(
    config.notify.map((channel) =>
      attempt(channelTitle(channel), signal, async () => [await checkChannel(channel, signal)]),
    ),
  );
  return [...findings, ...cache, ...secrets, ...checked.flat(), ...notices.flat()];
}

/** Nothing is sent. What a laptop lacks is worth saying, and wrong only where jobs run. */
async function checkChannel(channel: ChannelConfig, signal: AbortSignal): Promise<Finding> {
  try {
    const { kind } = await channel.settings.resolve(signal);
    return ok(channelTitle(channel), `${kind} is configured; \`dataops notify test\` tries it`);
  } catch (error) {
    if (!isDataopsError(error, "usage")) throw error;
    return warn(channelTitle(channel), error.message, error.hint ?? "correct it");
  }
}

/** Backups are made of production and of whatever has a backup configured; all else is restored into. */
function roleOf(config: Config, { name, environment }: DatabaseConfig): Role {
  return environment === "production" ||
    (config.backup[name] !== undefined && config.restore[name] === undefined)
    ? "source"
    : "target";
}

export const command: Command = {
  options: (yargs) => yargs,
  run: (_options, context) => runDoctor(context, process.versions.node),
  exits: ["warnings", "notPermitted", "refused", "corrupt", "unreachable", "tool"],
  examples: [
    ["dataops doctor", "check everything, and say what to do"],
    ["dataops doctor --json", "the same for a program"],
  ],
};
