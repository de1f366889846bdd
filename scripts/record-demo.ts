import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { recordingIn, recordingOf, saysTheSame, withRecording } from "./demo/recording.ts";

/** Runs the demo and puts what its commands said into README; with `--check` only compares, and fails where they say something else. */

const README = fileURLToPath(new URL("../README.md", import.meta.url));
const DEMO = fileURLToPath(new URL("demo.ts", import.meta.url));

const { stdout } = await promisify(execFile)(process.execPath, [DEMO], {
  env: { ...process.env, NO_COLOR: "1" },
});
const recording = recordingOf(stdout);
const page = await readFile(README, "utf8");
if (!process.argv.includes("--check")) {
  await writeFile(README, withRecording(page, recording));
  process.stdout.write("wrote README.md\n");
} else if (!saysTheSame(recording, recordingIn(page))) {
  process.stderr.write("README.md shows something else than the demo says: run `npm run docs:recording`\n");
  process.exitCode = 1;
}
