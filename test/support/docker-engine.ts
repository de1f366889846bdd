import { spawn } from "node:child_process";
import { once } from "node:events";
import { ServerUnavailable } from "./server-unavailable.ts";

/** How a run of the `docker` program ended. */
export interface DockerExit {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface DockerOptions {
  /** Over the tests' own environment: what `--env NAME` passes on without showing it. */
  environment?: Readonly<Record<string, string>> | undefined;
  /** Milliseconds, after which it is ended. */
  patience?: number;
}

/** Milliseconds; a build says for itself how long it may take. */
const PATIENCE = 120_000;

/** Runs `docker` to its end. */
export async function runDocker(args: readonly string[], options: DockerOptions = {}): Promise<DockerExit> {
  const { environment = {}, patience = PATIENCE } = options;
  const child = spawn("docker", args, {
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
    timeout: patience,
    killSignal: "SIGKILL",
  });
  const output = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output.stderr += text));
  await once(child, "close");
  return { code: child.exitCode, ...output };
}

/** What `docker` says on stdout, without the final line break; throws with what it complained of where it fails. */
export async function docker(args: readonly string[], options: DockerOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await runDocker(args, options);
  if (code === 0) return stdout.trimEnd();
  throw new Error(`docker ${args[0]} ended with ${code}: ${stdout.slice(-2_000)}${stderr.slice(-4_000)}`);
}

/**
 * Sees to it that a Docker engine answers.
 *
 * @throws ServerUnavailable where none does
 */
export async function requireDocker(): Promise<void> {
  try {
    await docker(["version", "--format", "{{.Server.Version}}"], { patience: 10_000 });
  } catch (error) {
    throw new ServerUnavailable("no Docker engine answers: start one, and have `docker` in the PATH", {
      cause: error,
    });
  }
}

/** Whether the engine holds an image of that name. */
export async function hasImage(name: string): Promise<boolean> {
  return (await runDocker(["image", "inspect", "--format", "{{.Id}}", name])).code === 0;
}

/** Gets an image from its registry, unless it is there; false where that cannot be done. */
export async function hasOrPulls(name: string): Promise<boolean> {
  return (await hasImage(name)) || (await runDocker(["pull", "--quiet", name])).code === 0;
}
