import { once } from "node:events";
import type { Argv } from "yargs";
import { requireStorage } from "../config/select.ts";
import { DataopsError } from "../errors.ts";
import { exportSql } from "../restore/export.ts";
import { openStorage } from "../storage/open.ts";
import type { Command, CommandContext, CommandResult } from "./command.ts";
import { FROM_OPTION, namedBackup, NAMES_A_BACKUP } from "./named-backup.ts";

export interface ExportOptions {
  id: string;
  from?: string | undefined;
  allowVulnerableClient: boolean;
}

export const command: Command<ExportOptions> = {
  options: (yargs) => {
    const extended = yargs
      .positional("id", {
        type: "string",
        demandOption: true,
        describe: NAMES_A_BACKUP,
      })
      .option("from", FROM_OPTION)
      .option("allow-vulnerable-client", {
        type: "boolean",
        default: false,
        describe: "use a pg_restore with known security holes, if there is no other",
      });
    // eslint-disable-next-line typescript/no-unsafe-type-assertion -- yargs gives each in camel case, too; its types do not
    return extended as unknown as Argv<ExportOptions>;
  },
  run: runExport,
  exits: [
    "noSuchBackup",
    "notPermitted",
    "refused",
    "corrupt",
    "unreachable",
    "tool",
    "interrupted",
    "terminated",
  ],
  examples: [
    ["dataops export 20261121T040000Z-k3v9qa > shop.sql", "that backup as one file of SQL"],
    ["dataops export latest | psql shop", "into an empty database, without a restore's checks"],
  ],
};

/** Writes one backup to stdout as SQL. */
export async function runExport(
  { id, from, allowVulnerableClient }: ExportOptions,
  context: CommandContext,
): Promise<CommandResult> {
  const config = await context.config();
  if (context.json) {
    throw new DataopsError("usage", "an export is SQL, and cannot be JSON", { hint: "leave out --json" });
  }
  const { reporter, signal, environment, stdout } = context;
  const storage = await openStorage(requireStorage(config), reporter);
  try {
    const { manifest } = await namedBackup(storage, { id, from }, context);
    const { cache } = config;
    const sql = exportSql({ storage, manifest, cache, allowVulnerableClient, reporter, signal, environment });
    await writeAll(stdout, sql);
    return { exit: "done", data: undefined, text: "" };
  } finally {
    await storage.close();
  }
}

/** Writes no faster than the reader reads. */
async function writeAll(stream: NodeJS.WritableStream, source: AsyncIterable<Uint8Array>): Promise<void> {
  const left = new AbortController();
  const leave = (): void => left.abort();
  stream.once("error", leave).once("close", leave);
  try {
    for await (const chunk of source) {
      if (!left.signal.aborted && !stream.write(chunk)) {
        await once(stream, "drain", { signal: left.signal }).catch(leave);
      }
      if (left.signal.aborted) throw new DataopsError("failed", "nobody read the export to its end");
    }
  } finally {
    stream.off("error", leave).off("close", leave);
  }
}
