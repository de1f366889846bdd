import { describe, expect, test } from "vitest";
import { localeAttempts, type SourceLocale } from "../../../src/replace/scratch/locale.ts";

function source(changes: Partial<SourceLocale>): SourceLocale {
  return {
    encoding: "UTF8",
    collate: "en_US.UTF-8",
    characterType: "en_US.UTF-8",
    localeProvider: "c",
    locale: null,
    ...changes,
  };
}

const shown = (attempts: ReturnType<typeof localeAttempts>): string[] =>
  attempts.map(
    ({ options, asSource }) => `${asSource ? "same" : "other"} ${options.replace("ENCODING 'UTF8' ", "")}`,
  );

describe("localeAttempts", () => {
  test.for([
    {
      name: "the C library's, on a server without providers",
      from: {},
      version: 140_000,
      expected: [
        "same LC_COLLATE 'en_US.UTF-8' LC_CTYPE 'en_US.UTF-8'",
        "same LC_COLLATE 'en_US.utf8' LC_CTYPE 'en_US.utf8'",
        "other LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8'",
        "other LC_COLLATE 'C' LC_CTYPE 'C'",
      ],
    },
    {
      name: "C, which every server has",
      from: { collate: "C", characterType: "C" },
      version: 180_000,
      expected: [
        "same LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'C'",
        "other LOCALE_PROVIDER libc LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8'",
      ],
    },
    {
      name: "builtin, on a server without it",
      from: { localeProvider: "b", locale: "C.UTF-8" },
      version: 160_000,
      expected: [
        "other LOCALE_PROVIDER libc LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8'",
        "other LOCALE_PROVIDER libc LC_COLLATE 'C.utf8' LC_CTYPE 'C.utf8'",
        "other LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'C'",
      ],
    },
  ])("$name", ({ from, version, expected }) => {
    expect(shown(localeAttempts(source(from), version))).toEqual(expected);
  });

  test("ICU first, whatever the C library has, and then the library's nearest", () => {
    const attempts = shown(localeAttempts(source({ localeProvider: "i", locale: "de-AT" }), 150_000));
    expect(attempts[0]).toBe(
      "same LOCALE_PROVIDER icu ICU_LOCALE 'de-AT' LC_COLLATE 'en_US.UTF-8' LC_CTYPE 'en_US.UTF-8'",
    );
    expect(attempts.findIndex((attempt) => attempt.startsWith("other"))).toBe(4);
    expect(attempts[4]).toBe("other LOCALE_PROVIDER libc LC_COLLATE 'en_US.UTF-8' LC_CTYPE 'en_US.UTF-8'");
  });
});
