import type { Command } from 'commander';
import { invalid } from '../convoy/errors.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

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
      tab.setup('convoy', 'convoy', shell);
    });
}

/** Answers the shell's question, `convoy complete -- volumes cr`, on stdout. */
export async function completeFor(program: Command, words: readonly string[]): Promise<void> {
  const { default: attach } = await import('@bomb.sh/tab/commander');
  const { default: tab } = await import('@bomb.sh/tab');
  attach(program);
  tab.parse([...words]);
}
