import { readFileSync } from "node:fs";

/** Of this package: the folder above `src/` in a checkout, and above `dist/` in what is shipped. */
export const PACKAGE_FOLDER = new URL("../", import.meta.url);

/** Of this program. */
export const version = readVersion();

function readVersion(): string {
  const content: unknown = JSON.parse(readFileSync(new URL("package.json", PACKAGE_FOLDER), "utf8"));
  if (typeof content === "object" && content !== null && "version" in content) return String(content.version);
  throw new Error("package.json has no version");
}
