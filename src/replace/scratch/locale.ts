import type { ManifestSource } from "../../repository/manifest.ts";
import { quoteLiteral } from "../../postgres/quote.ts";

/** Encoding and locale of the database that a restore builds in. Pure. */

export type SourceLocale = Pick<
  ManifestSource,
  "encoding" | "collate" | "characterType" | "localeProvider" | "locale"
>;

export interface LocaleAttempt {
  /** Options of `CREATE DATABASE`. */
  options: string;
  /** Names the locale in messages. */
  description: string;
  /** Whether text sorts and compares as it did at the source. */
  asSource: boolean;
}

/** `server_version_num` of the first release that takes a provider for a database, and of the first with its own. */
const FIRST_WITH_PROVIDERS = 150_000;
const FIRST_WITH_BUILTIN = 170_000;

/** Locales without a language, which every server since PostgreSQL 9 has in one way or another. */
const NEUTRAL_LOCALES = ["C.UTF-8", "C"];

/**
 * How to make the database, best first: as the source was, under the locale's other spellings, then with a locale that
 * sorts otherwise. The first that the server takes will do. The encoding is the source's in all of them.
 */
export function localeAttempts(source: SourceLocale, serverVersion: number): LocaleAttempt[] {
  const attempts = [
    ...providerAttempts(source, serverVersion),
    ...libraryAttempts(source, serverVersion, spellings(nearestLibraryLocale(source)), isOfLibrary(source)),
    ...libraryAttempts(source, serverVersion, NEUTRAL_LOCALES.map(both), false),
  ];
  return attempts.filter(
    ({ options }, index) => attempts.findIndex((other) => other.options === options) === index,
  );
}

/** With ICU or the server's own provider. None where the source used neither, or the server has it not. */
function providerAttempts(source: SourceLocale, serverVersion: number): LocaleAttempt[] {
  const { localeProvider, locale } = source;
  if (locale === null) return [];
  const provider = providerOptions(localeProvider, locale, serverVersion);
  if (provider === undefined) return [];
  // What the provider does not do still goes by the C library, whose locales differ between systems.
  return [...spellings(source), ...NEUTRAL_LOCALES.map(both)].map((libraryLocale) => ({
    options: `${encoding(source)} ${provider} ${library(libraryLocale)}`,
    description: `${localeProvider === "i" ? "ICU" : "builtin"} locale ${locale}`,
    asSource: true,
  }));
}

function providerOptions(provider: string, locale: string, serverVersion: number): string | undefined {
  if (provider === "i" && serverVersion >= FIRST_WITH_PROVIDERS)
    return `LOCALE_PROVIDER icu ICU_LOCALE ${quoteLiteral(locale)}`;
  if (provider === "b" && serverVersion >= FIRST_WITH_BUILTIN)
    return `LOCALE_PROVIDER builtin BUILTIN_LOCALE ${quoteLiteral(locale)}`;
  return undefined;
}

function libraryAttempts(
  source: SourceLocale,
  serverVersion: number,
  locales: readonly LibraryLocale[],
  asSource: boolean,
): LocaleAttempt[] {
  // Said in so many words, or the template's provider would decide.
  const provider = serverVersion >= FIRST_WITH_PROVIDERS ? "LOCALE_PROVIDER libc " : "";
  return locales.map((locale) => ({
    options: `${encoding(source)} ${provider}${library(locale)}`,
    description: `locale ${locale.collate}`,
    asSource,
  }));
}

function isOfLibrary({ localeProvider }: SourceLocale): boolean {
  return localeProvider !== "i" && localeProvider !== "b";
}

/** The builtin locales have namesakes in the C library; an ICU locale's nearest is what stands beside it. */
function nearestLibraryLocale({
  localeProvider,
  locale,
  collate,
  characterType,
}: SourceLocale): LibraryLocale {
  return localeProvider === "b" && locale !== null ? both(locale) : { collate, characterType };
}

function encoding(source: SourceLocale): string {
  return `ENCODING ${quoteLiteral(source.encoding)}`;
}

function library({ collate, characterType }: LibraryLocale): string {
  return `LC_COLLATE ${quoteLiteral(collate)} LC_CTYPE ${quoteLiteral(characterType)}`;
}

interface LibraryLocale {
  collate: string;
  characterType: string;
}

function both(locale: string): LibraryLocale {
  return { collate: locale, characterType: locale };
}

/** Linux says `en_US.utf8` or `en_US.UTF-8`, macOS only the latter, and musl has its own. */
function spellings({ collate, characterType }: LibraryLocale): LibraryLocale[] {
  return [
    { collate, characterType },
    { collate: respell(collate, "UTF-8"), characterType: respell(characterType, "UTF-8") },
    { collate: respell(collate, "utf8"), characterType: respell(characterType, "utf8") },
  ];
}

function respell(locale: string, codeset: string): string {
  return locale.replace(/\.utf-?8(?=@|$)/i, `.${codeset}`);
}
