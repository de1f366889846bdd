#!/usr/bin/env node
import { enableCompileCache } from "node:module";

// Before anything else is loaded, so that the next start finds it compiled.
enableCompileCache();

const args = process.argv.slice(2);
const [first] = args;

if (args.length === 1 && (first === "help" || first === "--help" || first === "-h")) {
  const { overview } = await import("./commands/help.ts");
  process.stdout.write(`${overview()}\n`);
} else if (first === "--version") {
  const { version } = await import("./version.ts");
  process.stdout.write(`${version}\n`);
} else {
  const { execute } = await import("./commands/execute.ts");
  await execute(args, process);
}
