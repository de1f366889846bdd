import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { docker, runDocker, type DockerExit } from "./docker-engine.ts";
import { uniqueName } from "./postgres-test.ts";
import { temporaryFolder } from "./temporary-folder.ts";

/** Milliseconds between two looks at a condition, and after which it counts as never met. */
const POLL_INTERVAL = 200;
const PATIENCE = 90_000;

/** As a careful person runs it: nothing of the image can be written to, and the two places that are written to are in memory. */
const HARDENED = [
  "--read-only",
  "--tmpfs=/tmp",
  "--tmpfs=/var/lib/dataops:uid=10001,gid=10001,mode=0700",
  "--cap-drop=ALL",
  "--security-opt=no-new-privileges",
];

export interface ContainerOptions {
  environment?: Readonly<Record<string, string>>;
  /** Mounted where the image looks for `dataops.config.yaml`. */
  config?: Readonly<Record<string, unknown>> | undefined;
  /** More of `docker run`'s own flags. */
  flags?: readonly string[];
}

/** A container that runs in the background. Disposing of it removes it, if need be by force. */
export interface Container extends AsyncDisposable {
  name: string;
  /** What it has said so far. */
  logs(): Promise<string>;
  /** Runs a program beside it, inside. */
  exec(args: readonly string[], flags?: readonly string[]): Promise<DockerExit>;
  /** A field of `docker inspect`, by its template. */
  inspect(template: string): Promise<string>;
  /** Asks it to end, as an orchestrator does, and gives its exit code. */
  stop(): Promise<number>;
  until(what: string, condition: () => boolean | Promise<boolean>): Promise<void>;
}

/** Runs one command in a container, to its end. */
export async function runContainer(
  image: string,
  command: readonly string[],
  options: ContainerOptions = {},
): Promise<DockerExit> {
  const { flags, environment } = await runFlags(options);
  return runDocker(["run", "--rm", ...flags, image, ...command], { environment });
}

/** Starts a container in the background. */
export async function startContainer(
  image: string,
  command: readonly string[],
  options: ContainerOptions = {},
): Promise<Container> {
  const name = uniqueName("dataops-test").replace("_", "-");
  const { flags, environment } = await runFlags(options);
  const remove = async (): Promise<void> => {
    await runDocker(["rm", "--force", "--volumes", name]);
  };
  try {
    await docker(["run", "--detach", `--name=${name}`, ...flags, image, ...command], { environment });
  } catch (error) {
    await remove();
    throw error;
  }
  const inspect = (template: string): Promise<string> => docker(["inspect", "--format", template, name]);
  const logs = async (): Promise<string> => {
    const { stdout, stderr } = await runDocker(["logs", name]);
    return stdout + stderr;
  };
  return {
    name,
    logs,
    inspect,
    exec: (args, more = []) => runDocker(["exec", ...more, name, ...args]),
    stop: async () => {
      await docker(["stop", "--time=60", name]);
      return Number(await inspect("{{.State.ExitCode}}"));
    },
    until: async (what, condition) => {
      const deadline = performance.now() + PATIENCE;
      while (!(await condition())) {
        const state = await inspect("{{.State.Status}}");
        if (state !== "running")
          throw new Error(`the container was ${state} before ${what}: ${await logs()}`);
        if (performance.now() > deadline) throw new Error(`it never came to this: ${what}: ${await logs()}`);
        await sleep(POLL_INTERVAL);
      }
    },
    [Symbol.asyncDispose]: remove,
  };
}

/** Values of variables are in the environment of `docker` alone: its arguments only name them. */
async function runFlags({ environment = {}, config, flags = [] }: ContainerOptions): Promise<{
  flags: string[];
  environment: Readonly<Record<string, string>>;
}> {
  const names = Object.keys(environment).map((name) => `--env=${name}`);
  // The tests' servers listen on this machine's loopback interface.
  const all = ["--network=host", ...HARDENED, ...names, ...flags];
  if (config !== undefined) all.push(`--volume=${await configFolder(config)}:/etc/dataops:ro`);
  return { flags: all, environment };
}

/** Open to the user of the image, who is nobody here. */
async function configFolder(config: Readonly<Record<string, unknown>>): Promise<string> {
  const folder = await temporaryFolder("image-config");
  await chmod(folder, 0o755);
  // JSON is YAML, too.
  await writeFile(join(folder, "dataops.config.yaml"), JSON.stringify(config), { mode: 0o644 });
  return folder;
}
