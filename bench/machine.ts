import { execFile } from "node:child_process";
import { cpus, release, totalmem, type } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { megabytes } from "./size.ts";
import type { Stage } from "./stage.ts";

const run = promisify(execFile);

/** The first number of what a program says of itself. */
const VERSION = /\d+(?:\.\d+)+/;

/** What the numbers depend on, one line each. */
export async function describeMachine({ programs, source }: Stage): Promise<string[]> {
  const [processor] = cpus();
  const [pgDump, zstd, ceph, restic, borg] = await Promise.all(
    [join(programs, "pg_dump"), "zstd", "radosgw", "restic", "borg"].map((program) => versionOf(program)),
  );
  const memory = megabytes(totalmem());
  return [
    `Machine: ${cpus().length} cores (${processor?.model.trim() ?? "unknown"}), ${memory} memory, ${type()} ${release()}`,
    `PostgreSQL ${source.version} with its default settings; pg_dump and pg_restore ${pgDump ?? "unknown"}; zstd ${zstd ?? "unknown"}`,
    `Node.js ${process.versions.node} with zstd ${process.versions["zstd"] ?? "unknown"}; S3: Ceph ${ceph ?? "unknown"}, in memory`,
    `restic ${restic ?? "is not installed"}; borg ${borg ?? "is not installed"}`,
  ];
}

/** Undefined where it cannot be started. */
export async function versionOf(program: string): Promise<string | undefined> {
  try {
    // restic alone has no such option.
    const { stdout } = await run(program, [program === "restic" ? "version" : "--version"]);
    return VERSION.exec(stdout)?.[0] ?? "unknown";
  } catch {
    return undefined;
  }
}
