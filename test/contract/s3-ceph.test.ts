import { openTestStorage, TEST_BUCKET } from "../support/s3-storage.ts";
import { sharedS3 } from "../support/shared-servers.ts";
import { describeStorage } from "./storage.ts";

describeStorage(
  "an S3 storage on Ceph",
  async (prefix) => {
    const server = await sharedS3("ceph");
    await server.createBucket(TEST_BUCKET);
    return openTestStorage(server, prefix);
  },
  { conditionalWrites: true, listsUploads: true },
);
