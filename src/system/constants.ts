/**
 * Numbers of the Linux ABI that Node does not export (include/uapi/linux/*.h). Everything here is the same on x86-64
 * and arm64; what differs (O_DIRECTORY, O_NOFOLLOW, O_DIRECT) is taken from Node, which was compiled for the machine.
 */
import { constants } from 'node:fs';

export const { O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_DIRECTORY, O_NOFOLLOW, O_DIRECT, O_NONBLOCK } = constants;
export const O_CLOEXEC = 0x80000;
export const O_PATH = 0x200000;
/** Contains O_DIRECTORY, so it differs with it. */
export const O_TMPFILE = 0x400000 | O_DIRECTORY;

export const AT_FDCWD = -100;
export const AT_SYMLINK_NOFOLLOW = 0x100;
export const AT_REMOVEDIR = 0x200;
export const AT_SYMLINK_FOLLOW = 0x400;
export const AT_NO_AUTOMOUNT = 0x800;
export const AT_EMPTY_PATH = 0x1000;
export const AT_STATX_FORCE_SYNC = 0x2000;

/** System calls that the C library of Debian 12 has no function for; numbers above 423 are the same everywhere. */
export const SYS_OPEN_TREE = 428;
export const SYS_MOVE_MOUNT = 429;
export const SYS_OPENAT2 = 437;
export const SYS_MOUNT_SETATTR = 442;

export const RESOLVE_NO_XDEV = 0x1;
export const RESOLVE_NO_MAGICLINKS = 0x2;
export const RESOLVE_NO_SYMLINKS = 0x4;
export const RESOLVE_BENEATH = 0x8;

export const OPEN_TREE_CLONE = 1;
export const MOVE_MOUNT_F_EMPTY_PATH = 0x4;
export const MOVE_MOUNT_T_EMPTY_PATH = 0x40;
export const MOUNT_ATTR_RDONLY = 0x1;
export const MOUNT_ATTR_NOSUID = 0x2;
export const MOUNT_ATTR_NODEV = 0x4;
export const MOUNT_ATTR_NOEXEC = 0x8;
export const MOUNT_ATTR_ATIME_MASK = 0x70;
export const MOUNT_ATTR_NOATIME = 0x10;
export const MOUNT_ATTR_NODIRATIME = 0x80;

/** mount(2), only where the kernel has no mount_setattr. */
export const MS_RDONLY = 0x1;
export const MS_NOSUID = 0x2;
export const MS_NODEV = 0x4;
export const MS_NOEXEC = 0x8;
export const MS_REMOUNT = 0x20;
export const MS_NOATIME = 0x400;
export const MS_NODIRATIME = 0x800;
export const MS_BIND = 0x1000;
export const MS_RELATIME = 0x200000;
export const MNT_DETACH = 0x2;
export const UMOUNT_NOFOLLOW = 0x8;

export const LOOP_CONFIGURE = 0x4c0a;
export const LOOP_CLR_FD = 0x4c01;
export const LOOP_GET_STATUS64 = 0x4c05;
export const LOOP_SET_CAPACITY = 0x4c07;
export const LOOP_CTL_GET_FREE = 0x4c82;
export const LO_FLAGS_READ_ONLY = 1;
export const LO_FLAGS_AUTOCLEAR = 4;
export const LO_FLAGS_DIRECT_IO = 16;
/** Block special file of major 7, for mknod. */
export const LOOP_MAJOR = 7;

export const BLKGETSIZE64 = 0x80081272;
export const FICLONE = 0x40049409;
export const FS_IOC_GETFLAGS = 0x80086601;
export const FS_IOC_SETFLAGS = 0x40086602;
export const FS_IMMUTABLE_FL = 0x10;
export const FS_APPEND_FL = 0x20;

export const LOCK_EX = 2;
export const LOCK_NB = 4;
export const FALLOC_FL_KEEP_SIZE = 1;
export const RENAME_NOREPLACE = 1;
export const SEEK_DATA = 3;
export const SEEK_HOLE = 4;

export const S_IFMT = 0o170000;
export const S_IFSOCK = 0o140000;
export const S_IFLNK = 0o120000;
export const S_IFREG = 0o100000;
export const S_IFBLK = 0o060000;
export const S_IFDIR = 0o040000;
export const S_IFCHR = 0o020000;
export const S_IFIFO = 0o010000;
