import { readFileSync } from 'node:fs';
import {
  AT_EMPTY_PATH,
  MNT_DETACH,
  MOUNT_ATTR_NOATIME,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NODIRATIME,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_RDONLY,
  MOVE_MOUNT_F_EMPTY_PATH,
  MOVE_MOUNT_T_EMPTY_PATH,
  MS_BIND,
  MS_NOATIME,
  MS_NODEV,
  MS_NODIRATIME,
  MS_NOEXEC,
  MS_NOSUID,
  MS_RDONLY,
  MS_RELATIME,
  MS_REMOUNT,
  O_CLOEXEC,
  O_NOFOLLOW,
  O_PATH,
  OPEN_TREE_CLONE,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  SYS_MOUNT_SETATTR,
  SYS_MOVE_MOUNT,
  SYS_OPEN_TREE,
  UMOUNT_NOFOLLOW,
} from '../constants.ts';
import { codeError, hasCode } from '../errno.ts';
import { check, cString, EMPTY, libc, openPath, stateOf, syscall3, syscallMoveMount, syscallSetAttr, withFd } from '../libc.ts';
import { findTopmost } from '../mountinfo.ts';

export interface BindRequest {
  readonly source: string;
  readonly target: string;
  /** MOUNT_ATTR_* to set, and the mask to clear before. Whatever the source's mount has besides is kept. */
  readonly set: number;
  readonly clear: number;
}

/** A bind mount that has its flags before anybody can see it. */
export function bind(request: BindRequest): void {
  try {
    bindByTree(request);
  } catch (error) {
    if (!hasCode(error, 'ENOSYS')) throw error;
    bindByRemount(request);
  }
}

export function umount({ target }: { readonly target: string }): void {
  check(libc.umount2(cString(target), UMOUNT_NOFOLLOW), 'umount2', target);
}

/** For kernels before 5.12. Visible read-write for an instant, hence only the second choice; undone if the remount fails. */
export function bindByRemount({ source, target, set }: BindRequest): void {
  withFd(openNoLink(source), (from) =>
    withFd(openSameKind(target, from), (to) =>
      check(libc.mount(cString(`/proc/self/fd/${from}`), cString(`/proc/self/fd/${to}`), null, MS_BIND, null), 'mount', target),
    ),
  );
  try {
    // Opened again: the descriptor of before means what the new mount covers.
    withFd(openNoLink(target), (mounted) => {
      const kept = mountFlags(findTopmost(readFileSync('/proc/self/mountinfo'), target)?.options ?? []);
      check(
        libc.mount(null, cString(`/proc/self/fd/${mounted}`), null, MS_REMOUNT | MS_BIND | kept | toMountFlags(set), null),
        'mount',
        target,
      );
    });
  } catch (error) {
    libc.umount2(cString(target), UMOUNT_NOFOLLOW | MNT_DETACH);
    throw error;
  }
}

function bindByTree({ source, target, set, clear }: BindRequest): void {
  withFd(openNoLink(source), (from) =>
    withFd(openSameKind(target, from), (to) =>
      withFd(check(syscall3(SYS_OPEN_TREE, from, EMPTY, OPEN_TREE_CLONE | O_CLOEXEC | AT_EMPTY_PATH), 'open_tree', source), (tree) => {
        if (set !== 0 || clear !== 0)
          check(syscallSetAttr(SYS_MOUNT_SETATTR, tree, EMPTY, AT_EMPTY_PATH, mountAttr(set, clear), 32), 'mount_setattr', target);
        check(
          syscallMoveMount(SYS_MOVE_MOUNT, tree, EMPTY, to, EMPTY, MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH),
          'move_mount',
          target,
        );
      }),
    ),
  );
}

/** A link as the last component would be bound as a link, or bind what a tenant chose: refused. */
function openNoLink(path: string): number {
  const fd = openPath(path, O_PATH | O_NOFOLLOW);
  try {
    if ((stateOf(fd, path).mode & S_IFMT) === S_IFLNK)
      throw codeError('ELOOP', 'open_tree', path, 'a symbolic link is not mounted, nor mounted upon');
  } catch (error) {
    libc.close(fd);
    throw error;
  }
  return fd;
}

/** The kernel answers a directory upon a file, or the reverse, with a bare EINVAL. */
function openSameKind(target: string, source: number): number {
  const fd = openNoLink(target);
  const [isDirectory, wanted] = [fd, source].map((each) => (stateOf(each).mode & S_IFMT) === S_IFDIR);
  if (isDirectory === wanted) return fd;
  libc.close(fd);
  if (wanted === true) throw codeError('ENOTDIR', 'move_mount', target, 'a directory cannot be mounted upon something else');
  throw codeError('EISDIR', 'move_mount', target, 'only a directory can be mounted upon a directory');
}

/** struct mount_attr: attr_set, attr_clr, propagation (left alone), userns_fd. */
function mountAttr(set: number, clear: number): Buffer {
  const attr = Buffer.alloc(32);
  attr.writeBigUInt64LE(BigInt(set), 0);
  attr.writeBigUInt64LE(BigInt(clear), 8);
  return attr;
}

function toMountFlags(attributes: number): number {
  const pairs = [
    [MOUNT_ATTR_RDONLY, MS_RDONLY],
    [MOUNT_ATTR_NOSUID, MS_NOSUID],
    [MOUNT_ATTR_NODEV, MS_NODEV],
    [MOUNT_ATTR_NOEXEC, MS_NOEXEC],
    [MOUNT_ATTR_NOATIME, MS_NOATIME],
    [MOUNT_ATTR_NODIRATIME, MS_NODIRATIME],
  ] as const;
  return pairs.reduce((flags, [attribute, flag]) => ((attributes & attribute) === 0 ? flags : flags | flag), 0);
}

/** A remount replaces all flags, so those that are there are said again. */
function mountFlags(options: readonly string[]): number {
  const flags: Readonly<Record<string, number>> = {
    ro: MS_RDONLY,
    nosuid: MS_NOSUID,
    nodev: MS_NODEV,
    noexec: MS_NOEXEC,
    noatime: MS_NOATIME,
    nodiratime: MS_NODIRATIME,
    relatime: MS_RELATIME,
  };
  return options.reduce((sum, option) => sum | (flags[option] ?? 0), 0);
}
