import type { Command } from 'commander';
import type { Flag } from '../config/flags.ts';
import { DAEMON_FLAGS } from '../config/flags.ts';

/**
 * `convoy daemon` in the help. It never runs from here: main.ts starts the daemon without loading a CLI library, and comes
 * here for `--help` alone.
 */
export function addDaemon(program: Command): void {
  const daemon = program.command('daemon').description('serve CSI and this command on a unix socket');
  for (const [name, flag] of Object.entries(DAEMON_FLAGS) as [string, Flag][]) {
    // The program's own --endpoint says the same.
    if (name !== 'endpoint') daemon.option(`--${name} <${flag.value.toLowerCase()}>`, flag.description);
  }
  daemon.action(() => daemon.error('write "daemon" first: convoy daemon [options]'));
}
