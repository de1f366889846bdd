import { open, rm, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { CONFIG_FILE, loadConfig } from "../config/load.ts";
import { parseConnection } from "../config/parse-connection.ts";
import type { Environment } from "../config/environment.ts";
import { DataopsError } from "../errors.ts";
import type { Command, CommandContext, CommandResult } from "./command.ts";
import { configTemplate, type Answers } from "./config-template.ts";
import { checkStorageUrl } from "./storage-url.ts";

export interface InitOptions {
  storage?: string | undefined;
  production?: string | undefined;
  local?: string | undefined;
  output: string;
}

const DEFAULTS = {
  storage: "s3://my-bucket/dataops",
  production: "${DATABASE_URL}",
  local: "${LOCAL_DATABASE_URL:-postgres://localhost/app_development}",
} as const satisfies Answers;

export const command: Command<InitOptions> = {
  options: (yargs) =>
    yargs
      .option("storage", {
        type: "string",
        describe: "where backups go: s3://bucket/prefix or file:///directory",
      })
      .option("production", {
        type: "string",
        describe: "production's URL; better a variable, as `${DATABASE_URL}`, than a password in a file",
      })
      .option("local", { type: "string", describe: "the local database's URL" })
      .option("output", { type: "string", default: CONFIG_FILE, describe: "the file to write" }),
  run: runInit,
  exits: ["interrupted", "terminated"],
  examples: [
    ["dataops init", "answer three questions"],
    ["dataops init --storage s3://acme-backups/dataops", "without questions where there is no terminal"],
  ],
};

/** Writes a commented configuration. Overwrites nothing; what it writes is known to be valid. */
export async function runInit(options: InitOptions, context: CommandContext): Promise<CommandResult> {
  const { environment, workingDirectory } = context;
  const path = resolve(workingDirectory, options.output);
  // Before the questions, so that nobody answers them for nothing.
  if (await exists(path)) throw existsAlready(path);
  const answers = await gather(options, context);
  const file = await createNew(path);
  try {
    await file.writeFile(configTemplate(answers));
    // A template that our own parser refuses would be a poor start; the answers may make it so.
    await checkStorageUrl(await loadConfig({ file: path, environment, workingDirectory }));
    checkDatabaseUrls(answers, environment);
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  return {
    exit: "done",
    data: { file: path },
    text: `wrote ${options.output}; next: \`dataops doctor\` checks it against what is there`,
  };
}

async function gather(options: InitOptions, { ask }: CommandContext): Promise<Answers> {
  const answer = async (given: string | undefined, question: string, fallback: string): Promise<string> => {
    if (given !== undefined) return given;
    if (ask === undefined) return fallback;
    return (await ask(`${question} [${fallback}]: `)).trim() || fallback;
  };
  return {
    storage: await answer(options.storage, "Where do backups go?", DEFAULTS.storage),
    production: await answer(options.production, "Production's URL?", DEFAULTS.production),
    local: await answer(options.local, "The local database's URL?", DEFAULTS.local),
  };
}

/** Those with variables in them are another machine's, perhaps, and can be looked at only there. */
function checkDatabaseUrls({ production, local }: Answers, environment: Environment): void {
  for (const [name, url] of Object.entries({ production, local }))
    if (!url.includes("${")) parseConnection(url, `the URL of ${name}`, environment);
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}

function existsAlready(path: string, cause?: Error): DataopsError {
  return new DataopsError("usage", `${path} exists already, and is left as it is`, {
    hint: "move it away first, or write elsewhere with --output",
    cause,
  });
}

async function createNew(path: string) {
  try {
    // Only its owner may read it: someone will put a password there.
    return await open(path, "wx", 0o600);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") {
      throw existsAlready(path, error);
    }
    throw new DataopsError(
      "usage",
      `cannot write ${path}: ${error instanceof Error ? error.message : String(error)}`,
      {
        hint: "name another place with --output",
        cause: error,
      },
    );
  }
}
