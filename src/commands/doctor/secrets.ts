import type { Config } from "../../config/config.ts";
import { referencesOf } from "../../config/references.ts";
import type { CommandContext } from "../command.ts";
import { attempt, ok, type Finding } from "./finding.ts";

/** Whether each secret that the configuration refers to can be read. Nothing of one is shown. */
export async function checkSecrets(
  config: Config,
  { secrets, signal }: Pick<CommandContext, "secrets" | "signal">,
): Promise<Finding[]> {
  const found = await Promise.all(
    referencesOf(config).map(({ reference, path }) =>
      attempt(`secret of ${path}`, signal, async () => {
        await secrets.read(reference, signal);
        return [ok(`secret of ${path}`, `${reference.text} can be read`)];
      }),
    ),
  );
  return found.flat();
}
