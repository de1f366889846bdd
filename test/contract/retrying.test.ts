import { openFileStorage } from "../../src/storage/file.ts";
import { retrying } from "../../src/storage/retrying.ts";
import { openTestStorage, TEST_BUCKET } from "../support/s3-storage.ts";
import { sharedS3 } from "../support/shared-servers.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { describeStorage } from "./storage.ts";

describeStorage(
  "a file storage with retries",
  async (prefix) => retrying(openFileStorage(await temporaryFolder(prefix))),
  { conditionalWrites: true, listsUploads: true },
);

describeStorage(
  "an S3 storage on Ceph with retries",
  async (prefix) => {
    const server = await sharedS3("ceph");
    await server.createBucket(TEST_BUCKET);
    return retrying(openTestStorage(server, prefix));
  },
  { conditionalWrites: true, listsUploads: true },
);
