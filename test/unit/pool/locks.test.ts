import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isConvoyError } from '../../../src/convoy/errors.ts';
import { Locks } from '../../../src/pool/locks.ts';

const busy = (error: unknown): boolean => isConvoyError(error, 'Busy');

describe('locks', () => {
  it('let readers in together and keep writers out', () => {
    const locks = new Locks();
    using _one = locks.acquire({ shared: ['volume/a'], doing: 'copy' });
    using _two = locks.acquire({ shared: ['volume/a'], doing: 'copy' });
    assert.throws(() => locks.acquire({ exclusive: ['volume/a'], doing: 'delete' }), busy);
  });

  it('keep readers out while a writer works, saying what it does', () => {
    const locks = new Locks();
    using _one = locks.acquire({ exclusive: ['volume/a'], doing: 'it is being deleted' });
    assert.throws(
      () => locks.acquire({ shared: ['volume/a'], doing: 'copy' }),
      (error) => busy(error) && (error as Error).message.includes('it is being deleted'),
    );
  });

  it('take all keys or none', () => {
    const locks = new Locks();
    const held = locks.acquire({ exclusive: ['volume/b'], doing: 'x' });
    assert.throws(() => locks.acquire({ exclusive: ['volume/a', 'volume/b'], doing: 'y' }), busy);
    locks.acquire({ exclusive: ['volume/a'], doing: 'z' })[Symbol.dispose]();
    held[Symbol.dispose]();
    locks.acquire({ exclusive: ['volume/a', 'volume/b'], doing: 'y' })[Symbol.dispose]();
  });

  it('are free after release, however often it is released', () => {
    const locks = new Locks();
    const one = locks.acquire({ shared: ['k'], doing: 'x' });
    const two = locks.acquire({ shared: ['k'], doing: 'x' });
    one[Symbol.dispose]();
    one[Symbol.dispose]();
    assert.throws(() => locks.acquire({ exclusive: ['k'], doing: 'y' }), busy);
    two[Symbol.dispose]();
    locks.acquire({ exclusive: ['k'], doing: 'y' })[Symbol.dispose]();
  });

  it('do not block a call against itself when a key is asked twice', () => {
    const locks = new Locks();
    using _lock = locks.acquire({ exclusive: ['a', 'a'], shared: ['a'], doing: 'x' });
    assert.throws(() => locks.acquire({ shared: ['a'], doing: 'y' }), busy);
  });
});
