import { openTestStorage, TEST_BUCKET } from "../support/s3-storage.ts";
import { sharedS3 } from "../support/shared-servers.ts";
import { describeStorage } from "./storage.ts";

describeStorage(
  "an S3 storage on fauxqs",
  async (prefix) => {
    const server = await sharedS3("fauxqs");
    await server.createBucket(TEST_BUCKET);
    return openTestStorage(server, prefix);
  },
  { conditionalWrites: false, listsUploads: false },
);
