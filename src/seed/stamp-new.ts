import { messageOf } from "../errors.ts";
import { connect } from "../postgres/client.ts";
import { readStampTarget, writeStamp } from "../replace/guard/stamp.ts";
import type { Run } from "./run.ts";
import { environmentToReset } from "./target.ts";

/**
 * Stamps a database that was not there, or was empty, before it was reset: what it is for is known, and without the stamp the
 * next reset would be refused. That it could not is told.
 *
 * @throws after an abort: the signal's reason
 */
export async function stampNew(run: Run): Promise<void> {
  const { target, settings, applicationName, signal, environment, reporter } = run;
  const wanted = environmentToReset(target, settings);
  try {
    await using client = await connect(target.connection, { applicationName, signal, environment });
    await writeStamp(client, await readStampTarget(client), wanted);
    reporter.info(`${target.name} is new, and stamped ${wanted}`);
  } catch (error) {
    signal.throwIfAborted();
    reporter.warn(
      `the new database could not be stamped, so the next reset will be refused until somebody does: dataops stamp ${target.name} ${wanted} (${messageOf(error)})`,
    );
  }
}
