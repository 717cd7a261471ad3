import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failure } from '../../../src/directory/failures.ts';
import { notStale } from '../../../src/directory/fresh.ts';

const errno = (code: string): Error => Object.assign(new Error(code), { code });

describe('a read of what another host may replace meanwhile', () => {
  const failing = (times: number, error: Error): (() => Promise<string>) => {
    let left = times;
    return async () => {
      if (left-- > 0) throw error;
      return 'read';
    };
  };

  it('is made again when the server no longer has the file, also where the error was classified', async () => {
    for (const error of [errno('ESTALE'), failure(errno('ESTALE'), 'reading')]) {
      assert.equal(await notStale(failing(4, error)), 'read');
      await assert.rejects(notStale(failing(5, error)), error);
    }
  });

  it('is not made again for anything else', async () => {
    for (const error of [errno('ENOENT'), errno('EIO'), failure(errno('EIO'), 'reading'), new Error('no errno')])
      await assert.rejects(notStale(failing(1, error)), error);
  });
});

describe('what a server says to root', () => {
  it('has a way out in its message', () => {
    for (const code of ['EACCES', 'EPERM']) {
      const error = failure(Object.assign(errno(code), { syscall: 'fchownat' }), 'copying volume v');
      assert.equal(error.code, 'Precondition');
      assert.match(error.message, new RegExp(`${code}, fchownat\\) while copying volume v.*no_root_squash`));
    }
    for (const code of ['ESTALE', 'ENOTCONN', 'EHOSTDOWN', 'ETIMEDOUT']) {
      const error = failure(errno(code), 'copying volume v');
      assert.equal(error.code, 'Unavailable');
      assert.match(error.message, new RegExp(`server does not answer \\(${code}\\) while copying volume v`));
    }
  });
});
