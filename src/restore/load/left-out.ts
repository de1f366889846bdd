import type { ManifestSource } from "../../repository/manifest.ts";

/**
 * Which entries of an archive this server gets, and which are left out because a restore must not or cannot make them.
 *
 * Pure: works on the lines that `pg_restore --list` prints, `217; 1259 16387 TABLE public accounts postgres`.
 */

export interface LeaveOutRequest {
  policies: ManifestSource["policies"];
  /** Roles that exist where the archive is restored. */
  roles: ReadonlySet<string>;
  /** Schemas that were made beforehand, for the extensions in them. */
  existingSchemas: readonly string[];
  /** Tables of extensions that are not there: their rows have nowhere to go. */
  missingTables: readonly { schema: string; name: string; extension: string }[];
  /** `server_version_num / 10000` of the target's server. */
  serverMajor: number;
}

export interface LeftOutEntries {
  /** The lines to restore, for `pg_restore --use-list`. */
  list: string;
  /** What was left out, each as `EVENT TRIGGER on_ddl: it would run code for every session`. */
  leftOut: string[];
}

/** Made by the connecting role before the archive is loaded, so nothing is missing without them. */
const MADE_BEFOREHAND = ["EXTENSION", "COMMENT - EXTENSION"];

const NEVER_RESTORED: readonly (readonly [type: string, why: string])[] = [
  ["EVENT TRIGGER", "it would run code at every change of the schema"],
  ["PUBLICATION TABLES IN SCHEMA", "a copy publishes nothing"],
  ["PUBLICATION TABLE", "a copy publishes nothing"],
  ["PUBLICATION", "a copy publishes nothing"],
  ["SUBSCRIPTION TABLE", "a copy must not take over the original's replication"],
  ["SUBSCRIPTION", "a copy must not take over the original's replication"],
  ["USER MAPPING", "it holds credentials of other servers"],
  ["SECURITY LABEL", "labels belong to the original's security policy"],
  ["SECURITY LABELS", "labels belong to the original's security policy"],
  ["TABLESPACE", "tablespaces belong to a server"],
];

/** The first server with a place for the planner statistics that pg_dump 18 writes. */
const FIRST_MAJOR_WITH_STATISTICS = 18;
/** Before this one the schema `public` belonged to the superuser, whatever the database's owner. */
const FIRST_MAJOR_WITH_OWNED_PUBLIC = 15;

/** Sorts the archive's entries into those to restore and those to leave out, in the archive's order. */
export function leaveOut(listing: string, request: LeaveOutRequest): LeftOutEntries {
  const entries = listing.split("\n").flatMap((line) => describeEntry(line) ?? []);
  const rules = rulesFor(request, entries);
  const kept: string[] = [];
  const leftOut: string[] = [];
  for (const line of listing.split("\n")) {
    const entry = describeEntry(line);
    if (entry === undefined) continue;
    const rule = rules.find((candidate) => candidate.matches(entry));
    if (rule === undefined) kept.push(line);
    else if (rule.why !== undefined) leftOut.push(`${nameOf(entry, request.roles)}: ${rule.why}`);
  }
  return { list: `${kept.join("\n")}\n`, leftOut };
}

interface Rule {
  matches(entry: string): boolean;
  /** Undefined: nothing to report. */
  why: string | undefined;
}

function rulesFor(request: LeaveOutRequest, entries: readonly string[]): Rule[] {
  const { policies, roles, existingSchemas, missingTables, serverMajor } = request;
  const rules: Rule[] = [
    ...MADE_BEFOREHAND.map((type) => ({ matches: isOfType(type), why: undefined })),
    ...existingSchemas.map((schema) => ({
      matches: isOfType(`SCHEMA - ${asListed(schema)}`),
      why: undefined,
    })),
    ...NEVER_RESTORED.flatMap(([type, why]) => [
      { matches: isOfType(type), why },
      { matches: isOfType(`COMMENT - ${type}`), why },
    ]),
  ];
  for (const { schema, name, extension } of missingTables) {
    const table = `${asListed(schema)} ${asListed(name)}`;
    rules.push({ matches: isOfType(`TABLE DATA ${table}`), why: `extension ${extension} is not here` });
  }
  for (const { schema, table, name, roles: named } of policies) {
    const missing = named.filter((role) => !roles.has(role));
    if (missing.length === 0) continue;
    const listed = { schema: asListed(schema), table: asListed(table), name: asListed(name) };
    // A policy belongs to its table's owner. Its name alone would also stand at the beginning of others' names.
    const owners = restsAfter(entries, `TABLE ${listed.schema} ${listed.table} `);
    const policy = [
      `POLICY ${listed.schema} ${listed.table} ${listed.name}`,
      `COMMENT ${listed.schema} POLICY ${listed.name} ON ${listed.table}`,
    ].flatMap((prefix) => owners.map((owner) => `${prefix} ${owner}`));
    rules.push({
      matches: (entry) => policy.includes(entry),
      why: `no role ${missing.join(", ")} here`,
    });
  }
  if (serverMajor < FIRST_MAJOR_WITH_STATISTICS) {
    rules.push({ matches: isOfType("STATISTICS DATA"), why: undefined });
  }
  if (serverMajor < FIRST_MAJOR_WITH_OWNED_PUBLIC) {
    rules.push({
      matches: isOfType("COMMENT - SCHEMA public"),
      why: "only a superuser may comment on it here",
    });
  }
  return rules;
}

/** `217; 1259 16387 TABLE public accounts postgres`, without the ids; undefined for a comment or an empty line. */
const ENTRY = /^\d+; \d+ \d+ (.+)$/;

function describeEntry(line: string): string | undefined {
  return ENTRY.exec(line)?.[1];
}

/** What follows `prefix` in the entries that begin with it: of a whole name, the owner. */
function restsAfter(entries: readonly string[], prefix: string): string[] {
  return entries.filter((entry) => entry.startsWith(prefix)).map((entry) => entry.slice(prefix.length));
}

function isOfType(type: string): (entry: string) => boolean {
  return (entry) => entry.startsWith(`${type} `);
}

/** As the list shows a name: on one line. */
function asListed(name: string): string {
  return name.replaceAll(/[\n\r]/g, " ");
}

/**
 * The entry without its owner, which says nothing to who restores: the longest name of a role here, as names may hold
 * spaces, else the last word. A dash stands where there is no schema.
 */
function nameOf(entry: string, roles: ReadonlySet<string>): string {
  const [owner = /\S*$/.exec(entry)?.[0] ?? ""] = [...roles]
    .filter((role) => entry.endsWith(` ${asListed(role)}`))
    .toSorted((one, other) => other.length - one.length);
  return entry.slice(0, -owner.length - 1).replace(/ - /, " ");
}
