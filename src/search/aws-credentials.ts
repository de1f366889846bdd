import { defaultProvider } from "@aws-sdk/credential-provider-node";

/** Keys of AWS; a session token where they are lent. */
export interface AwsCredentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string | undefined;
  /** When they end; undefined where they do not say. */
  expiration?: Date | undefined;
}

/** Gives credentials, and fresh ones before they end. */
export interface AwsCredentialSource {
  get(): Promise<AwsCredentials>;
  /** An engine said that these have expired: the next `get` asks for others, whatever their end says. */
  forget(): void;
}

/** Asks AWS's whole chain: environment, profile, SSO, web identity, container, instance. */
export function awsCredentialChain(): AwsCredentialSource {
  // It keeps what it found, and asks again five minutes before the end.
  const provider = defaultProvider();
  let isForgotten = false;
  return {
    get: () => {
      const forceRefresh = isForgotten;
      isForgotten = false;
      return provider({ forceRefresh });
    },
    forget: () => {
      isForgotten = true;
    },
  };
}
