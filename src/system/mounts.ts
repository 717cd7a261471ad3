import { readFile } from 'node:fs/promises';
import { release } from 'node:os';
import type { BindOptions, Commands, MountEntry, Mounts } from './api.ts';
import {
  MOUNT_ATTR_ATIME_MASK,
  MOUNT_ATTR_NOATIME,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NODIRATIME,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_RDONLY,
} from './constants.ts';
import { codeError } from './errno.ts';
import { findTopmost, parseMountinfo } from './mountinfo.ts';
import type { SyscallClient } from './syscall-client.ts';

const MOUNTINFO = '/proc/self/mountinfo';
/** What each per-mount flag sets, and which mask has to be cleared before it. */
const FLAGS: ReadonlyMap<string, { set: number; clear: number }> = new Map([
  ['noatime', { set: MOUNT_ATTR_NOATIME, clear: MOUNT_ATTR_ATIME_MASK }],
  ['relatime', { set: 0, clear: MOUNT_ATTR_ATIME_MASK }],
  ['nodiratime', { set: MOUNT_ATTR_NODIRATIME, clear: 0 }],
  ['nosuid', { set: MOUNT_ATTR_NOSUID, clear: 0 }],
  ['nodev', { set: MOUNT_ATTR_NODEV, clear: 0 }],
  ['noexec', { set: MOUNT_ATTR_NOEXEC, clear: 0 }],
]);

export function openMounts(client: SyscallClient, commands: Commands): Mounts {
  return {
    list: async () => parseMountinfo(await readTable()),
    find: async (target): Promise<MountEntry | undefined> => findTopmost(await readTable(), target),
    bind: async (source, target, options = {}) => await client.call('bind', { source, target, ...toAttributes(options, target) }),
    mount: async ({ source, target, fsType, options }, call) => {
      const flags = options.length === 0 ? [] : ['-o', options.join(',')];
      await commands.run('mount', ['-t', fsType, ...flags, '--', source, target], call);
    },
    unbind: async (target) => await client.call('umount', { target }),
    unmount: async (target, call) => {
      await commands.run('umount', ['--no-canonicalize', '--', target], call);
    },
    syncfs: async (path, call) => {
      await commands.run('sync', ['--file-system', '--', path], call);
    },
  };
}

/** Before 5.8 a mount or unmount during the read could hide other lines, so there only two equal reads count. */
async function readTable(): Promise<Buffer> {
  let table = await readFile(MOUNTINFO);
  if (!tearsMountinfo(release())) return table;
  for (let attempt = 0; attempt < 10; attempt++) {
    const again = await readFile(MOUNTINFO);
    if (again.equals(table)) return table;
    table = again;
  }
  throw codeError('EAGAIN', 'read', MOUNTINFO, 'the mount table did not hold still in ten reads');
}

/** `kernel` as uname -r says it. */
export function tearsMountinfo(kernel: string): boolean {
  const [major = 0, minor = 0] = kernel.split(/[.-]/).map(Number);
  return major < 5 || (major === 5 && minor < 8);
}

function toAttributes(options: BindOptions, target: string): { set: number; clear: number } {
  let set = options.readOnly === true ? MOUNT_ATTR_RDONLY : 0;
  let clear = 0;
  for (const name of options.flags ?? []) {
    const flag = FLAGS.get(name);
    if (flag === undefined)
      throw codeError(
        'EINVAL',
        'mount_setattr',
        target,
        `the mount flag ${name} is not supported on a bind mount; supported: ${[...FLAGS.keys()].join(' ')}`,
      );
    set |= flag.set;
    clear |= flag.clear;
  }
  return { set, clear };
}
