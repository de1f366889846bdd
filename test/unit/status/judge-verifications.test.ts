import { FRESH, HOUR, testJudgements, type JudgementCase } from "../../support/judgements.ts";
import { exampleBackup, exampleVerification } from "../../support/status-facts.ts";

const VERIFICATIONS: JudgementCase[] = [
  { name: "never, and nobody asks", facts: {}, findings: [FRESH] },
  {
    name: "never",
    facts: {},
    expected: { maxVerificationAge: 168 * HOUR },
    findings: [FRESH, "warning: no backup has passed a verification; one should every 7 d 0 h"],
  },
  {
    name: "in time",
    facts: { verifications: [exampleVerification(168)] },
    expected: { maxVerificationAge: 168 * HOUR },
    findings: [FRESH],
  },
  {
    name: "too long ago",
    facts: { verifications: [exampleVerification(169)] },
    expected: { maxVerificationAge: 168 * HOUR },
    findings: [FRESH, "warning: a backup last passed a verification 7 d 1 h ago, more than 7 d 0 h"],
  },
  {
    name: "the last one failed, asked for or not",
    facts: { verifications: [exampleVerification(1, { state: "failed", message: "pack 3 is\ncut" })] },
    findings: [FRESH, "critical: backup 20261120T100000Z-k3v9qa failed its verification: pack 3 is cut"],
  },
  {
    name: "an earlier one failed, and another backup has passed since",
    facts: {
      verifications: [
        exampleVerification(1, { backup: exampleBackup(2).id }),
        exampleVerification(9, { state: "failed", message: "cut" }),
      ],
    },
    findings: [FRESH, "warning: backup 20261120T100000Z-k3v9qa failed its verification: cut"],
  },
  {
    name: "the newest good backup failed, and an older one has passed since",
    facts: {
      verifications: [
        exampleVerification(0.5),
        exampleVerification(1, { backup: exampleBackup(2).id, state: "failed" }),
      ],
    },
    findings: [FRESH, "critical: backup 20261121T100000Z-k3v9qa failed its verification"],
  },
  {
    name: "could not be carried out: never passed, never failed",
    facts: { verifications: [exampleVerification(1, { state: "not-run", message: "no room" })] },
    expected: { maxVerificationAge: 168 * HOUR },
    findings: [
      FRESH,
      "warning: the last verification, of backup 20261120T100000Z-k3v9qa, could not be carried out: no room",
      /no backup has passed/,
    ],
  },
  {
    name: "results that cannot be read",
    facts: { unreadableVerifications: ["production/backups/a/verification.json", "b"] },
    findings: [
      FRESH,
      "warning: what a verification came to cannot be read: production/backups/a/verification.json (and 1 more)",
    ],
  },
  {
    name: "could not be carried out, and did not undo that it failed before",
    facts: {
      verifications: [
        exampleVerification(1, { state: "not-run" }),
        exampleVerification(2, { state: "failed" }),
      ],
    },
    findings: [FRESH, /^critical: .* failed its verification/, /^warning: .* could not be carried out/],
  },
];

testJudgements(VERIFICATIONS);
