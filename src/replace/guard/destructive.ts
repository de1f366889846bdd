import { DataopsError } from "../../errors.ts";
import type { PostgresClient } from "../../postgres/client.ts";
import { quoteIdentifier, quoteLiteral } from "../../postgres/quote.ts";
import { judge, type GuardRequest, type TargetFacts } from "./guard.ts";
import { scratchName, templateDraftName, templateName } from "../scratch/names.ts";
import { readMark } from "../swap/old-mark.ts";
import { readTemplateMark } from "../template/mark.ts";

/**
 * Every statement that renames or drops a database which is not a scratch database of the run itself. None of them runs
 * without a `Permission`, and only `guard` makes one.
 */

/** Milliseconds. A rename waits for sessions that are just starting, and for nothing else that takes long. */
const LOCK_TIMEOUT = 10_000;

/** The server itself copies these for every new database. */
const TEMPLATES = new Set(["template0", "template1"]);

/** The guard's yes to replacing one database: the one with this oid under this name, on this connection's server. */
class Permission {
  readonly maintenance: PostgresClient;
  readonly name: string;
  /** Undefined where no database has the name. */
  readonly oid: number | undefined;
  readonly #renew: () => Promise<TargetFacts>;

  constructor(maintenance: PostgresClient, facts: TargetFacts, renew: () => Promise<TargetFacts>) {
    this.maintenance = maintenance;
    this.name = facts.name;
    this.oid = facts.oid;
    this.#renew = renew;
  }

  /**
   * Has everything judged again: much may have changed since, and a database that was empty may have filled.
   *
   * @throws DataopsError `refused`
   */
  async renew(): Promise<void> {
    const facts = await this.#renew();
    if (facts.oid !== this.oid) throw notTheSame(this.name);
  }
}

export type { Permission };

/** Whether somebody said yes, or how to ask for it. */
export interface Confirmation {
  confirmed: boolean;
  /** Called at most once, with what would happen. */
  ask?: (question: string) => Promise<boolean>;
}

/**
 * The one way to a `Permission`.
 *
 * @param readFacts reads the target's facts, on `maintenance`; called again whenever the permission is used
 * @throws DataopsError `refused`, with the reason and a way out
 */
export async function guard(
  maintenance: PostgresClient,
  readFacts: () => Promise<TargetFacts>,
  request: GuardRequest,
  confirmation: Confirmation,
): Promise<Permission> {
  let { confirmed } = confirmation;
  const readAndJudge = async (ask: Confirmation["ask"]): Promise<TargetFacts> => {
    const facts = await readFacts();
    if (TEMPLATES.has(facts.name)) {
      throw new DataopsError("refused", `database ${facts.name} belongs to the server`, {
        hint: `name another database in the settings of ${request.configuredName}`,
      });
    }
    const verdict = judge(facts, request);
    if (verdict.kind === "refused") throw new DataopsError("refused", verdict.reason, { hint: verdict.hint });
    if (verdict.kind === "confirm" && !confirmed) {
      confirmed = (await ask?.(verdict.question)) ?? false;
      const hint =
        ask === undefined
          ? "confirm it with --yes"
          : "what was typed is not its name; --yes says it without typing";
      if (!confirmed) throw new DataopsError("refused", verdict.question, { hint });
    }
    return facts;
  };
  const facts = await readAndJudge(confirmation.ask);
  return new Permission(maintenance, facts, () => readAndJudge(undefined));
}

export interface Rename {
  oid: number;
  from: string;
  to: string;
}

export interface RenamePlan {
  runId: string;
  /** In this order. A database may be renamed twice. */
  renames: readonly Rename[];
  /** What else belongs into the transaction, before the renames. */
  prepare: (client: PostgresClient) => Promise<void>;
  /** Runs beside the renames, which keep new sessions out while they wait for the present ones. */
  meanwhile?: ((renamed: Promise<void>) => Promise<void>) | undefined;
}

/**
 * Renames databases in one transaction: all, or none.
 *
 * @throws DataopsError `refused` where a name is no longer that of the database that was looked at; SQLSTATE `objectInUse`
 *   or `lockNotAvailable` where sessions do not leave
 */
export async function renameDatabases(permission: Permission, plan: RenamePlan): Promise<void> {
  const { maintenance } = permission;
  try {
    await maintenance.query(
      `BEGIN READ WRITE; SET LOCAL lock_timeout = ${LOCK_TIMEOUT}; SET LOCAL statement_timeout = 0;
       SET LOCAL idle_in_transaction_session_timeout = 0`,
    );
    await requirePermitted(permission, plan);
    await plan.prepare(maintenance);
    const renamed = runRenames(maintenance, plan.renames);
    const [outcome] = await Promise.allSettled([renamed, plan.meanwhile?.(renamed)]);
    if (outcome.status === "rejected") throw outcome.reason;
    // A name can change hands between the first look and the rename's lock; from here on nobody else can touch it.
    for (const [oid, { to }] of byOid(plan.renames, "last")) await requireOid(maintenance, to, oid);
    await maintenance.query("COMMIT");
  } catch (error) {
    await rollBack(maintenance);
    throw error;
  }
}

