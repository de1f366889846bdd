import { execFile } from "node:child_process";
import { cpus, release, totalmem, type } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { megabytes } from "./size.ts";
import type { Stage } from "./stage.ts";

const run = promisify(execFile);

/** What the numbers depend on, one line each. */
export async function describeMachine(stage: Stage): Promise<string[]> {
  const [processor] = cpus();
  const [pgDump, zstd, ceph, restic, borg] = await Promise.all([
    firstLine(join(stage.programs, "pg_dump"), ["--version"]),
    firstLine("zstd", ["--version"]),
    firstLine("radosgw", ["--version"]),
    firstLine("restic", ["version"]),
    firstLine("borg", ["--version"]),
  ]);
  return [
    `Machine: ${cpus().length} cores (${processor?.model.trim() ?? "unknown"}), ${megabytes(totalmem())} memory, ${type()} ${release()}`,
    `PostgreSQL ${stage.source.version} with its default settings; ${pgDump ?? "no pg_dump"}; ${zstd ?? "no zstd"}`,
    `Node.js ${process.versions.node} with zstd ${process.versions["zstd"] ?? "unknown"}; S3: ${ceph ?? "unknown"}, in memory`,
    `restic: ${restic ?? "not installed"}; borg: ${borg ?? "not installed"}`,
  ];
}

/** Whether a program can be started. */
export async function isInstalled(program: string): Promise<boolean> {
  return (
    (await firstLine(program, ["--version"])) !== undefined ||
    (await firstLine(program, ["version"])) !== undefined
  );
}

async function firstLine(program: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const { stdout } = await run(program, args);
    return stdout.split("\n")[0]?.trim();
  } catch {
    return undefined;
  }
}
