import { readFile } from "node:fs/promises";

/** Under whom the servers run. */
export interface Account {
  uid: number;
  gid: number;
}

/** PostgreSQL refuses to run as root: then an account that every machine has. Undefined: as whoever runs this. */
export async function accountForServers(): Promise<Account | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const accounts = (await readFile("/etc/passwd", "utf8")).split("\n").map((line) => line.split(":"));
  for (const wanted of ["postgres", "nobody"]) {
    const found = accounts.find(([name]) => name === wanted);
    if (found !== undefined) return { uid: Number(found[2]), gid: Number(found[3]) };
  }
  throw new Error(
    "postgresql refuses to run as root, and there is no account `postgres` or `nobody` to run it as",
  );
}