async function runRenames(client: PostgresClient, renames: readonly Rename[]): Promise<void> {
  for (const { from, to } of renames) {
    await client.query(`ALTER DATABASE ${quoteIdentifier(from)} RENAME TO ${quoteIdentifier(to)}`);
  }
}

/** The target as judged, databases marked as replaced versions of it, and the run's own scratch database. No other. */
async function requirePermitted(permission: Permission, { runId, renames }: RenamePlan): Promise<void> {
  const { maintenance, name } = permission;
  await requireOid(maintenance, name, permission.oid);
  for (const [oid, { from }] of byOid(renames, "first")) {
    await requireOid(maintenance, from, oid);
    if (oid === permission.oid || from === scratchName(name, runId)) continue;
    await requireMark(permission, from);
  }
}

/**
 * Drops a database that carries the mark of a replaced version of the permission's.
 *
 * @throws DataopsError `refused` where it is another; SQLSTATE `objectInUse` where somebody uses it
 */
export async function dropReplaced(
  permission: Permission,
  replaced: { name: string; oid: number },
): Promise<void> {
  await requireOid(permission.maintenance, replaced.name, replaced.oid);
  await requireMark(permission, replaced.name);
  await permission.maintenance.query(`DROP DATABASE ${quoteIdentifier(replaced.name)}`);
}

/**
 * Drops a database that carries the mark of a template of the permission's.
 *
 * @throws DataopsError `refused` where it is another; SQLSTATE `objectInUse` where somebody uses it
 */
export async function dropTemplate(
  permission: Permission,
  template: { name: string; oid: number },
): Promise<void> {
  const { maintenance, name: target } = permission;
  await requireOid(maintenance, template.name, template.oid);
  if (readTemplateMark(await readComment(maintenance, template.name))?.target !== target) {
    throw new DataopsError("refused", `database ${template.name} is no template of ${target}`, {
      hint: "rename it, or drop it if nobody needs it",
    });
  }
  await maintenance.query(`DROP DATABASE ${quoteIdentifier(template.name)}`);
}

/**
 * Gives the run's own draft of a template its mark and its name, at once.
 *
 * @throws DataopsError with SQLSTATE `duplicateDatabase` where the name is taken
 */
export async function publishTemplate(
  { maintenance, name }: Permission,
  { runId, comment }: { runId: string; comment: string },
): Promise<void> {
  const draft = quoteIdentifier(templateDraftName(name, runId));
  try {
    await maintenance.query("BEGIN READ WRITE");
    await maintenance.query(`COMMENT ON DATABASE ${draft} IS ${quoteLiteral(comment)}`);
    await maintenance.query(`ALTER DATABASE ${draft} RENAME TO ${quoteIdentifier(templateName(name))}`);
    await maintenance.query("COMMIT");
  } catch (error) {
    await rollBack(maintenance);
    throw error;
  }
}

async function requireOid(client: PostgresClient, name: string, oid: number | undefined): Promise<void> {
  const [row] = await client.query<{ oid: number }>(
    "SELECT oid FROM pg_catalog.pg_database WHERE datname = $1",
    [name],
  );
  if (row?.oid !== oid) throw notTheSame(name);
}

async function requireMark({ maintenance, name: target }: Permission, name: string): Promise<void> {
  if (readMark(await readComment(maintenance, name)) === target) return;
  throw new DataopsError(
    "refused",
    `database ${name} is in the way, and is no replaced version of ${target}`,
    {
      hint: "rename it, or drop it if nobody needs it",
    },
  );
}

async function readComment(client: PostgresClient, name: string): Promise<string | null> {
  const [row] = await client.query<{ comment: string | null }>(
    `SELECT pg_catalog.shobj_description(oid, 'pg_database') AS comment
       FROM pg_catalog.pg_database WHERE datname = $1`,
    [name],
  );
  return row?.comment ?? null;
}

function notTheSame(name: string): DataopsError {
  return new DataopsError("refused", `database ${name} is no longer the one that was looked at`, {
    hint: "somebody else renamed, dropped or created it; look at it, then run this again",
  });
}

/** The first or the last rename of each database. */
function byOid(renames: readonly Rename[], which: "first" | "last"): Map<number, Rename> {
  const ordered = which === "first" ? renames.toReversed() : renames;
  return new Map(ordered.map((rename) => [rename.oid, rename]));
}

/** Where the connection is gone, the server has rolled back by itself. */
async function rollBack(client: PostgresClient): Promise<void> {
  try {
    await client.query("ROLLBACK");
  } catch {
    // The failure that led here is the one to report.
  }
}
