import { Secret } from "./secret.ts";

/** Where e-mail is handed in. */
export interface MailServer {
  host: string;
  port: number;
  /** TLS from the first byte (`smtps:`); otherwise STARTTLS. */
  isSecure: boolean;
  user: string | undefined;
  password: Secret | undefined;
}

/** Ports of submission: RFC 8314's, with TLS from the first byte, and RFC 6409's. */
const DEFAULT_PORTS = { "smtps:": 465, "smtp:": 587 } as const;

/** `smtps://user:password@host:465` in its parts; undefined for what is no such URL. */
export function parseMailServer(text: string): MailServer | undefined {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== "smtp:" && url.protocol !== "smtps:")) return undefined;
  const [user, password] = [decode(url.username), decode(url.password)];
  if (url.hostname === "" || user === undefined || password === undefined) return undefined;
  if (url.search !== "" || url.hash !== "" || !["", "/"].includes(url.pathname)) return undefined;
  return {
    // An IPv6 address stands in brackets in a URL, and nowhere else.
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port === "" ? DEFAULT_PORTS[url.protocol] : Number(url.port),
    isSecure: url.protocol === "smtps:",
    user: user === "" ? undefined : user,
    password: password === "" ? undefined : new Secret(password),
  };
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
