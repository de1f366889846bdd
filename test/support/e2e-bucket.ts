import {
  AbortMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  PutObjectCommand,
} from "@aws-sdk/client-s3";
import { uniqueName } from "./postgres-test.ts";
import { s3ClientFor } from "./s3-servers.ts";
import type { SharedS3 } from "./shared-servers.ts";

/** A bucket of one test, looked at without any code of the program's. */
export interface TestBucket {
  name: string;
  server: SharedS3;
  /** For the program's environment: how it reaches this bucket, and `DATAOPS_STORAGE` is all of it. */
  environment: Readonly<Record<string, string>>;
  /** All keys, sorted. */
  keys(): Promise<string[]>;
  read(key: string): Promise<Buffer>;
  write(key: string, body: string | Uint8Array): Promise<void>;
  remove(key: string): Promise<void>;
  /** Uploads that are neither completed nor aborted: their keys. */
  openUploads(): Promise<string[]>;
  /** Bytes that arrived in parts of open uploads. */
  uploadedBytes(): Promise<number>;
  /** Removes it with all that is in it. */
  drop(): Promise<void>;
}

/** Makes an empty bucket. Less than 1,000 objects fit what is asked for here. */
export async function createTestBucket(server: SharedS3): Promise<TestBucket> {
  const Bucket = uniqueName("e2e").replace("_", "-");
  await server.createBucket(Bucket);
  const client = s3ClientFor(server);

  const keys = async (): Promise<string[]> => {
    const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket }));
    return Contents.map(({ Key = "" }) => Key).toSorted();
  };
  const uploads = async (): Promise<{ Bucket: string; Key: string; UploadId: string }[]> => {
    const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket }));
    return Uploads.map(({ Key = "", UploadId = "" }) => ({ Bucket, Key, UploadId }));
  };
  const remove = async (Key: string): Promise<void> => {
    await client.send(new DeleteObjectCommand({ Bucket, Key }));
  };

  return {
    name: Bucket,
    server,
    environment: {
      DATAOPS_STORAGE: `s3://${Bucket}`,
      AWS_ENDPOINT_URL_S3: server.endpoint,
      AWS_REGION: server.region,
      AWS_ACCESS_KEY_ID: server.accessKeyId,
      AWS_SECRET_ACCESS_KEY: server.secretAccessKey,
    },
    keys,
    read: async (Key) => {
      const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }));
      return Buffer.from((await Body?.transformToByteArray()) ?? []);
    },
    write: async (Key, Body) => {
      await client.send(new PutObjectCommand({ Bucket, Key, Body }));
    },
    remove,
    openUploads: async () => (await uploads()).map(({ Key }) => Key),
    uploadedBytes: async () => {
      const listed = (await uploads()).map((upload) => client.send(new ListPartsCommand(upload)));
      const parts = (await Promise.all(listed)).flatMap(({ Parts = [] }) => Parts);
      return parts.reduce((sum, { Size = 0 }) => sum + Size, 0);
    },
    drop: async () => {
      for (const upload of await uploads()) await client.send(new AbortMultipartUploadCommand(upload));
      await Promise.all((await keys()).map(remove));
      await client.send(new DeleteBucketCommand({ Bucket }));
      client.destroy();
    },
  };
}
