import { createHash } from "node:crypto";
import { z } from "zod";
import { DataopsError } from "../errors.ts";
import { BACKUP_ID_PATTERN } from "./backup-id.ts";
import { DATABASE_NAME_PATTERN } from "./database-name.ts";
import { backupOfPack, PACK_NAME_PATTERN } from "./keys.ts";

/**
 * The manifest: the JSON that describes a backup. A backup exists if and only if its manifest does.
 *
 * It is written last, conditionally, and never changed. Whoever reads one reads bytes from outside: the schema is strict,
 * every string and list is bounded, and the digest over the whole catches what a schema cannot.
 */

/** The stored format's version. A reader refuses a number it does not know. */
export const MANIFEST_FORMAT = 1;

/** Bytes of one table's index, decompressed: 1.5 million blocks, or some 400 GB of text. */
const MAX_INDEX_BYTES = 256 * 1024 * 1024;

/** Bytes; a larger manifest is not read. 10,000 tables need about 1.2 MB. */
export const MAX_MANIFEST_BYTES = 64 * 1024 * 1024;

/** Characters of one reason for which a backup is suspect. */
const MAX_REASON_LENGTH = 600;

/** Reasons for which a backup is suspect. */
const MAX_REASONS = 50;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const bytes = z.int().min(0);
const instant = z.iso.datetime({ precision: 3 });
/** PostgreSQL's names are at most 63 bytes by default; custom builds allow more. Any character but NUL may occur. */
// eslint-disable-next-line no-control-regex
const postgresName = z
  .string()
  .min(1)
  .max(1024)
  .regex(/^[^\0]*$/);
const shortText = z.string().max(1024);

const extensionSchema = z.strictObject({
  name: postgresName,
  version: shortText,
  schema: postgresName,
  /** Whether anything outside the extension depends on it: then a restore needs it. */
  used: z.boolean(),
});

const policySchema = z.strictObject({
  schema: postgresName,
  table: postgresName,
  name: postgresName,
  /** The roles it names, without PUBLIC. A restore where one is missing leaves the policy out. */
  roles: z.array(postgresName).max(10_000),
});

const sourceSchema = z.strictObject({
  /** `pg_control_system().system_identifier`, as text: it is a 64-bit number. */
  systemIdentifier: z.string().regex(/^\d{1,20}$/),
  databaseOid: z.int().min(1),
  databaseName: postgresName,
  /** As the server says it: `15.20 (Debian 15.20-0+deb12u1)`. */
  serverVersion: shortText,
  /** `server_version_num`: 150020. */
  serverVersionNumber: z.int().min(90_000),
  encoding: shortText,
  collate: shortText,
  characterType: shortText,
  /** `c`, `i` or `b`: libc, ICU, builtin. */
  localeProvider: z.string().max(1),
  /** The ICU or builtin locale, where the provider is not libc. */
  locale: shortText.nullable(),
  /** `pg_database_size` at the start. */
  size: bytes,
  /** The write-ahead log position of the snapshot; null on a standby that cannot say. */
  lsn: shortText.nullable(),
  extensions: z.array(extensionSchema).max(10_000),
  policies: z.array(policySchema).max(1_000_000),
});

const archiveSchema = z
  .strictObject({
    /** The object's name inside the backup's folder. */
    object: z.literal("archive.dump.zst"),
    /** Bytes as stored. */
    size: bytes,
    /** Of the object as stored. */
    sha256,
    /** Bytes of the custom-format archive once decompressed. */
    rawSize: bytes,
    /** Bytes of each piece but the last; a download checks and resumes piece by piece. */
    pieceSize: z.int().min(1),
    /** SHA-256 of each piece, in order. */
    pieces: z.array(sha256).min(1).max(100_000),
  })
  .refine(({ size, pieceSize, pieces }) => pieces.length === Math.max(1, Math.ceil(size / pieceSize)), {
    error: "the number of pieces does not fit the size",
  });

const tableSchema = z.strictObject({
  schema: postgresName,
  name: postgresName,
  /** Rows that the snapshot saw, in this table alone: partitions and children count their own. */
  rows: z.int().min(0),
  /**
   * The extension that this is a configuration table of: then only the rows that the extension marks as the user's are
   * dumped, and only those are counted. Absent for every other table.
   */
  extension: postgresName.optional(),
  /** The partitioned table that this is a partition of, the topmost one. Absent for every other table. */
  partitionOf: z.strictObject({ schema: postgresName, name: postgresName }).optional(),
});

const packName = z.string().regex(PACK_NAME_PATTERN);

