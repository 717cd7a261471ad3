import type { Command } from 'commander';
import { invalid } from '../convoy/errors.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

/**
 * Around the library's script for bash: its constants cannot be set twice, as when ~/.bashrc is read again, and it asks for a function of
 * the bash-completion package, which not every server has.
 */
const BASH_BEFORE = `if ! declare -F __convoy_complete >/dev/null; then
if ! declare -F _get_comp_words_by_ref >/dev/null; then
_get_comp_words_by_ref() {
    words=("\${COMP_WORDS[@]}")
    cword=$COMP_CWORD
    cur=\${words[cword]}
    prev=\${words[cword-1]}
}
fi
`;
const BASH_AFTER = `fi
`;

/** In the help of every call; `completeFor` replaces it when it is meant. */
export function addCompletion(program: Command): void {
  program
    .command('completion')
    .description('a script that completes this command: source <(convoy completion bash)')
    .argument('<shell>', SHELLS.join(', '))
    .action(async (shell: string) => {
      if (!(SHELLS as readonly string[]).includes(shell))
        throw invalid(`shell is ${JSON.stringify(shell)}; allowed are ${SHELLS.join(', ')}`);
      const { default: tab } = await import('@bomb.sh/tab');
      if (shell === 'bash') process.stdout.write(BASH_BEFORE);
      tab.setup('convoy', 'convoy', shell);
      if (shell === 'bash') process.stdout.write(BASH_AFTER);
    });
}

/** Answers the shell's question, `convoy complete -- volumes cr`, on stdout. */
export async function completeFor(program: Command, words: readonly string[]): Promise<void> {
  const { default: attach } = await import('@bomb.sh/tab/commander');
  const { default: tab } = await import('@bomb.sh/tab');
  attach(program);
  tab.parse([...words]);
}
