import { BucketAlreadyOwnedByYou, CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import type { S3Description } from "./server-broker.ts";

export { startCeph } from "./ceph.ts";
export { startFauxqs } from "./fauxqs.ts";

/** A throwaway S3 server, or one that is not ours and that `stop` leaves alone. Addressed by path. */
export interface S3Server extends S3Description {
  /** Makes a bucket; one that is there already is no error. */
  createBucket(name: string): Promise<void>;
  /** Ends it and removes all that it kept. */
  stop(): Promise<void>;
}

/** The S3 server that `TEST_S3_ENDPOINT` names, with its keys beside; undefined where it names none. */
export function externalS3(environment: NodeJS.ProcessEnv): S3Server | undefined {
  const endpoint = environment["TEST_S3_ENDPOINT"];
  if (endpoint === undefined || endpoint === "") return undefined;
  const description: S3Description = {
    endpoint,
    region: environment["TEST_S3_REGION"] ?? "us-east-1",
    accessKeyId: required(environment, "TEST_S3_ACCESS_KEY_ID"),
    secretAccessKey: required(environment, "TEST_S3_SECRET_ACCESS_KEY"),
  };
  return {
    ...description,
    createBucket: (name) => createBucket(description, name),
    stop: () => Promise.resolve(),
  };
}

/** Makes a bucket over S3 itself. */
export async function createBucket(server: S3Description, name: string): Promise<void> {
  const client = s3ClientFor(server);
  try {
    await client.send(new CreateBucketCommand({ Bucket: name }));
  } catch (error) {
    if (!(error instanceof BucketAlreadyOwnedByYou)) throw error;
  } finally {
    client.destroy();
  }
}

/** A plain client, for what a test must do or see behind the back of the code under test. */
export function s3ClientFor({ endpoint, region, accessKeyId, secretAccessKey }: S3Description): S3Client {
  return new S3Client({
    endpoint,
    region,
    credentials: { accessKeyId, secretAccessKey },
    forcePathStyle: true,
  });
}

function required(environment: NodeJS.ProcessEnv, name: string): string {
  const value = environment[name];
  if (value === undefined || value === "") throw new Error(`TEST_S3_ENDPOINT is set, and ${name} is not`);
  return value;
}
