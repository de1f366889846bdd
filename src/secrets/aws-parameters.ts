import { GetParameterCommand, SSMClient } from "@aws-sdk/client-ssm";
import { placeInReference, type SecretReference } from "../config/secret-reference.ts";
import { clientSettings } from "./client-settings.ts";

/**
 * What the Parameter Store holds under a name, decrypted.
 *
 * @throws the client's errors
 */
export async function readParameter(
  reference: SecretReference,
  abortSignal: AbortSignal,
): Promise<string | undefined> {
  const client = new SSMClient(clientSettings(placeInReference(reference)?.region));
  try {
    const command = new GetParameterCommand({ Name: reference.name, WithDecryption: true });
    const { Parameter } = await client.send(command, { abortSignal });
    return Parameter?.Value;
  } finally {
    client.destroy();
  }
}
