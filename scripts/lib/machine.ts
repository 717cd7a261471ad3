import { execFileSync, spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { CAP_SYS_ADMIN, CAP_SYS_RESOURCE, hasCapability } from '../../src/system/capability.ts';

/** What this machine lets the tests and the demo do. Found out by trying where that is harmless. */
export interface Machine {
  readonly root: boolean;
  /** Has apt-get: Debian or a child of it. */
  readonly debian: boolean;
  /** May mount: root with CAP_SYS_ADMIN (a plain container has not). */
  readonly mounts: boolean;
  /** May attach loop devices. */
  readonly loops: boolean;
  /** CAP_SYS_RESOURCE, which the kernel asks for to grow a mounted ext4. */
  readonly growsMountedExt4: boolean;
  /** `go1.26.8`; undefined = no Go. */
  readonly go: string | undefined;
}

export function lookAtMachine(): Machine {
  const root = process.getuid?.() === 0;
  const mounts = root && hasCapability(CAP_SYS_ADMIN);
  return {
    root,
    debian: onPath('apt-get'),
    mounts,
    loops: mounts && loopsWork(),
    growsMountedExt4: root && hasCapability(CAP_SYS_RESOURCE),
    go: goVersion(),
  };
}

/** Plain sentences, one for each thing that this machine lacks. */
export function lacks(machine: Machine): readonly string[] {
  const sentences: string[] = [];
  if (!machine.root) sentences.push('not root: nothing can be mounted, so what needs a mount is left out (run it with sudo to have all)');
  else if (!machine.mounts)
    sentences.push('root without CAP_SYS_ADMIN (a plain container): nothing can be mounted (docker run --privileged gives it)');
  else if (!machine.loops)
    sentences.push('no loop devices (/dev/loop-control): image file pools and scratch file systems are left out (modprobe loop)');
  if (machine.loops && !machine.growsMountedExt4)
    sentences.push('no CAP_SYS_RESOURCE: the kernel refuses to grow a mounted ext4, so that ext4 volumes grow at their next mount');
  if (machine.go === undefined)
    sentences.push('no Go: csi-sanity cannot be built (Debian: apt-get install golang, or https://go.dev/dl; 1.24 or newer)');
  return sentences;
}

/** The file that this command name runs; sbin is looked at even when a user's PATH leaves it out. */
export function onPath(binary: string): boolean {
  const directories = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'];
  return directories.some((directory) => isExecutable(join(directory, binary)));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false; // absent, or not for us
  }
}

/** `losetup -f` asks /dev/loop-control for a free device and attaches nothing. */
function loopsWork(): boolean {
  return spawnSync('losetup', ['-f'], { stdio: 'ignore' }).status === 0;
}

function goVersion(): string | undefined {
  try {
    return execFileSync('go', ['env', 'GOVERSION'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return undefined; // no Go on PATH
  }
}
