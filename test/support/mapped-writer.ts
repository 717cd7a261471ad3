/**
 * Stores a counter to the first and the last eight bytes of a mapped file, first then last, for ever: in one instant of the
 * file the first is the last, or one ahead. Run as a program: FILE. Prints a line when it has begun.
 */
import { fstatSync, openSync } from 'node:fs';
import { load } from 'koffi';

const [path = ''] = process.argv.slice(2);
const libc = load('libc.so.6');
const mmap = libc.func('void *mmap(void *address, size_t length, int protection, int flags, int fd, int64 offset)');
const store = libc.func('void *memcpy(void *to, const void *from, size_t length)');
const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;

const fd = openSync(path, 'r+');
const { size } = fstatSync(fd);
const first: unknown = mmap(null, size, PROT_READ_WRITE, MAP_SHARED, fd, 0);
// The last page is mapped once more by itself: pointers need no arithmetic.
const last: unknown = mmap(null, 4096, PROT_READ_WRITE, MAP_SHARED, fd, size - 4096);
const value = Buffer.alloc(8);
process.stdout.write('begun\n');
for (let counter = 1n; ; counter += 1n) {
  value.writeBigUInt64LE(counter);
  store(first, value, 8);
  store(last, value, 8);
}
