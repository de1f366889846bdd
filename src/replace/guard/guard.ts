/**
 * The guard: whether a database may be replaced, judged by where a connection arrived and never by what its URL said.
 *
 * Pure. `target-facts.ts` reads the facts on the very connection that will act, `destructive.ts` runs no statement that
 * could destroy something without a verdict from here.
 */

/** What identifies a database: of a cluster and its physical copies, and inside it. */
export interface DatabaseIdentity {
  systemIdentifier: string;
  databaseOid: number;
  databaseName: string;
}

/** The database that would be replaced, as the server knows it. */
export interface TargetFacts {
  /** The database's name on the server that acts. */
  name: string;
  /** Undefined where no database has that name. */
  oid: number | undefined;
  /** Undefined where this role may not read it, as on some managed servers. */
  systemIdentifier: string | undefined;
  /** The database's `dataops.environment`; undefined where it has none. */
  stamp: string | undefined;
  /** Whether anything would be lost with it: tables, views, sequences, large objects. */
  hasContent: boolean;
  /** The database that the settings lead to, where it is another than the one they name. */
  arrivedAt: string | undefined;
  /** Whether the server is certainly this machine's own: a Unix socket, or loopback with nothing in between. */
  isLocal: boolean;
  /** Whether the server is a standby. */
  inRecovery: boolean;
}

/** What is about to be done. */
export interface GuardRequest {
  /** Of the target, by the configuration. */
  environment: string;
  /** The target's name in the configuration, for hints. */
  configuredName: string;
  /** Where the backup is from; undefined where nothing of a backup is involved. */
  source: DatabaseIdentity | undefined;
}

/**
 * - `allowed`: nothing would be destroyed, or the stamp says that the target is for this
 * - `confirm`: somebody has to say yes first
 * - `refused`: and no flag changes that
 */
export type Verdict =
  | { kind: "allowed" }
  | { kind: "confirm"; question: string }
  | { kind: "refused"; reason: string; hint: string };

const PRODUCTION = new Set(["production", "prod"]);

/** Whether an environment, of the configuration or of a stamp, means production. */
export function isProduction(environment: string): boolean {
  return PRODUCTION.has(normalize(environment));
}

/** Judges. The order matters: what can never be lifted comes before what a stamp lifts, and that before a mere yes. */
export function judge(facts: TargetFacts, request: GuardRequest): Verdict {
  const { name, stamp } = facts;
  const stampCommand = `dataops stamp ${request.configuredName} ${request.environment}`;

  if (facts.arrivedAt !== undefined) {
    return refused(
      `the settings of ${request.configuredName} name database ${name}, but lead to database ${facts.arrivedAt}`,
      "something in between redirects: give the server's own address",
    );
  }
  if (facts.inRecovery) return refused("the server is a standby", "give the primary's address");
  if (facts.oid === undefined || !facts.hasContent) return { kind: "allowed" };

  if (stamp !== undefined && isProduction(stamp)) {
    return refused(`database ${name} is stamped ${stamp}`, ELSEWHERE);
  }
  if (isProduction(request.environment)) {
    return refused(`${request.configuredName} is configured as ${request.environment}`, ELSEWHERE);
  }
  if (isSource(facts, request.source)) {
    return refused(`database ${name} is the one that the backup was made of`, ELSEWHERE);
  }
  if (mayBeSource(facts, request.source)) {
    return refused(
      `database ${name} may be the one that the backup was made of: the server does not tell its identity`,
      "grant EXECUTE on pg_control_system() to this user, or restore into a database of another name",
    );
  }

  if (stamp !== undefined) {
    if (normalize(stamp) === normalize(request.environment)) return { kind: "allowed" };
    return refused(
      `database ${name} is stamped ${stamp}, and ${request.configuredName} is configured as ${request.environment}`,
      `correct the configuration, or, if it really is one for ${request.environment}: ${stampCommand}`,
    );
  }
  if (!facts.isLocal) {
    return refused(
      `database ${name} has no stamp, and its server is not certainly this machine's own`,
      `a tunnel, a proxy or a container looks like that; if it is the right one, say so once: ${stampCommand}`,
    );
  }
  if (facts.systemIdentifier === undefined) {
    return refused(
      `database ${name} has no stamp, and its server does not tell its identity`,
      `if it is the right one, say so once: ${stampCommand}`,
    );
  }
  if (facts.systemIdentifier === request.source?.systemIdentifier) {
    return refused(
      `database ${name} has no stamp, and is on the server that the backup was made of`,
      `if it is the right one, say so once: ${stampCommand}`,
    );
  }
  return { kind: "confirm", question: `database ${name} exists and holds data, which would be replaced` };
}

const ELSEWHERE =
  "restore into a database that does not exist yet or is empty, and point the application there; no flag lifts this";

function refused(reason: string, hint: string): Verdict {
  return { kind: "refused", reason, hint };
}

/**
 * The same database, also after a rename (the oid stays) and after it was made anew under its name. A physical copy of
 * the source's server cannot be told from it.
 */
function isSource(facts: TargetFacts, source: DatabaseIdentity | undefined): boolean {
  if (source === undefined || facts.systemIdentifier !== source.systemIdentifier) return false;
  return facts.oid === source.databaseOid || facts.name === source.databaseName;
}

/** Without the server's identity nothing but oid and name is left to go by. */
function mayBeSource(facts: TargetFacts, source: DatabaseIdentity | undefined): boolean {
  if (source === undefined || facts.systemIdentifier !== undefined) return false;
  return facts.oid === source.databaseOid && facts.name === source.databaseName;
}

function normalize(environment: string): string {
  return environment.trim().toLowerCase();
}
