/** Tries of one request, with waits between them that grow. */
const ATTEMPTS = 3;
/** Milliseconds. */
const CONNECT_TIMEOUT = 3_000;
const REQUEST_TIMEOUT = 8_000;

/** What both clients are made with; region and credentials are otherwise found in AWS's own ways. */
export function clientSettings(region: string | undefined) {
  return {
    ...(region === undefined ? {} : { region }),
    maxAttempts: ATTEMPTS,
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT,
      requestTimeout: REQUEST_TIMEOUT,
      throwOnRequestTimeout: true,
    },
  };
}
