import { randomBytes } from "node:crypto";
import type { Policy } from "../../src/deploy/iam-policy.ts";
import type { S3Description } from "./server-broker.ts";
import { ServerUnavailable } from "./server-unavailable.ts";
import { uniqueName } from "./postgres-test.ts";
import { sendSigned } from "./signed-request.ts";

/** A user of an S3 server who may do what one policy allows, and nothing else. */
export interface S3Role extends S3Description, AsyncDisposable {}

/**
 * Makes a user with this policy, as it stands. The server has to be a Ceph gateway whose keys may manage users.
 *
 * @throws ServerUnavailable where a server that is not ours lets no users be made
 */
export async function createS3Role(server: S3Description, policy: Policy): Promise<S3Role> {
  const uid = uniqueName("role");
  const keys = { accessKeyId: uid, secretAccessKey: randomBytes(16).toString("hex") };
  const user = { uid, "display-name": uid, "access-key": uid, "secret-key": keys.secretAccessKey };
  try {
    await sendSigned(server, { method: "PUT", path: "/admin/user", query: user });
  } catch (error) {
    if ((process.env["TEST_S3_ENDPOINT"] ?? "") === "") throw error;
    throw new ServerUnavailable("TEST_S3_ENDPOINT is no Ceph gateway whose keys may manage users", {
      cause: error,
    });
  }
  const form = {
    Action: "PutUserPolicy",
    UserName: uid,
    PolicyName: "dataops",
    PolicyDocument: JSON.stringify(policy),
  };
  await sendSigned(server, { method: "POST", path: "/", form });
  return {
    endpoint: server.endpoint,
    region: server.region,
    ...keys,
    [Symbol.asyncDispose]: async () => {
      await sendSigned(server, { method: "DELETE", path: "/admin/user", query: { uid } });
    },
  };
}
