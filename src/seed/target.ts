import { guard, type Permission } from "../replace/guard/destructive.ts";
import { isProduction, type DatabaseIdentity } from "../replace/guard/guard.ts";
import { describeIdentity, readIdentity, type TargetIdentity } from "../replace/guard/identity.ts";
import { readTargetFacts } from "../replace/guard/target-facts.ts";
import type { PostgresClient } from "../postgres/client.ts";
import type { DatabaseConfig, SeedConfig } from "../config/config.ts";
import type { Run } from "./run.ts";

/** A database that the guard lets be reset. */
export interface PermittedTarget {
  permission: Permission;
  identity: TargetIdentity;
}

/**
 * Says which database it is, then has the guard judge. A yes from a person is never enough here: nobody is there at night.
 *
 * @param maintenance the connection that will act
 * @param source of the backup whose schema is used
 * @throws DataopsError `refused`
 */
export async function permitReset(
  maintenance: PostgresClient,
  run: Run,
  source: DatabaseIdentity | undefined,
): Promise<PermittedTarget> {
  const { target, settings, applicationName, signal, environment, reporter } = run;
  let identity: TargetIdentity | undefined;
  const permission = await guard(
    maintenance,
    async () => {
      const options = { applicationName, signal, environment };
      const facts = await readTargetFacts(maintenance, target.connection, options);
      if (identity === undefined) {
        identity = await readIdentity(maintenance, facts);
        reporter.info(`${target.name} is ${describeIdentity(identity)}`);
      }
      return facts;
    },
    { environment: environmentToReset(target, settings), configuredName: target.name, source, isReset: true },
    { confirmed: false },
  );
  if (identity === undefined) throw new Error("the guard looked at nothing");
  return { permission, identity };
}

/** The stamp that a reset asks for. What is configured as production stays that, whatever its seeds say. Pure. */
export function environmentToReset(
  target: Pick<DatabaseConfig, "environment">,
  settings: Pick<SeedConfig, "environment">,
): string {
  return isProduction(target.environment) ? target.environment : (settings.environment ?? target.environment);
}
