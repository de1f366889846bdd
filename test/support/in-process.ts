import { EventEmitter } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { execute } from "../../src/commands/execute.ts";
import type { DataopsExit } from "./dataops-process.ts";
import type { Dataops } from "./e2e-test.ts";

/**
 * Runs command lines in the tests' own process, at a tenth of what a process costs: for what they say, where how a process ends is
 * not the question. What reads the environment of the process itself, as S3 does, belongs into a process of its own.
 */
export const inProcess: Pick<Dataops, "run"> = {
  run: async (args, { environment, config }) => {
    const folder = await mkdtemp(join(tmpdir(), "dataops-in-process-"));
    await using cleanup = new AsyncDisposableStack();
    cleanup.defer(() => rm(folder, { recursive: true, force: true }));
    const [HOME, TMPDIR] = [join(folder, "home"), join(folder, "tmp")];
    await mkdir(HOME);
    await mkdir(TMPDIR);
    // JSON is YAML, too.
    if (config !== undefined) await writeFile(join(HOME, "dataops.config.yaml"), JSON.stringify(config));

    const started = performance.now();
    const [stdout, stderr] = [new Said(), new Said()];
    let code: number | null = null;
    const standIn = Object.assign(new EventEmitter(), {
      env: { PATH: process.env["PATH"], HOME, TMPDIR, ...environment },
      stdin: { isTTY: false },
      stdout,
      stderr,
      cwd: () => HOME,
      exit: (exitCode: number) => (code ??= exitCode),
    });
    // eslint-disable-next-line typescript/no-unsafe-type-assertion -- all of it that a command line asks for
    await execute(args, standIn as unknown as NodeJS.Process);
    const took = performance.now() - started;
    const exit = { code, signal: null, took, stdout: stdout.text, stderr: stderr.text };
    return { ...exit, json: () => JSON.parse(exit.stdout) as unknown } satisfies DataopsExit;
  },
};

/** A stream that keeps what is written to it. */
class Said extends Writable {
  text = "";

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString("utf8");
    done();
  }
}
