import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, credentials } from '@grpc/grpc-js';
import { ConvoyError, type ErrorCode } from '../../../src/convoy/errors.ts';
import { socketPath } from '../../../src/csi/listen.ts';
import type { Call } from '../../../src/pool/api.ts';
import { aPool, aSnapshot, aVolume, failing, gate, openEdge, outcome, snapshotId, volumeId } from './edge.ts';

const get = { volumeId: volumeId('a') };

test('a handler that throws synchronously is answered', async () => {
  await using edge = await openEdge({
    pools: {
      getVolume: () => {
        throw new ConvoyError('NotFound', 'volume "x" does not exist');
      },
    },
  });
  assert.deepEqual(await outcome(edge.client.call('ControllerGetVolume', get)), {
    code: 'NOT_FOUND',
    details: 'volume "x" does not exist',
  });
});

test('a handler that rejects is answered with its code and message', async () => {
  await using edge = await openEdge({ pools: { getVolume: failing('Unavailable', 'pool fast is not open: mount its disk') } });
  assert.deepEqual(await outcome(edge.client.call('ControllerGetVolume', get)), {
    code: 'UNAVAILABLE',
    details: 'pool fast is not open: mount its disk',
  });
});

for (const [what, thrown] of [
  ['a string', 'cannot open /secret/path'],
  ['undefined', undefined],
  ['an Error that is none of ours', Object.assign(new Error('EIO: /secret/path'), { code: 5, details: '/secret/path' })],
  ['a ConvoyError of code Internal', new ConvoyError('Internal', 'mkfs said /secret/path')],
] as const) {
  test(`a throw of ${what} tells the caller the request id alone, and the log the rest`, async () => {
    await using edge = await openEdge({
      pools: {
        // What a careless library may do, and what the linter keeps us from doing.
        getVolume: () => {
          const { promise, reject } = Promise.withResolvers<never>();
          reject(thrown);
          return promise;
        },
      },
    });
    const { code, details } = await outcome(edge.client.call('ControllerGetVolume', get));
    assert.equal(code, 'INTERNAL');
    assert.match(details, /^internal error, see the driver's log, request [0-9a-z]+-[0-9a-z]+$/);
    const [line] = edge.lines;
    assert.equal(line?.level, 'error');
    assert.ok(details.endsWith(String(line.fields['request_id'])));
    if (thrown !== undefined) assert.match(String(line.fields['error']), /\/secret\/path/);
  });
}

test('an AbortError is ABORTED: the same call again', async () => {
  await using edge = await openEdge({
    pools: {
      getVolume: async () => {
        throw new DOMException('This operation was aborted', 'AbortError');
      },
    },
  });
  assert.equal((await outcome(edge.client.call('ControllerGetVolume', get))).code, 'ABORTED');
});

test('a log that throws does not fail the call', async () => {
  const full = (): never => {
    throw new Error('no space left on device');
  };
  const warned = gate();
  process.once('warning', warned.open);
  await using edge = await openEdge({
    log: { debug: full, info: full, warn: full, error: full },
    pools: { getVolume: async () => aVolume() },
  });
  assert.equal((await outcome(edge.client.call('ControllerGetVolume', get))).code, 'OK');
  await warned.opened;
});

test('messages are cut to 1 KiB of whole characters', async () => {
  await using edge = await openEdge({ pools: { getVolume: failing('Precondition', '€'.repeat(5000)) } });
  const { details } = await outcome(edge.client.call('ControllerGetVolume', get));
  assert.ok(Buffer.byteLength(details) <= 1024 && Buffer.byteLength(details) > 1000);
  assert.match(details, /^€+…$/);
});

test('a cancelled call aborts the signal of its handler', async () => {
  const started = gate();
  const ended = gate();
  let reason: unknown;
  await using edge = await openEdge({
    pools: {
      deleteVolume: (_id, _options, call) =>
        untilAborted(call, started.open, (why) => {
          reason = why;
          ended.open();
        }),
    },
  });
  const caller = new AbortController();
  const call = outcome(edge.client.call('DeleteVolume', get, { signal: caller.signal }));
  await started.opened;
  caller.abort();
  assert.equal((await call).code, 'CANCELLED');
  await ended.opened;
  assert.ok(reason instanceof ConvoyError && reason.code === 'Cancelled');
  await edge.idle();
  assert.deepEqual(
    edge.observed.map(({ code }) => code),
    ['CANCELLED'],
  );
});

test('a deadline reaches the handler as a time and aborts its signal when it passes', async () => {
  const ended = gate();
  let deadline: number | undefined;
  await using edge = await openEdge({
    pools: {
      deleteVolume: (_id, _options, call) => {
        deadline = call.deadline;
        return untilAborted(call, () => undefined, ended.open);
      },
    },
  });
  const before = Date.now();
  assert.equal((await outcome(edge.client.call('DeleteVolume', get, { timeoutMs: 150 }))).code, 'DEADLINE_EXCEEDED');
  await ended.opened;
  await edge.idle();
  // The server counts from when the call reached it: an epoch time, not a duration, is all that can be said.
  assert.ok(deadline !== undefined && deadline >= before && deadline < before + 60_000, `${before} and ${deadline}`);
  assert.deepEqual(
    edge.observed.map(({ code }) => code),
    ['DEADLINE_EXCEEDED'],
  );
});

test('a call without a deadline has none, and its signal stays quiet after it has ended well', async () => {
  let seen: Call | undefined;
  await using edge = await openEdge({
    pools: {
      deleteVolume: async (_id, _options, call) => {
        seen = call;
        assert.equal(call.signal.aborted, false);
        return {};
      },
    },
  });
  await edge.client.call('DeleteVolume', get);
  // A second call on the same connection: by then the first one's stream has closed.
  await edge.client.call('DeleteVolume', get);
  assert.equal(seen?.deadline, undefined);
  assert.equal(seen?.signal.aborted, false);
});

test('secrets reach the handler', async () => {
  let secrets: unknown;
  await using edge = await openEdge({
    pools: {
      deleteVolume: async (_id, _options, call) => {
        secrets = call.secrets;
        return {};
      },
    },
  });
  await edge.client.call('DeleteVolume', { ...get, secrets: { token: 'hunter22' } });
  assert.deepEqual(secrets, { token: 'hunter22' });
});

test('no secret, mount flag or kubelet token is logged, and the request in use keeps them', async () => {
  let flags: unknown;
  await using edge = await openEdge({
    node: {
      publish: async (input) => {
        flags = input.capability.access.kind === 'mount' ? input.capability.access.mountFlags : undefined;
      },
    },
  });
  await edge.client.call('NodePublishVolume', {
    ...get,
    targetPath: '/pods/1',
    stagingTargetPath: '/staging',
    volumeCapability: { accessMode: { mode: 'SINGLE_NODE_WRITER' }, mount: { mountFlags: ['password=hunter22'] } },
    secrets: { token: 'hunter23' },
    volumeContext: { pool: 'fast', 'csi.storage.k8s.io/serviceAccount.tokens': '{"aud":{"token":"hunter24"}}' },
  });
  assert.deepEqual(flags, ['password=hunter22']);
  const text = JSON.stringify(edge.lines);
  assert.doesNotMatch(text, /hunter/);
  assert.match(text, /"pool":"fast"/);
  assert.match(text, /\*\*\*stripped\*\*\*/);
});

test('a secret that a tool repeated is struck out of the message and of the log', async () => {
  await using edge = await openEdge({
    pools: {
      deleteVolume: async () => {
        throw new ConvoyError('Unavailable', 'login with hunter22 was refused', { cause: new Error('curl -u admin:hunter22') });
      },
    },
  });
  const { details } = await outcome(edge.client.call('DeleteVolume', { ...get, secrets: { password: 'hunter22' } }));
  assert.equal(details, 'login with ***stripped*** was refused');
  assert.doesNotMatch(JSON.stringify(edge.lines), /hunter22/);
});

test('a secret at the place where a message is cut leaves no half', async () => {
  const message = `${'x'.repeat(1010)} hunter22hunter22hunter22`;
  await using edge = await openEdge({ pools: { deleteVolume: failing('Unavailable', message) } });
  const { details } = await outcome(edge.client.call('DeleteVolume', { ...get, secrets: { password: 'hunter22hunter22hunter22' } }));
  assert.doesNotMatch(details, /hunter/);
  assert.ok(Buffer.byteLength(details) <= 1024);
});

test('each call is one line with the same keys, and one observation', async () => {
  await using edge = await openEdge({
    pools: { createSnapshot: async () => aSnapshot(), getVolume: failing('NotFound') },
    debugEnabled: false,
  });
  await edge.client.call('CreateSnapshot', { name: 's', sourceVolumeId: volumeId('a') });
  await outcome(edge.client.call('ControllerGetVolume', get));
  const [created, failed] = edge.lines;
  assert.equal(edge.lines.length, 2);
  assert.equal(created?.level, 'info');
  assert.deepEqual(Object.keys(created.fields), ['method', 'request_id', 'code', 'duration_ms', 'volume_id', 'snapshot_id', 'pool']);
  assert.deepEqual(
    { ...created.fields, request_id: '', duration_ms: 0 },
    {
      method: 'CreateSnapshot',
      request_id: '',
      code: 'OK',
      duration_ms: 0,
      volume_id: volumeId('a'),
      snapshot_id: snapshotId('s'),
      pool: 'fast',
    },
  );
  assert.equal(failed?.level, 'warn');
  assert.equal(failed.fields['code'], 'NOT_FOUND');
  assert.notEqual(failed.fields['request_id'], created.fields['request_id']);
  assert.deepEqual(
    edge.observed.map(({ method, code }) => `${method} ${code}`),
    ['CreateSnapshot OK', 'ControllerGetVolume NOT_FOUND'],
  );
  assert.ok(edge.observed.every(({ seconds }) => seconds >= 0));
});

test('polled calls are told at debug level when they are well, and not at all without it', async () => {
  const polled = async (debugEnabled: boolean): Promise<string[]> => {
    await using edge = await openEdge({ debugEnabled, node: { stats: failing('NotFound') } });
    await edge.client.call('Probe', {});
    await edge.client.call('NodeGetCapabilities', {});
    await outcome(edge.client.call('NodeGetVolumeStats', { ...get, volumePath: '/pods/1' }));
    return edge.lines.map(({ level, fields }) => `${level} ${String(fields['method'])}`);
  };
  assert.deepEqual(await polled(true), ['debug Probe', 'debug NodeGetCapabilities', 'warn NodeGetVolumeStats']);
  assert.deepEqual(await polled(false), ['warn NodeGetVolumeStats']);
});

test('RPCs whose capability no pool has are UNIMPLEMENTED, and so are unknown ones', async () => {
  await using edge = await openEdge({ pools: { implemented: new Set(['volume', 'access', 'storage', 'records', 'snapshot']) } });
  const calls = [
    edge.client.call('ControllerPublishVolume', {}),
    edge.client.call('ControllerUnpublishVolume', {}),
    edge.client.call('ControllerModifyVolume', {}),
    edge.client.call('CreateSnapshot', {}),
    edge.client.call('ControllerExpandVolume', {}),
    edge.client.call('GetCapacity', {}),
    edge.client.call('ControllerListVolumeHealth', {}),
    edge.client.call('NodeExpandVolume', {}),
    edge.client.call('NodeGetStorageHealth', {}),
  ];
  for (const { code } of await Promise.all(calls.map(outcome))) assert.equal(code, 'UNIMPLEMENTED');
  const unknown = await rawCall(edge.endpoint, '/csi.v1.GroupController/CreateVolumeGroupSnapshot', Buffer.alloc(0));
  assert.equal(unknown.code, 12);
});

test('a message of more than 4 MiB is refused, and the server goes on', async () => {
  await using edge = await openEdge();
  assert.equal((await rawCall(edge.endpoint, '/csi.v1.Identity/Probe', Buffer.alloc(10 * 1024 * 1024))).code, 8);
  assert.deepEqual((await edge.client.call('Probe', {})).ready, { value: true });
});

test('a message that is no message is an error of the caller, and the server goes on', async () => {
  await using edge = await openEdge();
  assert.notEqual((await rawCall(edge.endpoint, '/csi.v1.Controller/CreateVolume', Buffer.from('\xff\xff\xff\xff', 'latin1'))).code, 0);
  assert.deepEqual((await edge.client.call('Probe', {})).ready, { value: true });
});

const EXCEPTIONS: readonly (readonly [ErrorCode, string, string])[] = [
  ['NoSpace', 'CreateVolume', 'RESOURCE_EXHAUSTED'],
  ['NoSpace', 'CreateSnapshot', 'RESOURCE_EXHAUSTED'],
  ['NoSpace', 'ControllerExpandVolume', 'OUT_OF_RANGE'],
  ['NotSupported', 'ControllerExpandVolume', 'INVALID_ARGUMENT'],
  ['NotSupported', 'CreateSnapshot', 'INVALID_ARGUMENT'],
  ['NotSupported', 'CreateVolume', 'INVALID_ARGUMENT'],
  ['Busy', 'CreateVolume', 'ABORTED'],
  ['Cancelled', 'CreateVolume', 'ABORTED'],
  ['DataLoss', 'CreateVolume', 'DATA_LOSS'],
  ['InUse', 'CreateVolume', 'FAILED_PRECONDITION'],
  ['AlreadyExists', 'CreateVolume', 'ALREADY_EXISTS'],
];
for (const [code, rpc, want] of EXCEPTIONS) {
  test(`${code} is ${want} on ${rpc}`, async () => {
    await using edge = await openEdge({
      pools: {
        createVolume: failing(code),
        createSnapshot: failing(code),
        expandVolume: failing(code),
        status: async () => [aPool('fast', 'device')],
      },
    });
    const calls: Record<string, () => Promise<unknown>> = {
      CreateVolume: () => edge.client.call('CreateVolume', { name: 'a', volumeCapabilities: [{ accessMode: { mode: 1 }, mount: {} }] }),
      CreateSnapshot: () => edge.client.call('CreateSnapshot', { name: 'a', sourceVolumeId: volumeId('a') }),
      ControllerExpandVolume: () => edge.client.call('ControllerExpandVolume', { ...get, capacityRange: { requiredBytes: '1' } }),
    };
    assert.equal((await outcome(calls[rpc]?.() ?? Promise.reject(new Error(rpc)))).code, want);
  });
}

async function untilAborted(call: Call, started: () => void, aborted: (reason: unknown) => void): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  call.signal.addEventListener('abort', () => {
    aborted(call.signal.reason);
    reject(call.signal.reason as Error);
  });
  started();
  return promise;
}

/** A call with bytes of our own, past every check of the client. */
function rawCall(endpoint: string, path: string, bytes: Buffer): Promise<{ code: number }> {
  const client = new Client(`unix:${socketPath(endpoint)}`, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
  return new Promise((resolve) => {
    client.makeUnaryRequest(
      path,
      (message: Buffer) => message,
      (message: Buffer) => message,
      bytes,
      (error) => {
        client.close();
        resolve({ code: error?.code ?? 0 });
      },
    );
  });
}
