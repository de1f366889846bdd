import { describe, expect, test } from "vitest";
import { displayOf, paint, visibleLength } from "../../../src/observe/display.ts";

const TERMINAL = { isTTY: true, columns: 120 };

describe("what a stream shows", () => {
  test.each([
    {
      name: "a terminal with a UTF-8 locale",
      environment: { LANG: "en_US.UTF-8" },
      unicode: true,
      color: true,
    },
    { name: "another spelling", environment: { LANG: "de_DE.utf8" }, unicode: true, color: true },
    { name: "no locale", environment: {}, unicode: false, color: true },
    { name: "the C locale", environment: { LANG: "C" }, unicode: false, color: true },
    {
      name: "LC_ALL before LANG",
      environment: { LANG: "en_US.UTF-8", LC_ALL: "C" },
      unicode: false,
      color: true,
    },
    {
      name: "LC_CTYPE before LANG, and an empty LC_ALL is none",
      environment: { LANG: "C", LC_CTYPE: "C.UTF-8", LC_ALL: "" },
      unicode: true,
      color: true,
    },
    {
      name: "NO_COLOR",
      environment: { LANG: "C.UTF-8", NO_COLOR: "1" },
      unicode: true,
      color: false,
    },
    {
      name: "an empty NO_COLOR is none",
      environment: { LANG: "C.UTF-8", NO_COLOR: "" },
      unicode: true,
      color: true,
    },
    {
      name: "a dumb terminal",
      environment: { LANG: "C.UTF-8", TERM: "dumb" },
      unicode: false,
      color: false,
    },
  ])("$name", ({ environment, unicode, color }) => {
    expect(displayOf(TERMINAL, environment)).toMatchObject({ columns: 120, unicode, color });
  });

  test("a pipe has no colours, and the usual width", () => {
    expect(displayOf({}, { LANG: "C.UTF-8" })).toMatchObject({ columns: 80, unicode: true, color: false });
  });

  test("no colours where the command line wants none", () => {
    expect(displayOf(TERMINAL, {}, false).color).toBe(false);
  });
});

test("a colour takes no room", () => {
  const painted = paint("✓ ok", "green", { color: true });
  expect(painted).toBe("\u001B[32m✓ ok\u001B[39m");
  expect(visibleLength(painted)).toBe(4);
  expect(paint("✓ ok", "green", { color: false })).toBe("✓ ok");
});
