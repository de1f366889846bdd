import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { placeInReference, type SecretReference } from "../config/secret-reference.ts";
import { clientSettings } from "./client-settings.ts";

/**
 * What Secrets Manager holds under a name; undefined where it is binary.
 *
 * @throws the client's errors
 */
export async function readSecret(
  reference: SecretReference,
  abortSignal: AbortSignal,
): Promise<string | undefined> {
  const client = new SecretsManagerClient(clientSettings(placeInReference(reference)?.region));
  try {
    const answer = await client.send(new GetSecretValueCommand({ SecretId: reference.name }), {
      abortSignal,
    });
    return answer.SecretString;
  } finally {
    client.destroy();
  }
}
