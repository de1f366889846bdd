import { describe, expect } from "vitest";
import { environmentOf, expectOneLine, test } from "../../support/e2e-test.ts";
import { freePort } from "../../support/ports.ts";
import { urlFor } from "../../support/postgres-servers.ts";

describe("what cannot be reached, or will not have us", () => {
  test("a wrong password: said, and not repeated", async ({ database, bucket, dataops }) => {
    const password = "wr0ng@:/#%&'$ pass\"word";
    const { server, name } = database;
    const ended = await dataops.run(["backup"], {
      environment: environmentOf(database, bucket, { DATABASE_URL: urlFor(server, name, { password }) }),
    });
    expect(ended, ended.stderr).toMatchObject({ code: 12, stdout: "" });
    expectOneLine(ended);
    expect(ended.stderr).not.toContain("wr0ng");
    expect(await bucket.keys()).toEqual([]);
  });

  test("a host where nobody listens", async ({ database, bucket, dataops }) => {
    const port = await freePort();
    const ended = await dataops.run(["backup"], {
      environment: environmentOf(database, bucket, {
        DATABASE_URL: urlFor({ ...database.server, port }, database.name),
      }),
    });
    expect(ended, ended.stderr).toMatchObject({ code: 16, stdout: "" });
    expectOneLine(ended);
    expect(ended.stderr).toContain(String(port));
  });

  test("a database that the server does not have", async ({ database, bucket, dataops }) => {
    const ended = await dataops.run(["backup"], {
      environment: environmentOf(database, bucket, { DATABASE_URL: urlFor(database.server, "no_such") }),
    });
    expect(ended, ended.stderr).toMatchObject({ code: 16, stdout: "" });
    expectOneLine(ended);
    expect(ended.stderr).toContain("no_such");
  });

  test("a database that the configuration does not have", async ({ database, bucket, dataops }) => {
    const ended = await dataops.run(["backup", "prodution"], {
      environment: environmentOf(database, bucket),
    });
    expect(ended, ended.stderr).toMatchObject({ code: 2, stdout: "" });
    expectOneLine(ended);
    expect(ended.stderr).toContain("production");
  });

  test("a bucket that does not exist", async ({ database, bucket, dataops }) => {
    const missing = `${bucket.name}-missing`;
    const environment = environmentOf(database, bucket, { DATAOPS_STORAGE: `s3://${missing}` });
    const ended = await dataops.run(["backup", "--json"], { environment });
    expect(ended, ended.stderr).toMatchObject({ code: 2 });
    expect(ended.json()).toMatchObject({
      error: {
        exit: "usage",
        message: expect.stringContaining(missing) as unknown,
        hint: expect.stringMatching(/bucket/) as unknown,
      },
    });
    const told = await dataops.run(["list"], { environment });
    expect(told, told.stderr).toMatchObject({ code: 2, stdout: "" });
    expectOneLine(told);
  });

  test("a storage whose keys are wrong", async ({ database, bucket, dataops }) => {
    const environment = environmentOf(database, bucket, { AWS_SECRET_ACCESS_KEY: "wr0ng/secret+key" });
    const ended = await dataops.run(["backup"], { environment });
    expect(ended, ended.stderr).toMatchObject({ code: 12, stdout: "" });
    expectOneLine(ended);
    expect(ended.stderr).not.toContain("wr0ng");
  });
});
