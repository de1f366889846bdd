import { expect, test } from "vitest";
import { recordingIn, recordingOf, saysTheSame, withRecording } from "../../../scripts/demo/recording.ts";

const DEMO = `
1. Two servers
   $ cat dataops.config.yaml
   storage: s3://shop-backups

2. Back production up
   $ dataops backup production
   warning: s3://shop-backups has no real conditional writes: it created an object that was there
   backup 20261121T193942Z-t91gh8 of production: 8 tables, 863 kB stored, in 0.6 s
   exit code 0, 3.2 s
   a note

3. Try it on the wrong database
   $ LOCAL_DATABASE_URL=$DATABASE_URL dataops fetch-latest-db --yes
   error: no
   exit code 13, 1.3 s
`;

const RECORDING = `\
$ dataops backup production
backup 20261121T040000Z-k3v9qa of production: 8 tables, 863 kB stored, in 0.6 s

$ LOCAL_DATABASE_URL=$DATABASE_URL dataops fetch-latest-db --yes
error: no
$ echo $?
13`;

test("a recording has dataops' commands and what they said, without what differs from run to run", () => {
  expect(recordingOf(DEMO)).toBe(RECORDING);
});

test("a page gives back the recording that was put into it", () => {
  const page =
    "# A page\n\n<!-- recording: made by `npm run docs:recording` -->\n<!-- recording: end -->\n\nMore.\n";
  const once = withRecording(page, RECORDING);
  expect(recordingIn(once)).toBe(RECORDING);
  expect(withRecording(once, RECORDING)).toBe(once);
  expect(() => recordingIn("# Another page")).toThrow("there is no place");
});

test.for([
  ["a size and a time", "863 kB stored, in 0.6 s", "870 kB stored, in 1 min 2 s", true],
  ["how wide a column is", "  AGE  STORED", "   AGE  STORED", true],
  ["a count", "8 tables", "9 tables", false],
  ["words", "is kept", "was kept", false],
] as const)("recordings that differ in %s", ([, left, right, same]) => {
  expect(saysTheSame(left, right)).toBe(same);
});
