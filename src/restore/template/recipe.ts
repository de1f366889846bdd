import { createHash } from "node:crypto";
import type { PostgresClient } from "../../postgres/client.ts";
import type { InstalledTools } from "../../postgres/tools.ts";
import type { ManifestSource } from "../../repository/manifest.ts";
import { version } from "../../version.ts";
import type { LoadSettings } from "../load/settings.ts";
import type { ConnectingRole } from "../../replace/scratch/connecting-role.ts";
import { readAvailableExtensions } from "../../replace/scratch/create-extensions.ts";
import { planExtensions } from "../../replace/scratch/plan-extensions.ts";

/** All that shapes what a restore makes of a backup, beside the backup. */
export interface Recipe {
  /** Of this program: any of them may restore otherwise. */
  dataops: string;
  /** Of `pg_restore`. */
  client: string;
  /** `server_version_num / 10000`. */
  serverMajor: number;
  role: string;
  isSuperuser: boolean;
  owner: string;
  asSuperuser: boolean;
  loadSettings: LoadSettings;
  /** The extensions that are created here. */
  extensions: string[];
  /** Roles that the backup's policies name and that are not here. */
  missingRoles: string[];
}

export interface RecipeRequest {
  source: Pick<ManifestSource, "extensions" | "policies">;
  who: ConnectingRole;
  tools: InstalledTools;
  serverMajor: number;
  asSuperuser: boolean;
  loadSettings: LoadSettings;
  skipExtensions: readonly string[];
}

/** Reads what a restore would be made by, here and now. */
export async function readRecipe(client: PostgresClient, request: RecipeRequest): Promise<Recipe> {
  const { source, who, tools, serverMajor, asSuperuser, loadSettings, skipExtensions } = request;
  const available = await readAvailableExtensions(client);
  const named = [...new Set(source.policies.flatMap(({ roles }) => roles))];
  const missing = await client.query<{ name: string }>(
    `SELECT named.name FROM unnest($1::text[]) AS named(name)
      WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = named.name)`,
    [named],
  );
  return {
    dataops: version,
    client: tools.version,
    serverMajor,
    role: who.role,
    isSuperuser: who.isSuperuser,
    owner: who.owner,
    asSuperuser,
    loadSettings,
    extensions: planExtensions(source.extensions, available, skipExtensions).create.map(({ name }) => name),
    missingRoles: missing.map(({ name }) => name),
  };
}

/** Two recipes with the same digest make the same of a backup. Pure. */
export function digestRecipe(recipe: Recipe): string {
  const sorted = {
    ...recipe,
    loadSettings: Object.entries(recipe.loadSettings).toSorted(byText),
    extensions: recipe.extensions.toSorted(),
    missingRoles: recipe.missingRoles.toSorted(),
  };
  return createHash("sha256")
    .update(JSON.stringify(Object.entries(sorted).toSorted(byText)))
    .digest("hex");
}

function byText([one]: [string, unknown], [other]: [string, unknown]): number {
  return one < other ? -1 : 1;
}
