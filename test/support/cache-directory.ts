import { homedir } from "node:os";
import { join } from "node:path";

/** Where downloads are kept between runs. As root not in the home, which the servers' own user may not enter. */
export function cacheDirectory(): string {
  if (process.getuid?.() === 0) return "/var/cache/dataops-tests";
  return join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "dataops-tests");
}
