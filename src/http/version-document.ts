import { readFileSync } from "node:fs";
import { z } from "zod";
import { PACKAGE_FOLDER, version } from "../version.ts";

const text = z.string().max(500);

/** What Dockerflow's version.json holds. Anything else in it is not shown. */
const versionSchema = z.object({
  version: text,
  commit: text.default(""),
  source: text.default(""),
  build: text.default(""),
});

export type VersionDocument = z.output<typeof versionSchema>;

/** Stands beside package.json in an image, and is not there in a checkout. */
const VERSION_FILE = new URL("version.json", PACKAGE_FOLDER);

/** What `/__version__` shows: version.json as the image's build wrote it, else the version alone. Never throws. */
export function versionDocument(file: URL = VERSION_FILE): VersionDocument {
  try {
    return versionSchema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch {
    return versionSchema.parse({ version });
  }
}
