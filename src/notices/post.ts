import { version } from "../version.ts";
import { DeliveryError } from "./delivery-error.ts";

export interface PostRequest {
  /** May hold a user and a password: they are sent as basic authentication. */
  url: string;
  headers?: Readonly<Record<string, string>>;
  body: string | Uint8Array;
}

/** Bytes of an answer that are looked at; the rest is never read. */
const MAX_ANSWER = 1024;

/** What services answer in one word: Slack's `no_service`, and the like. Anything else is not repeated. */
const REASON_WORD = /^[a-z]+(?:_[a-z]+){1,5}$/;

/** Answers that another try may mend. */
const TRANSIENT_STATUS = new Set([408, 425, 429]);

/** What Node calls it, and how we do. */
const CONNECTION_PROBLEMS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "refuses the connection",
  ECONNRESET: "broke the connection",
  EAI_AGAIN: "has no address at the moment",
  ENOTFOUND: "has no address",
  UND_ERR_SOCKET: "broke the connection",
};

/**
 * Sends one POST request. Redirects are not followed, and the answer is read up to a bound: what is sent holds secrets, and who
 * answers may be anybody.
 *
 * @returns the beginning of a good answer's text
 * @throws DeliveryError for everything but an answer of 2xx, the signal's end included
 */
export async function post({ url, headers = {}, body }: PostRequest, signal: AbortSignal): Promise<string> {
  const { target, authorization } = splitCredentials(url);
  const { host } = target;
  try {
    const response = await fetch(target, {
      method: "POST",
      redirect: "manual",
      headers: { "user-agent": `dataops/${version}`, ...authorization, ...headers },
      body,
      signal,
    });
    const answer = await readBeginning(response);
    if (response.ok) return answer;
    throw answerProblem(host, response.status, answer);
  } catch (error) {
    if (error instanceof DeliveryError) throw error;
    if (signal.aborted)
      throw new DeliveryError(`${host} does not answer in time`, { isTransient: true, cause: error });
    throw connectionProblem(host, error);
  }
}

function answerProblem(host: string, status: number, answer: string): DeliveryError {
  if (status >= 300 && status < 400) {
    return new DeliveryError(`${host} answers ${status}, a redirect, and those are not followed`, {
      isTransient: false,
    });
  }
  const reason = REASON_WORD.test(answer.trim()) ? `: ${answer.trim()}` : "";
  const isTransient = status >= 500 || TRANSIENT_STATUS.has(status);
  return new DeliveryError(`${host} answers ${status}${reason}`, { isTransient });
}

/** Node's own messages repeat URLs, so only its codes are told. */
function connectionProblem(host: string, error: unknown): DeliveryError {
  const code = codeOf(error) ?? "";
  if (/CERT|SIGNATURE|SELF_SIGNED|^ERR_TLS|^ERR_SSL|^EPROTO/.test(code)) {
    return new DeliveryError(`${host} shows no certificate that can be trusted (${code})`, {
      isTransient: false,
      cause: error,
    });
  }
  const problem = CONNECTION_PROBLEMS[code] ?? `cannot be reached${code === "" ? "" : ` (${code})`}`;
  return new DeliveryError(`${host} ${problem}`, { isTransient: true, cause: error });
}

function codeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  if ("code" in error && typeof error.code === "string") return error.code;
  // Of several addresses each has failed in its own way; the first will do.
  if (error instanceof AggregateError) return codeOf(error.errors[0]);
  return "cause" in error ? codeOf(error.cause) : undefined;
}

/** `fetch` refuses a URL with credentials in it, and repeats it. */
function splitCredentials(text: string): { target: URL; authorization: Record<string, string> } {
  const target = new URL(text);
  const { username, password } = target;
  if (username === "" && password === "") return { target, authorization: {} };
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  target.username = "";
  target.password = "";
  return { target, authorization: { authorization: `Basic ${Buffer.from(pair).toString("base64")}` } };
}

async function readBeginning({ body }: Response): Promise<string> {
  if (body === null) return "";
  const chunks: Uint8Array[] = [];
  let length = 0;
  // Leaving the loop cancels the rest.
  for await (const chunk of body) {
    chunks.push(chunk);
    length += chunk.byteLength;
    if (length >= MAX_ANSWER) break;
  }
  return Buffer.concat(chunks).subarray(0, MAX_ANSWER).toString("utf8");
}
