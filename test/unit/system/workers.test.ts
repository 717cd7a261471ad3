import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openSyscallClient } from '../../../src/system/syscall-client.ts';

test('an error of the worker arrives as the errno error it was', async () => {
  const client = openSyscallClient();
  await assert.rejects(client.call('blockSize', { device: '/dev/convoy-none' }), {
    code: 'ENOENT',
    path: '/dev/convoy-none',
    syscall: 'openat2',
  });
  await client.close();
});

test('a path with a NUL byte is refused instead of cut', async () => {
  const client = openSyscallClient();
  await assert.rejects(client.call('umount', { target: '/tmp\0/x' }), { code: 'EINVAL' });
  await client.close();
});

test('close rejects what is pending and every later call', async () => {
  const client = openSyscallClient();
  const pending = client.call('blockSize', { device: '/dev/convoy-none' });
  const outcome = assert.rejects(pending);
  await client.close();
  await outcome;
  await assert.rejects(client.call('closeFd', { fd: -1 }), /after close/);
});
