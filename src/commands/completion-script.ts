import { commandName, COMMANDS } from "./index.ts";
import { describeCommand, type CommandDescription } from "./describe.ts";

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/**
 * The completion script of a shell. All there is to know stands in the script: pressing Tab starts no process.
 */
export async function completionScript(shell: Shell): Promise<string> {
  const commands = await Promise.all(COMMANDS.map(describeCommand));
  if (shell === "bash") return bash(commands);
  if (shell === "zsh") return zsh(commands);
  return fish(commands);
}

function bash(commands: readonly CommandDescription[]): string {
  const cases = commands.map((command) => `    ${command.name}) words="${wordsAfter(command).join(" ")}" ;;`);
  return `# bash completion for dataops
_dataops() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="" command="" words="" word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    if [[ -z "$command" && "$word" != -* && "$previous" != --config ]]; then command="$word"; fi
    previous="$word"
  done
  COMPREPLY=()
  if [[ "$previous" == --config ]]; then
    while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -f -- "$current")
    return
  fi
  case "$command" in
${cases.join("\n")}
    "") words="${COMMANDS.map(commandName).join(" ")} --help --version --config --json --quiet" ;;
  esac
  while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -W "$words" -- "$current")
}
complete -F _dataops dataops`;
}

function zsh(commands: readonly CommandDescription[]): string {
  const names = commands.map(({ name, summary }) => `    ${quote(`${name}:${summary}`)}`);
  const cases = commands.map((command) => {
    const options = command.options.map(({ name, description }) =>
      quote(`--${name}[${description.replaceAll(/[[\]:]/g, " ")}]`),
    );
    const choices = command.choices.length === 0 ? [] : [quote(`*:value:(${command.choices.join(" ")})`)];
    return `    ${command.name}) _arguments ${[...options, ...choices].join(" ")} ;;`;
  });
  return `#compdef dataops
_dataops() {
  local -a commands
  commands=(
${names.join("\n")}
  )
  if ((CURRENT == 2)); then
    _describe command commands
    return
  fi
  case "\${words[2]}" in
${cases.join("\n")}
  esac
}
# From a folder of fpath it is called at once; sourced, it has to be told what it is for.
if [ "\${funcstack[1]}" = _dataops ]; then _dataops "$@"; else compdef _dataops dataops; fi`;
}

function fish(commands: readonly CommandDescription[]): string {
  const lines = commands.flatMap(({ name, summary, options, choices }) => [
    `complete -c dataops -n __fish_use_subcommand -a ${name} -d ${quote(summary)}`,
    ...options.map(
      (option) =>
        `complete -c dataops -n ${quote(`__fish_seen_subcommand_from ${name}`)} -l ${option.name} -d ${quote(option.description)}`,
    ),
    ...(choices.length === 0
      ? []
      : [
          `complete -c dataops -n ${quote(`__fish_seen_subcommand_from ${name}`)} -a ${quote(choices.join(" "))}`,
        ]),
  ]);
  return ["# fish completion for dataops", "complete -c dataops -f", ...lines].join("\n");
}

function wordsAfter({ options, choices }: CommandDescription): string[] {
  return [...choices, ...options.map(({ name }) => `--${name}`)];
}

/** For a POSIX shell and for fish alike: inside single quotes only the quote itself needs care. */
function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
