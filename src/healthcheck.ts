import { readFileSync } from "node:fs";

/**
 * What a container engine asks: whether the daemon in this container answers. A run of one command serves nothing, and is
 * well as long as it runs.
 */

/** The image sets it, and it wins over the configuration: both know the same. */
const PORT = Number(process.env["PORT"] ?? 8080);

/** Milliseconds. */
const PATIENCE = 4_000;

async function isWell(): Promise<boolean> {
  if (!readFileSync("/proc/1/cmdline", "utf8").split("\0").includes("daemon")) return true;
  const signal = AbortSignal.timeout(PATIENCE);
  try {
    // By name, since the daemon may listen on IPv4, IPv6 or both.
    return (await fetch(`http://localhost:${PORT}/__lbheartbeat__`, { signal })).ok;
  } catch {
    return false;
  }
}

process.exit((await isWell()) ? 0 : 1);
