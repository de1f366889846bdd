import { afterAll, afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { z } from "zod";
import { parseSecretReference } from "../../../src/config/secret-reference.ts";
import { secretSource } from "../../../src/secrets/secret-source.ts";
import { answerWith, hang, startReceiver, type Answer } from "../../support/http-receiver.ts";
import { startMoto, type Moto } from "../../support/moto.ts";
import { availableOrSkip } from "../../support/programs-or-skip.ts";

const REGION = "eu-west-1";

let started: Promise<Moto> | undefined;

beforeEach(() => {
  vi.stubEnv("AWS_ACCESS_KEY_ID", "test");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "s3ntinel");
  vi.stubEnv("AWS_REGION", REGION);
});

afterEach(() => {
  vi.unstubAllEnvs();
});

afterAll(async () => (await started?.catch(() => undefined))?.[Symbol.asyncDispose]());

function read(text: string, { deadline = 20_000, signal }: { deadline?: number; signal?: AbortSignal } = {}) {
  const reference = parseSecretReference(text);
  if (reference === undefined) throw new Error("it is one");
  return secretSource({ environment: process.env, now: Date.now, deadline }).read(reference, signal);
}

describe("a stand-in for AWS", () => {
  let moto: Moto;

  beforeEach(async (context) => {
    moto = await availableOrSkip(context, () => (started ??= startMoto(REGION)));
    vi.stubEnv("AWS_ENDPOINT_URL", moto.url);
  });

  const secret = (action: string, body: object): Promise<unknown> =>
    moto.call("secretsmanager", `secretsmanager.${action}`, body);
  const parameter = (body: object): Promise<unknown> =>
    moto.call("ssm", "AmazonSSM.PutParameter", { Type: "SecureString", ...body });

  test("gives secrets by name and by ARN, whole and by key, also as they were rotated", async () => {
    const SecretString = JSON.stringify({ username: "app", password: "p#1", port: 5432 });
    const created = await secret("CreateSecret", { Name: "prod/app", SecretString });
    const { ARN: arn } = z.object({ ARN: z.string() }).parse(created);
    expect(await read("secretsmanager:prod/app")).toBe(SecretString);
    expect(await read("secretsmanager:prod/app#password")).toBe("p#1");
    expect(await read(`secretsmanager:${arn}#port`)).toBe("5432");
    await secret("PutSecretValue", { SecretId: "prod/app", SecretString: '{"password":"rotated"}' });
    expect(await read("secretsmanager:prod/app#password")).toBe("rotated");
    // In the region that the ARN names, not in ours.
    vi.stubEnv("AWS_REGION", "us-east-1");
    expect(await read(`secretsmanager:${arn}#password`)).toBe("rotated");
    await expect(read("secretsmanager:prod/app")).rejects.toMatchObject({
      exit: "usage",
      message: "cannot read secretsmanager:prod/app: there is no such secret in us-east-1",
    });
  });

  test("gives parameters decrypted, and by version", async () => {
    await parameter({ Name: "/app/url", Value: "postgres://db/first" });
    await parameter({ Name: "/app/url", Value: "postgres://db/second", Overwrite: true });
    expect(await read("ssm:/app/url")).toBe("postgres://db/second");
    expect(await read("ssm:/app/url:1")).toBe("postgres://db/first");
    await expect(read("ssm:/app/missing")).rejects.toMatchObject({
      exit: "usage",
      message: "cannot read ssm:/app/missing: there is no such parameter in eu-west-1",
    });
  });

  test("has secrets that cannot be used", async () => {
    await secret("CreateSecret", {
      Name: "binary",
      SecretBinary: Buffer.from("s3ntinel").toString("base64"),
    });
    await expect(read("secretsmanager:binary")).rejects.toThrow("it is binary");
    await secret("CreateSecret", { Name: "gone", SecretString: "s3ntinel" });
    await secret("DeleteSecret", { SecretId: "gone" });
    await expect(read("secretsmanager:gone")).rejects.toMatchObject({
      exit: "usage",
      message: expect.stringContaining("it is marked for deletion") as unknown,
    });
  });
});

describe("AWS as it fails", () => {
  async function failing(answer: Answer): Promise<{ count: () => number }> {
    const receiver = await startReceiver(answer);
    onTestFinished(() => receiver[Symbol.asyncDispose]());
    vi.stubEnv("AWS_ENDPOINT_URL", receiver.origin);
    return { count: () => receiver.received.length };
  }

  function refusal(type: string, message: string): Answer {
    return answerWith(400, JSON.stringify({ __type: type, message }), {
      "content-type": "application/x-amz-json-1.1",
      "x-amzn-errortype": type,
    });
  }

  test("no permission: what is lacking, on what", async () => {
    await failing(
      refusal(
        "AccessDeniedException",
        "User: arn:aws:iam::1:user/x is not authorized to perform: ssm:GetParameter on resource: arn:aws:ssm:eu-west-1:1:parameter/app because no policy allows it",
      ),
    );
    await expect(read("ssm:/app")).rejects.toMatchObject({
      exit: "notPermitted",
      message: "cannot read ssm:/app: access denied",
      hint: "allow ssm:GetParameter on arn:aws:ssm:eu-west-1:1:parameter/app",
    });
  });

  test("too many requests: a few tries, and an end", async () => {
    const { count } = await failing(refusal("ThrottlingException", "Rate exceeded"));
    await expect(read("secretsmanager:app")).rejects.toMatchObject({
      exit: "unreachable",
      message: "cannot read secretsmanager:app: AWS asks to slow down",
    });
    expect(count()).toBe(3);
  });

  test("no answer: an end, and an earlier one by an abort", async () => {
    await failing(hang);
    await expect(read("secretsmanager:app", { deadline: 300 })).rejects.toMatchObject({
      exit: "unreachable",
      message: "cannot read secretsmanager:app: no answer in time",
    });
    const controller = new AbortController();
    const reading = read("ssm:/app", { signal: controller.signal });
    const reason = new Error("stop now");
    controller.abort(reason);
    await expect(reading).rejects.toBe(reason);
  });

  test("no region, no credentials", async () => {
    vi.stubEnv("AWS_REGION", undefined);
    vi.stubEnv("AWS_CONFIG_FILE", "/nonexistent");
    vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent");
    await expect(read("ssm:/app")).rejects.toMatchObject({
      exit: "usage",
      hint: expect.stringMatching(/^set AWS_REGION/),
    });
    vi.stubEnv("AWS_REGION", REGION);
    vi.stubEnv("AWS_ACCESS_KEY_ID", undefined);
    vi.stubEnv("AWS_SECRET_ACCESS_KEY", undefined);
    vi.stubEnv("AWS_EC2_METADATA_DISABLED", "true");
    await expect(read("ssm:/app")).rejects.toMatchObject({
      exit: "notPermitted",
      message: "cannot read ssm:/app: no AWS credentials were found",
    });
  });
});
