import { openFileStorage } from "../../src/storage/file.ts";
import { temporaryFolder } from "../support/temporary-folder.ts";
import { describeStorage } from "./storage.ts";

describeStorage("a file storage", async (prefix) => openFileStorage(await temporaryFolder(prefix)), {
  conditionalWrites: true,
  listsUploads: true,
});
