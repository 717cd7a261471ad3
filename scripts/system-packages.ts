import { pathToFileURL } from 'node:url';
import { installDebianPackages } from './lib/apt.ts';
import { lookAtMachine, type Machine, onPath } from './lib/machine.ts';

/** Commands that the driver, its tests and the demo run, the Debian package of each, and what cannot be done without. */
const WANTED = [
  { binary: 'mount', package: 'mount', without: 'nothing can be mounted' },
  { binary: 'losetup', package: 'mount', without: 'no scratch file systems' },
  { binary: 'blkid', package: 'util-linux', without: 'devices cannot be probed: no `loop` pools' },
  { binary: 'mkfs.ext4', package: 'e2fsprogs', without: 'no ext4 volumes and test file systems' },
  { binary: 'resize2fs', package: 'e2fsprogs', without: 'ext4 volumes cannot grow' },
  { binary: 'mkfs.xfs', package: 'xfsprogs', without: 'no xfs volumes, no shared blocks (reflink) in the tests' },
  { binary: 'xfs_growfs', package: 'xfsprogs', without: 'xfs volumes cannot grow' },
  { binary: 'mkfs.btrfs', package: 'btrfs-progs', without: 'no tests on btrfs' },
  { binary: 'getfattr', package: 'attr', without: 'tests of extended attributes cannot run' },
  { binary: 'getfacl', package: 'acl', without: 'tests of access lists cannot run' },
  { binary: 'openssl', package: 'openssl', without: 'tests of a controller and its nodes cannot run' },
] as const;

/**
 * Installs what is missing where that is possible (root, Debian), says what it does and what stays missing.
 * Returns the commands that are still missing; never throws for a package that cannot be had.
 */
export function ensureSystemPackages(machine: Machine, say: (line: string) => void): readonly string[] {
  const missing = WANTED.filter((wanted) => !onPath(wanted.binary));
  if (missing.length === 0) return [];
  const packages = [...new Set(missing.map((wanted) => wanted.package))];
  if (machine.root && machine.debian && !installDebianPackages(packages, say))
    say('apt-get could not install them; see its message above.');
  const still = WANTED.filter((wanted) => !onPath(wanted.binary));
  for (const { binary, package: name, without } of still) say(`missing: ${binary} (Debian package ${name}): ${without}`);
  if (still.length > 0 && !(machine.root && machine.debian)) {
    say(
      `as root: apt-get install ${[...new Set(still.map((wanted) => wanted.package))].join(' ')}${machine.debian ? '' : ' (names on Debian; yours may differ)'}`,
    );
  }
  return still.map((wanted) => wanted.binary);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const missing = ensureSystemPackages(lookAtMachine(), (line) => process.stdout.write(`${line}\n`));
  process.exitCode = missing.length === 0 ? 0 : 1;
}
