import { isIPv6 } from "node:net";
import { DataopsError } from "../errors.ts";
import { checkParameters, type GivenParameters, type WrittenParameter } from "./connection-parameters.ts";

/** How libpq tells a URL from a keyword string. */
const URL_PREFIX = /^postgres(?:ql)?:\/\//;

/** What follows the user name and password: `host:port/database?parameters`, every part optional. */
const PLACE =
  /^(?<host>\[[^\]]*\]|[^:/?]*)(?::(?<port>[^/?]*))?(?:\/(?<database>[^?]*))?(?:\?(?<query>.*))?$/s;

const MALFORMED_PERCENT = /%(?![0-9a-f]{2})/i;

const ENCODE_PASSWORD =
  "encode the password: % is written %25, @ %40, : %3A, / %2F, ? %3F, # %23, & %26, and a space %20";

/** Whether libpq would read `text` as a URL. */
export function isConnectionUrl(text: string): boolean {
  return URL_PREFIX.test(text);
}

/**
 * The parameters in a `postgres://` URL, by libpq's grammar; of two of one name the last counts.
 *
 * Own code, because both `pg-connection-string` and the WHATWG parser under it read sockets, hosts and `#` differently.
 * Stricter than libpq in one thing: an `@` that ends no user name and a `?` before it must be encoded. libpq would take
 * half of an unencoded password for the host.
 *
 * @throws DataopsError `usage` for a malformed URL, `refused` for several servers; no message holds a value from it
 */
export function parseConnectionUrl(url: string, origin: string): GivenParameters {
  const { userInfo, rest } = splitUserInfo(url.replace(URL_PREFIX, ""), origin);
  const { host = "", port = "", database = "", query = "" } = splitPlace(rest, origin);
  const colon = userInfo.indexOf(":");
  const user = colon === -1 ? userInfo : userInfo.slice(0, colon);
  const password = colon === -1 ? "" : userInfo.slice(colon + 1);
  const parts = {
    user: decode(user, "the user name", origin),
    password: decode(password, "the password", origin),
    host: decode(withoutBrackets(host, origin), "the host", origin),
    port: decode(port, "the port", origin),
    dbname: decode(database, "the database name", origin),
  };
  const pairs = query.replace(/&$/, "").split("&");
  const written = query === "" ? [] : pairs.map((pair) => parseQueryParameter(pair, origin));
  return { ...parts, ...checkParameters(written, origin) };
}

function splitUserInfo(text: string, origin: string): { userInfo: string; rest: string } {
  const end = text.search(/[@/]/);
  const hasUserInfo = text[end] === "@";
  const userInfo = hasUserInfo ? text.slice(0, end) : "";
  const rest = hasUserInfo ? text.slice(end + 1) : text;
  if (rest.includes("@")) {
    throw malformed(origin, "the URL has an @ or a / in the user name or password, or an @ elsewhere");
  }
  if (userInfo.includes("?")) throw malformed(origin, "the URL has a ? in the user name or password");
  return { userInfo, rest };
}

function splitPlace(rest: string, origin: string): Record<string, string | undefined> {
  const authority = rest.split(/[/?]/, 1)[0] ?? "";
  if (authority.includes(",")) throw severalServers(origin);
  return PLACE.exec(rest)?.groups ?? {};
}

function withoutBrackets(host: string, origin: string): string {
  if (!host.startsWith("[")) return host;
  const address = host.slice(1, -1);
  if (host.endsWith("]") && isIPv6(address.replace("%25", "%"))) return address;
  throw new DataopsError("usage", `${origin}: the brackets hold no IPv6 address`, {
    hint: "write it as postgresql://user@[::1]:5432/database",
  });
}

function parseQueryParameter(pair: string, origin: string): WrittenParameter {
  const [name = "", value, ...more] = pair.split("=");
  if (value === undefined || more.length > 0) {
    throw malformed(origin, "a parameter after the ? is not written as name=value");
  }
  const decoded = [decode(name, "a parameter", origin), decode(value, "a parameter", origin)] as const;
  if (decoded[0] !== "ssl") return decoded;
  // JDBC's spelling, which libpq takes too.
  if (decoded[1] === "true") return ["sslmode", "require"];
  throw new DataopsError("usage", `${origin}: the parameter ssl can only be true`, {
    hint: "use sslmode: disable, prefer, require, verify-ca or verify-full",
  });
}

function decode(text: string, part: string, origin: string): string {
  if (MALFORMED_PERCENT.test(text)) {
    throw malformed(origin, `${part} in the URL has a % that two hexadecimal digits do not follow`);
  }
  try {
    return decodeURIComponent(text);
  } catch {
    throw malformed(origin, `${part} in the URL is not UTF-8 once it is decoded`);
  }
}

function malformed(origin: string, what: string): DataopsError {
  return new DataopsError("usage", `${origin}: ${what}`, { hint: ENCODE_PASSWORD });
}

/** For a list of servers, of which libpq would take the first that answers. */
export function severalServers(origin: string): DataopsError {
  return new DataopsError("refused", `${origin}: several servers are named`, {
    hint: "give one server: which of several answers is left to chance",
  });
}
