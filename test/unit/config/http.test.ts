import { describe, expect, test } from "vitest";
import { loadText } from "../../support/config-file.ts";

const VARIABLES = { TOKEN: "s3ntinel-token-0123", PASSWORD: "s3ntinel/ word" };

const WHOLE = `http: { host: 0.0.0.0, port: "9090", token: "\${TOKEN}", basic: { user: ops, password: "\${PASSWORD}" } }`;

test("nothing has to be said of it", async () => {
  const { http } = await loadText("");
  expect([http.host, http.port, http.credentials]).toEqual(["127.0.0.1", 8080, undefined]);
});

test("all of it, with its variables put in when it is used", async () => {
  const { http } = await loadText(WHOLE, VARIABLES);
  expect([http.host, http.port]).toEqual(["0.0.0.0", 9090]);
  const credentials = http.credentials?.peek();
  expect(credentials?.token?.reveal()).toBe("s3ntinel-token-0123");
  expect(credentials?.basic?.user).toBe("ops");
  expect(credentials?.basic?.password.reveal()).toBe("s3ntinel/ word");
});

test("no secret shows, however it is printed", async () => {
  const { http, origins } = await loadText(WHOLE, VARIABLES);
  expect(JSON.stringify([origins, http, http.credentials?.peek()])).not.toContain("s3ntinel");
  expect(origins.find(({ path }) => path === "http.basic")).toMatchObject({
    shown: "[redacted]",
    origin: expect.stringContaining(", from ${PASSWORD}") as unknown,
  });
});

test("a machine without the variables can do everything else", async () => {
  const { http } = await loadText(WHOLE);
  expect(http.port).toBe(9090);
  expect(() => http.credentials?.peek()).toThrow(
    "http.token in dataops.config.yaml: the variable TOKEN is not set",
  );
});

describe("PORT", () => {
  test("wins, with and without a file", async () => {
    expect((await loadText("http: { port: 9090 }", { PORT: "3000" })).http.port).toBe(3000);
    expect((await loadText("", { PORT: "0" })).http.port).toBe(0);
  });

  test.for(["65536", "x", "-1", "80 ", "1e3"])(
    "that is none matters to the daemon alone: %j",
    async (PORT) => {
      const { http } = await loadText("", { PORT });
      expect(http.host).toBe("127.0.0.1");
      expect(() => http.port).toThrow("PORT: expected a whole number from 0 to 65535");
    },
  );
});

describe("what is wrong is told with its place, and without the value", () => {
  test.for([
    ["{ hots: s3ntinel }", 'http: unknown key "hots", did you mean host?'],
    ["{ host: s3ntinel.example.com }", "http.host: expected an IP address, or localhost"],
    ["{ port: 65536 }", "http.port: expected a whole number from 0 to 65535"],
    ["{ basic: { user: s3ntinel } }", "http.basic.password: is missing"],
    ["{ basic: s3ntinel }", "http.basic: expected keys and values"],
    ["{ token: '' }", "http.token"],
  ] as const)("%s", async ([text, expected]) => {
    const error = await loadText(`http: ${text}`).catch(String);
    expect(error).toContain(expected);
    expect(error).not.toContain("s3ntinel");
  });

  test.for([
    ["{ token: s3ntinel }", "http.token in dataops.config.yaml: expected 16 characters or more"],
    [
      "{ token: 's3ntinel with blanks' }",
      "http.token in dataops.config.yaml: expected 16 characters or more",
    ],
    [
      "{ basic: { user: ops, password: s3nt } }",
      "http.basic.password in dataops.config.yaml: expected 8 characters",
    ],
    [
      "{ basic: { user: 'a:b', password: s3ntinel } }",
      "http.basic.user in dataops.config.yaml: expected a name",
    ],
  ] as const)("%s", async ([text, expected]) => {
    const { http } = await loadText(`http: ${text}`);
    expect(() => http.credentials?.peek()).toThrow(expected);
    expect(() => http.credentials?.peek()).not.toThrow("s3nt");
  });
});
