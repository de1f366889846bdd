import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

/** Milliseconds between two looks. */
const INTERVAL = 20;

/** What was seen while it looked on. */
export interface Sighting {
  /** Command lines of any process that hold one of the secrets. */
  leaks: string[];
  /** Names of the programs that ran as descendants of the tests: proof that something was seen at all. */
  programs: Set<string>;
  /** Temporary files and folders, by path, with their modes. */
  temporary: Map<string, string>;
  looks: number;
}

/**
 * Looks on, each 20 ms until it is disposed of: at every command line of the machine, and into a folder for temporary files.
 */
export function watchForSecrets(secrets: readonly string[], folder: string): Disposable & Sighting {
  const sighting: Sighting = { leaks: [], programs: new Set(), temporary: new Map(), looks: 0 };
  const look = (): void => {
    sighting.looks += 1;
    for (const line of commandLines()) {
      const [program = ""] = line.split("\0");
      sighting.programs.add(program.slice(program.lastIndexOf("/") + 1));
      if (secrets.some((secret) => line.includes(secret))) sighting.leaks.push(line.replaceAll("\0", " "));
    }
    noteModes(folder, sighting.temporary);
  };
  look();
  const timer = setInterval(look, INTERVAL);
  return Object.assign(sighting, { [Symbol.dispose]: () => clearInterval(timer) });
}

function commandLines(): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => orElse(() => readFileSync(`/proc/${pid}/cmdline`, "utf8"), ""));
}

function noteModes(folder: string, modes: Map<string, string>): void {
  for (const entry of orElse(() => readdirSync(folder, { withFileTypes: true }), [])) {
    const path = join(folder, entry.name);
    const mode = orElse(() => (statSync(path).mode & 0o777).toString(8), undefined);
    if (mode !== undefined) modes.set(path, `${entry.isDirectory() ? "folder" : "file"} ${mode}`);
    if (entry.isDirectory()) noteModes(path, modes);
  }
}

/** What was there a moment ago may be gone. */
function orElse<T>(read: () => T, absent: T): T {
  try {
    return read();
  } catch {
    return absent;
  }
}
