import { stampOf } from "../../src/repository/backup-id.ts";
import { MANIFEST_FORMAT, type Manifest } from "../../src/repository/manifest.ts";

const DIGEST = "a".repeat(64);

/** A valid manifest of a small backup that began at `started`, with `changes` on top. */
export function exampleManifest(
  started = "2026-11-21T04:00:00.000Z",
  changes: Partial<Manifest> = {},
): Manifest {
  return {
    format: MANIFEST_FORMAT,
    id: `${stampOf(started)}-k3v9qa`,
    database: "production",
    environment: "production",
    started,
    finished: new Date(Date.parse(started) + 12_000).toISOString(),
    dataopsVersion: "0.1.0",
    source: {
      systemIdentifier: "7423423423423423423",
      databaseOid: 16_384,
      databaseName: "shop",
      serverVersion: "15.20 (Debian 15.20-0+deb12u1)",
      serverVersionNumber: 150_020,
      encoding: "UTF8",
      collate: "C.UTF-8",
      characterType: "C.UTF-8",
      localeProvider: "c",
      locale: null,
      size: 20_000_000,
      lsn: "0/1A2B3C4D",
      extensions: [{ name: "plpgsql", version: "1.0", schema: "pg_catalog", used: true }],
      policies: [{ schema: "public", table: "orders", name: "own orders", roles: ["customer"] }],
    },
    tools: { pgDump: "15.20 (Debian 15.20-0+deb12u1)", pgRestore: "15.20 (Debian 15.20-0+deb12u1)" },
    archive: {
      object: "archive.dump.zst",
      size: 1_234_567,
      sha256: DIGEST,
      rawSize: 9_876_543,
      pieceSize: 8 * 1024 * 1024,
      pieces: [DIGEST],
    },
    blocks: null,
    tables: [
      { schema: "public", name: "orders", rows: 1_000 },
      { schema: "public", name: "products", rows: 50 },
    ],
    ...changes,
  };
}
