import { resolve } from "node:path";
import { DataopsError, messageOf } from "../errors.ts";
import type { SearchConnection } from "./config.ts";
import type { Environment } from "./environment.ts";
import {
  lateValue,
  resolveLateValue,
  type Dereference,
  type LateOptions,
  type LateValue,
} from "./late-value.ts";
import type { GivenSearch } from "./schema.ts";
import { Secret } from "./secret.ts";
import { readVariable } from "./variables.ts";

/** `search-x-abc.us-east-1.es.amazonaws.com`, `abc.us-east-1.aoss.amazonaws.com` */
const AMAZON_HOST = /\.([a-z0-9-]+)\.(es|aoss)\.(?:amazonaws\.com(?:\.cn)?|api\.aws)$/;

/** How a search engine is reached, put together when it is first needed. */
export function lateSearch(
  given: GivenSearch,
  place: SearchPlace & LateOptions,
): LateValue<SearchConnection> {
  const texts = [given.url, given.username, given.password].flatMap((text) => text ?? []);
  return lateValue(texts, place, (dereference) => searchConnection(given, place, dereference));
}

/** As `config show` prints it: without the password, or why there is none. */
export function showSearchValue(
  { connection }: { connection: LateValue<SearchConnection> },
  key: "url" | "username" | "password",
): string {
  if (key === "password") return "[redacted]";
  try {
    const known = connection.peek();
    if (known === undefined) return "[redacted]";
    const { url, authentication } = known;
    if (key === "url") return url;
    return authentication.kind === "basic" ? authentication.username : "";
  } catch (error) {
    return `(${messageOf(error)})`;
  }
}

/** Where a search engine is written down. */
export interface SearchPlace {
  /** For messages: `search.main in dataops.config.yaml`. */
  origin: string;
  /** What `ca` is relative to. */
  folder: string;
  environment: Environment;
}

/**
 * What a search engine's values come to, variables put in.
 *
 * @throws DataopsError `usage`; no message holds a value
 */
export function searchConnection(
  given: GivenSearch,
  place: SearchPlace,
  dereference: Dereference,
): SearchConnection {
  const read = (key: "url" | "username" | "password"): string | undefined => {
    const text = given[key];
    return text === undefined
      ? undefined
      : dereference(resolveLateValue(text, `${place.origin}: ${key}`, place.environment));
  };
  const url = parseUrl(read("url") ?? "", place);
  const inUrl = { username: decode(url.username, place), password: decode(url.password, place) };
  url.username = "";
  url.password = "";
  const own = { username: read("username") ?? "", password: read("password") ?? "" };
  if (inUrl.username + inUrl.password !== "" && own.username + own.password !== "") {
    throw wrong(
      place,
      "a user or a password is given twice",
      "keep those in the URL, or username and password",
    );
  }
  const user = inUrl.username + inUrl.password === "" ? own : inUrl;
  return {
    url: url.href.replace(/\/$/, ""),
    authentication: authenticationOf(given, user, url.hostname, place),
    certificateFile: given.ca === undefined ? undefined : resolve(place.folder, given.ca),
  };
}

function authenticationOf(
  given: GivenSearch,
  { username, password }: { username: string; password: string },
  host: string,
  place: SearchPlace,
): SearchConnection["authentication"] {
  const isUser = username !== "" || password !== "";
  const kind = given.auth ?? (isUser ? "basic" : "none");
  if (kind !== "sigv4" && (given.region !== undefined || given.service !== undefined)) {
    throw wrong(place, "region and service are for auth: sigv4", "set auth to sigv4, or leave them out");
  }
  if (kind === "basic") {
    if (username !== "" && password !== "") return { kind, username, password: new Secret(password) };
    throw wrong(
      place,
      "basic needs a user and a password",
      "set username and password, or put them into the URL",
    );
  }
  if (isUser)
    throw wrong(place, `a user or a password beside auth: ${kind}`, "leave them out, or set auth to basic");
  if (kind === "none") return { kind };
  const [, region, service] = AMAZON_HOST.exec(host) ?? [];
  const { environment } = place;
  const known =
    given.region ??
    region ??
    readVariable(environment, "AWS_REGION") ??
    readVariable(environment, "AWS_DEFAULT_REGION");
  if (known === undefined) throw wrong(place, "no region is known", "set region, or AWS_REGION");
  return { kind, region: known, service: given.service ?? (service === "aoss" ? "aoss" : "es") };
}

function parseUrl(text: string, place: SearchPlace): URL {
  const url = URL.parse(text);
  const isHttp = url?.protocol === "http:" || url?.protocol === "https:";
  if (url !== null && isHttp && url.search === "" && url.hash === "") return url;
  throw wrong(
    place,
    "url is no http(s) URL",
    "write https://host:9200; a password's special characters are percent-encoded",
  );
}

function decode(text: string, place: SearchPlace): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw wrong(
      place,
      "the user or the password in the URL is malformed",
      "percent-encode them: % is written %25",
    );
  }
}

function wrong({ origin }: SearchPlace, message: string, hint: string): DataopsError {
  return new DataopsError("usage", `${origin}: ${message}`, { hint });
}
