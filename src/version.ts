import { readFileSync } from "node:fs";

/** Of this program. `package.json` stands beside `src/` in a checkout, and beside `dist/` in the package. */
export const version = readVersion();

function readVersion(): string {
  const content: unknown = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  if (typeof content === "object" && content !== null && "version" in content) return String(content.version);
  throw new Error("package.json has no version");
}
