import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { isConvoyError } from '../../../src/convoy/errors.ts';
import { openCsiClient } from '../../../src/csi/client.ts';
import { listen, socketPath } from '../../../src/csi/listen.ts';
import { type CsiServer, createCsiServer } from '../../../src/csi/server.ts';
import type { Pools } from '../../../src/pool/api.ts';
import type { NodeService } from '../../../src/publish/api.ts';
import { DRIVER, fakePools, gate, outcome, volumeId } from './edge.ts';

test('only unix sockets that end in .sock are endpoints', () => {
  for (const good of ['unix:///run/convoy/csi.sock', 'unix:/run/convoy/csi.sock', '/run/convoy/csi.sock'])
    assert.equal(socketPath(good), '/run/convoy/csi.sock');
  for (const bad of ['tcp://0.0.0.0:1', '0.0.0.0:1', 'unix://csi.sock', '/run/csi', '', '/run/\0.sock', `/${'d'.repeat(103)}.sock`]) {
    assert.throws(
      () => socketPath(bad),
      (error) => isConvoyError(error, 'InvalidArgument') && error.message.startsWith('endpoint is '),
      bad,
    );
  }
});

test('the socket has the mode asked for, and is gone after stop', async () => {
  await using folder = await scratch();
  for (const mode of [0o600, 0o660] as const) {
    const listening = await listen(newServer(), folder.endpoint, { mode });
    assert.equal((await stat(folder.path)).mode & 0o777, mode);
    assert.deepEqual(await readdir(folder.folder), ['csi.sock'], 'no other file beside the socket');
    assert.equal(await listening.stop(5_000), true);
    assert.deepEqual(await readdir(folder.folder), []);
  }
});

test('a socket that nobody answers on is replaced', async () => {
  await using folder = await scratch();
  // As kill -9 leaves it: Node unlinks the name it bound, not the one it was moved to.
  const dead = createServer().listen(join(folder.folder, 'dead.sock'));
  await once(dead, 'listening');
  await rename(join(folder.folder, 'dead.sock'), folder.path);
  dead.close();
  await once(dead, 'close');
  const listening = await listen(newServer(), folder.endpoint);
  const client = openCsiClient(folder.endpoint);
  assert.equal((await client.call('GetPluginInfo', {})).name, DRIVER);
  client.close();
  await listening.stop(5_000);
});

test('a socket that a process serves on is left to it', async () => {
  await using folder = await scratch();
  const first = await listen(newServer(), folder.endpoint);
  await assert.rejects(
    listen(newServer(), folder.endpoint),
    (error) => isConvoyError(error, 'InUse') && error.message.includes(folder.path),
  );
  const client = openCsiClient(folder.endpoint);
  assert.equal((await client.call('GetPluginInfo', {})).name, DRIVER);
  client.close();
  await first.stop(5_000);
});

test('a file that is no socket is never removed', async () => {
  await using folder = await scratch();
  await writeFile(folder.path, 'precious');
  await assert.rejects(listen(newServer(), folder.endpoint), (error) => isConvoyError(error, 'Precondition'));
  assert.deepEqual(await readdir(folder.folder), ['csi.sock']);
});

test('a missing folder is an error that names it', async () => {
  await using folder = await scratch();
  await assert.rejects(
    listen(newServer(), `unix://${folder.folder}/none/csi.sock`),
    (error) => isConvoyError(error, 'Unavailable') && error.message.includes('/none'),
  );
});

test('stop lets a running call end and be answered', async () => {
  await using folder = await scratch();
  const started = gate();
  const finish = gate();
  const listening = await listen(
    newServer({
      deleteVolume: async () => {
        started.open();
        await finish.opened;
        return {};
      },
    }),
    folder.endpoint,
  );
  const client = openCsiClient(folder.endpoint);
  const call = outcome(client.call('DeleteVolume', { volumeId: volumeId('a') }));
  await started.opened;
  const stopped = listening.stop(60_000);
  finish.open();
  assert.equal((await call).code, 'OK');
  client.close();
  assert.equal(await stopped, true);
});

test('stop cancels a call that outlasts its time, and waits for the handler to notice', async () => {
  await using folder = await scratch();
  const started = gate();
  let cleaned = false;
  const listening = await listen(
    newServer({
      deleteVolume: async (_id, _options, call) => {
        const aborted = once(call.signal, 'abort');
        started.open();
        await aborted;
        cleaned = true;
        return {};
      },
    }),
    folder.endpoint,
  );
  const client = openCsiClient(folder.endpoint);
  const call = outcome(client.call('DeleteVolume', { volumeId: volumeId('a') }));
  await started.opened;
  assert.equal(await listening.stop(100), true);
  assert.equal(cleaned, true);
  assert.notEqual((await call).code, 'OK');
  client.close();
});

function newServer(pools: Partial<Pools> = {}): CsiServer {
  const quiet = (): void => undefined;
  return createCsiServer({
    pools: fakePools(pools),
    node: {} as NodeService,
    driverName: DRIVER,
    topology: {},
    version: '1',
    ready: () => ({ ready: true }),
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
  });
}

async function scratch(): Promise<AsyncDisposable & { folder: string; path: string; endpoint: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'convoy-csi-listen-'));
  const path = join(folder, 'csi.sock');
  return { folder, path, endpoint: `unix://${path}`, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}
