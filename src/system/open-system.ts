import { BINARIES, type System } from './api.ts';
import { openBlockDevices } from './blocks.ts';
import { openCommands } from './commands.ts';
import { openFiles } from './files.ts';
import { openLoopDevices } from './loops.ts';
import { openMounts } from './mounts.ts';
import { openStats } from './stats.ts';
import { openSyscallClient } from './syscall-client.ts';
import { openTreeJobs } from './tree-jobs.ts';

export interface SystemOptions {
  /** Further binaries that drivers need, and their Debian packages. */
  readonly binaries?: Readonly<Record<string, string>>;
  /** Where binaries are looked for before the standard directories. */
  readonly path?: string;
}

/** Starts nothing yet: workers come with the first call that needs them. */
export function openSystem(options: SystemOptions = {}): System {
  // Two threads, because reserving or cloning an image can wait for a disk and no mount may wait for that.
  const fast = openSyscallClient();
  const slow = openSyscallClient({ idleMs: 10_000 });
  const jobs = openTreeJobs();
  const commands = openCommands({ ...BINARIES, ...options.binaries }, options.path ?? '');
  return {
    mounts: openMounts(fast, commands),
    loops: openLoopDevices(fast),
    blocks: openBlockDevices(fast, commands),
    files: openFiles({ fast, slow, stats: openStats(commands), jobs }),
    trees: {
      copy: async (from, to, call) => await jobs.run('copyTree', { from, to, maxRounds: call.maxRounds, bandwidth: call.bandwidth }, call),
      remove: async (path, call) => await jobs.run('removeTree', { path }, call),
      measure: async (path, call) => await jobs.run('measureTree', { path }, call),
    },
    commands,
    close: async () => {
      await jobs.close();
      await slow.close();
      await fast.close();
    },
  };
}
