import { createHash, createHmac, pbkdf2, randomBytes } from "node:crypto";
import { promisify } from "node:util";

const deriveKey = promisify(pbkdf2);

/** PostgreSQL's own defaults. */
const ITERATIONS = 4096;
const SALT_BYTES = 16;
const KEY_BYTES = 32;

/**
 * What PostgreSQL stores in place of a password (RFC 5803), so that `CREATE ROLE … PASSWORD` needs not send the password,
 * which the server may log.
 *
 * @param password ASCII only: others would have to be normalised first
 */
export async function scramVerifier(
  password: string,
  salt: Uint8Array = randomBytes(SALT_BYTES),
): Promise<string> {
  if (/[^\u0020-\u007e]/.test(password)) throw new RangeError("only printable ASCII needs no normalisation");
  const salted = await deriveKey(password, salt, ITERATIONS, KEY_BYTES, "sha256");
  const storedKey = createHash("sha256").update(keyed(salted, "Client Key")).digest("base64");
  const serverKey = keyed(salted, "Server Key").toString("base64");
  return `SCRAM-SHA-256$${ITERATIONS}:${Buffer.from(salt).toString("base64")}$${storedKey}:${serverKey}`;
}

function keyed(key: Uint8Array, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}
