import { AnswerTooLong } from "./answer-body.ts";
import { SearchError } from "./search-error.ts";

/** Codes of Node's and OpenSSL's that say that this will never be a trusted connection. */
const CERTIFICATE_PATTERN = /certificate|CERT_|self.signed|altname/i;

/**
 * Turns what kept a whole answer from coming into an error. What the client threw is not carried along: it holds the request,
 * with its documents and its headers.
 */
export function unreachable(url: string, error: unknown): SearchError {
  if (error instanceof SearchError) return error;
  const words = wordsOf(error);
  if (error instanceof AnswerTooLong) {
    return new SearchError("too-large", `${url}: ${words}`, {
      hint: "check that the URL is a search engine's",
    });
  }
  if (isNoCredentials(error)) {
    return new SearchError("not-permitted", `${url}: no AWS credentials were found`, {
      hint: "set AWS_PROFILE, or give the task a role; `aws sso login` renews a login",
    });
  }
  const hint = CERTIFICATE_PATTERN.test(words)
    ? "name the certificate to trust in search.<name>.ca"
    : "check that the engine runs, its URL, and the network between";
  return new SearchError("unreachable", `cannot reach ${url}: ${words}`, { hint });
}

/** One line; of an error that holds several, all of them. */
function wordsOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === "") return error.errors.map(wordsOf).join(", ");
  const message = error instanceof Error ? error.message : String(error);
  return message.split("\n", 1)[0]?.slice(0, 300) ?? "";
}

/** What the chain of AWS credentials throws at its end. */
function isNoCredentials(error: unknown): boolean {
  return error instanceof Error && /^(CredentialsProviderError|TokenProviderError)$/.test(error.name);
}
