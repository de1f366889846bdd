/**
 * Measures how long the built `dataops --help` takes beside `node -e 0`, in paired runs: `node bench/help.ts --runs 20`.
 * Prints medians and ratios; beside them the same straight from the sources, which has types to strip.
 */
import { execFile } from "node:child_process";
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { measure, median } from "./measure.ts";

/** The budget: so many times what `node -e 0` takes. */
const BUDGET = 2;

const ROOT = fileURLToPath(new URL("..", import.meta.url));

const { values } = parseArgs({ options: { runs: { type: "string", default: "20" } } });
const runs = Number(values.runs);

const folder = await mkdtemp(join(tmpdir(), "dataops-bench-help-"));
try {
  const dist = join(folder, "dist");
  const compile = ["--project", "tsconfig.build.json", "--outDir", dist];
  await promisify(execFile)(join(ROOT, "node_modules", ".bin", "tsc"), compile, { cwd: ROOT });
  await copyFile(join(ROOT, "package.json"), join(folder, "package.json"));

  const contenders: Record<string, string[]> = {
    "node -e 0": ["-e", "0"],
    "node dist/cli.js --help": [join(dist, "cli.js"), "--help"],
    "node src/cli.ts --help": [join(ROOT, "src", "cli.ts"), "--help"],
  };
  // Node's cache of compiled code is filled by the first run, as on any machine where the program runs twice.
  const environment = { ...process.env, NODE_COMPILE_CACHE: join(folder, "cache") };
  const times = new Map<string, number[]>(Object.keys(contenders).map((name) => [name, []]));
  for (let run = -1; run < runs; run += 1) {
    for (const [name, args] of Object.entries(contenders)) {
      const { seconds } = await measure({ command: process.execPath, args, environment });
      if (run >= 0) times.get(name)?.push(seconds);
    }
  }

  const bare = times.get("node -e 0") ?? [];
  const lines = [...times].map(([name, taken]) => {
    const ratio = median(taken.map((seconds, run) => seconds / (bare[run] ?? Number.NaN)));
    return `${name.padEnd(24)} ${(median(taken) * 1000).toFixed(1).padStart(7)} ms  ${ratio.toFixed(2)}x`;
  });
  process.stdout.write(
    `medians of ${runs} paired runs; the budget of the built one is ${BUDGET}x\n${lines.join("\n")}\n`,
  );
} finally {
  await rm(folder, { recursive: true });
}
