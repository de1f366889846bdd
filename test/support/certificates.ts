import { execFile } from "node:child_process";
import { chmod, chown, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** PEM files: a root certificate, and what it signed for a host. */
export interface Certificates extends AsyncDisposable {
  root: string;
  certificate: string;
  key: string;
  /** Another authority's, that signed nothing here. */
  strangersRoot: string;
}

/**
 * Makes certificates for `host` with the machine's openssl.
 *
 * @param owner the server's user, where it is not ours: it must own its key
 */
export async function makeCertificates(
  host: string,
  owner?: { uid: number; gid: number },
): Promise<Certificates> {
  const directory = await mkdtemp(join(tmpdir(), "dataops-certificates-"));
  await chmod(directory, 0o755);
  const file = (name: string): string => join(directory, name);
  const openssl = (...args: string[]): Promise<unknown> => run("openssl", args);
  for (const name of ["root", "strangers"]) {
    const subject = ["-subj", `/CN=${name}`, "-keyout", file(`${name}.key`), "-out", file(`${name}.crt`)];
    await openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", ...subject);
  }
  const subject = ["-subj", `/CN=${host}`, "-keyout", file("server.key"), "-out", file("server.csr")];
  await openssl("req", "-new", "-newkey", "rsa:2048", "-nodes", ...subject);
  await writeFile(file("server.ext"), `subjectAltName=DNS:${host}\n`);
  const signer = ["-CA", file("root.crt"), "-CAkey", file("root.key"), "-CAcreateserial", "-days", "2"];
  await openssl(
    "x509",
    "-req",
    "-in",
    file("server.csr"),
    ...signer,
    "-extfile",
    file("server.ext"),
    "-out",
    file("server.crt"),
  );
  if (owner !== undefined) await chown(file("server.key"), owner.uid, owner.gid);
  return {
    root: file("root.crt"),
    certificate: file("server.crt"),
    key: file("server.key"),
    strangersRoot: file("strangers.crt"),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}
