import { expect, test } from "vitest";
import { renderSetting } from "../../../src/replace/swap/database-settings.ts";

test.for([
  ["work_mem=8MB", `SET "work_mem" = '8MB'`],
  ["dataops.environment=staging", `SET "dataops"."environment" = 'staging'`],
  ["app.note=a=b, 'c'", `SET "app"."note" = 'a=b, ''c'''`],
  ["DateStyle=ISO, DMY", `SET "DateStyle" = 'ISO, DMY'`],
  ["search_path=app", `SET "search_path" = 'app'`],
  ['search_path="$user", public', `SET "search_path" = '$user', 'public'`],
  ['search_path="a ""b"", c",d', `SET "search_path" = 'a "b", c', 'd'`],
  ['search_path=""', `SET "search_path" = ''`],
  ["search_path=", `SET "search_path" = ''`],
  [
    "session_preload_libraries=auto_explain, other",
    `SET "session_preload_libraries" = 'auto_explain', 'other'`,
  ],
] as const)("the stored setting %s becomes %s", ([stored, rendered]) => {
  expect(renderSetting(stored)).toBe(rendered);
});
