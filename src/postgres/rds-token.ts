import { defaultProvider } from "@aws-sdk/credential-provider-node";
import { Signer } from "@aws-sdk/rds-signer";

/** Whom a token is for. */
export interface RdsTokenRequest {
  /** The database's own name at Amazon: the token is made for it. */
  host: string;
  port: number;
  user: string;
  region: string;
}

/** It keeps what it found, and asks again before that ends: one for all tokens, or each would ask anew. */
let credentials: ReturnType<typeof defaultProvider> | undefined;

/**
 * Signs a token that logs in to a database of Amazon RDS within 15 minutes. Nothing is sent anywhere but for the credentials.
 *
 * @throws Error where there are no credentials
 */
export async function makeRdsToken({ host, port, user, region }: RdsTokenRequest): Promise<string> {
  credentials ??= defaultProvider();
  return await new Signer({ hostname: host, port, username: user, region, credentials }).getAuthToken();
}
