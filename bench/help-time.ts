import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { installProgram } from "../scripts/bundle.ts";
import { measure, median } from "./measure.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** The medians of one contender. */
export interface HelpTime {
  name: string;
  seconds: number;
  /** Of `node -e 0`, run by run. */
  ratio: number;
}

/** How long `--help` takes beside `node -e 0`, in paired runs: the built program's, and straight from the sources, which have types to strip. */
export async function measureHelp(
  runs: number,
): Promise<{ bare: HelpTime; built: HelpTime; sources: HelpTime }> {
  await using cleanup = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), "dataops-bench-help-"));
  cleanup.defer(() => rm(folder, { recursive: true }));
  const program = await installProgram(folder);

  const contenders = {
    bare: { name: "node -e 0", args: ["-e", "0"], times: [] as number[] },
    built: { name: "node dist/cli.js --help", args: [program, "--help"], times: [] as number[] },
    sources: {
      name: "node src/cli.ts --help",
      args: [join(ROOT, "src", "cli.ts"), "--help"],
      times: [] as number[],
    },
  };
  // Node's cache of compiled code is filled by the first run, as on any machine where the program runs twice.
  const environment = { ...process.env, NODE_COMPILE_CACHE: join(folder, "cache") };
  for (let run = -1; run < runs; run += 1) {
    for (const { args, times } of Object.values(contenders)) {
      const { seconds } = await measure({ command: process.execPath, args, environment });
      if (run >= 0) times.push(seconds);
    }
  }
  const result = ({ name, times }: { name: string; times: number[] }): HelpTime => ({
    name,
    seconds: median(times),
    ratio: median(times.map((seconds, run) => seconds / (contenders.bare.times[run] ?? Number.NaN))),
  });
  return {
    bare: result(contenders.bare),
    built: result(contenders.built),
    sources: result(contenders.sources),
  };
}
