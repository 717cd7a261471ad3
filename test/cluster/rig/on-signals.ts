import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { REPOSITORY } from './paths.ts';
import { killRunning } from './shell.ts';

/**
 * On SIGINT, SIGTERM or SIGHUP nothing more is started and the cluster is taken down, by a process of its own while this one
 * stands still: whatever this one was in the middle of cannot come in between.
 */
export function tearDownOnSignals(): void {
  const numbers = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;
  for (const [signal, number] of Object.entries(numbers)) {
    process.on(signal, () => {
      process.stdout.write(`\n${signal}: taking the cluster down …\n`);
      killRunning();
      const { status } = spawnSync('setsid', ['--wait', process.execPath, join(REPOSITORY, 'scripts/cluster.ts'), 'down'], {
        // A session of its own: a second Ctrl-C shall not end the clean-up.
        stdio: ['ignore', 'inherit', 'inherit'],
      });
      process.exit(status === 0 ? 128 + number : 1);
    });
  }
}