const blocksSchema = z.strictObject({
  /** Every pack that the tables refer to: this backup's own, and earlier ones'. */
  packs: z.array(z.strictObject({ name: packName, size: bytes })).max(1_000_000),
  tables: z
    .array(
      z.strictObject({
        schema: postgresName,
        name: postgresName,
        /** In the order of the text. */
        columns: z.array(postgresName).max(1600),
        rows: z.int().min(0),
        /** Bytes of COPY text. */
        size: bytes,
        /** Where the list of the table's blocks is: a frame of a pack. `docs/format.md` says what is in it. */
        index: z.strictObject({
          pack: packName,
          offset: bytes,
          length: z.int().min(1).max(MAX_INDEX_BYTES),
          size: z.int().min(0).max(MAX_INDEX_BYTES),
          sha256,
        }),
        /** What the index's fingerprints hold for; null where it has none. */
        fingerprints: z
          .strictObject({ basis: sha256, transaction: z.string().regex(/^\d{1,20}$/) })
          .nullable(),
      }),
    )
    .max(1_000_000),
});

const manifestSchema = z.strictObject({
  format: z.literal(MANIFEST_FORMAT),
  id: z.string().regex(BACKUP_ID_PATTERN),
  /** The name of the database in the configuration. */
  database: z.string().regex(DATABASE_NAME_PATTERN),
  environment: shortText,
  started: instant,
  finished: instant,
  dataopsVersion: shortText,
  source: sourceSchema,
  tools: z.strictObject({
    /** Version of the `pg_dump` that wrote the archive, and of the `pg_restore` that read it while it streamed. */
    pgDump: shortText,
    pgRestore: shortText,
  }),
  archive: archiveSchema,
  /** The tables that are stored as blocks beside the archive; null where there are none. */
  blocks: blocksSchema.nullable(),
  tables: z.array(tableSchema).max(1_000_000),
  /** Why this may not be what it should be, in plain words; absent where nothing is the matter. */
  suspect: z.array(z.string().min(1).max(MAX_REASON_LENGTH)).min(1).max(MAX_REASONS).optional(),
});

export type Manifest = z.infer<typeof manifestSchema>;
export type ManifestArchive = Manifest["archive"];
export type ManifestSource = Manifest["source"];
export type ManifestTable = Manifest["tables"][number];
export type ManifestBlocks = z.infer<typeof blocksSchema>;
export type ManifestBlockTable = ManifestBlocks["tables"][number];

/** Bytes that a backup added to the storage, but for its manifest: its archive, and the packs that it wrote. */
export function storedSize({ id, archive, blocks }: Manifest): number {
  const own = (blocks?.packs ?? []).filter(({ name }) => backupOfPack(name) === id);
  return own.reduce((sum, { size }) => sum + size, archive.size);
}

/** Bytes of what a backup holds, as text: what a restore has to load, however little of it was stored anew. */
export function contentSize({ archive, blocks }: Pick<Manifest, "archive" | "blocks">): number {
  return (blocks?.tables ?? []).reduce((sum, { size }) => sum + size, archive.rawSize);
}

/** The bytes of a manifest, its digest last. By hand: `jq -cj 'del(.sha256)' manifest.json | sha256sum`. */
export function serializeManifest(manifest: Manifest): Uint8Array {
  const checked = manifestSchema.parse(manifest);
  return Buffer.from(`${JSON.stringify({ ...checked, sha256: digestOfManifest(checked) }, null, 1)}\n`);
}

/**
 * Reads a manifest's bytes. `where` names the object in the error.
 *
 * @throws DataopsError `corrupt` where it is cut, changed, hostile or of a version that this program does not know
 */
export function parseManifest(content: Uint8Array, where: string): Manifest {
  const json = parseJson(content, where);
  const object = z.record(z.string(), z.unknown()).safeParse(json);
  if (!object.success) throw corrupt(where, "is not a JSON object");
  const { sha256: digest, ...body } = object.data;
  if (typeof body["format"] === "number" && body["format"] !== MANIFEST_FORMAT) {
    throw new DataopsError(
      "corrupt",
      `${where} has format version ${body["format"]}; this program reads ${MANIFEST_FORMAT}`,
      {
        hint: "use the version of dataops that wrote it, or a newer one",
      },
    );
  }
  const parsed = manifestSchema.safeParse(body);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw corrupt(
      where,
      `${issue?.path.join(".") || "its content"}: ${issue?.message ?? "is not as expected"}`,
    );
  }
  if (digest !== digestOfManifest(parsed.data)) throw corrupt(where, "its digest does not match its content");
  return parsed.data;
}

function parseJson(content: Uint8Array, where: string): unknown {
  if (content.byteLength > MAX_MANIFEST_BYTES) throw corrupt(where, `is ${content.byteLength} bytes long`);
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(content));
  } catch (error) {
    throw corrupt(where, "is not valid JSON", error);
  }
}

/** Over the content without white space, so that formatting carries no meaning. Key order is the schema's. */
export function digestOfManifest(manifest: Manifest): string {
  return createHash("sha256").update(JSON.stringify(manifest)).digest("hex");
}

function corrupt(where: string, what: string, cause?: unknown): DataopsError {
  return new DataopsError("corrupt", `${where} is corrupt: ${what.slice(0, 200)}`, {
    hint: "restore an older backup (`dataops list`), and find out what wrote to the bucket",
    cause,
  });
}
