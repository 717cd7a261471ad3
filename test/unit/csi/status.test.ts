import assert from 'node:assert/strict';
import { test } from 'node:test';
import { status } from '@grpc/grpc-js';
import { ConvoyError } from '../../../src/convoy/errors.ts';
import { failureOf, statusName, statusOf } from '../../../src/csi/status.ts';

test('what may be going on is never answered with a final code', () => {
  // What provisioner, resizer, snapshotter and kubelet take for "may still be running" (8 is so for all but the provisioner).
  const open: readonly status[] = [status.ABORTED, status.UNAVAILABLE, status.CANCELLED, status.DEADLINE_EXCEEDED];
  for (const code of ['Busy', 'Unavailable', 'Cancelled'] as const) assert.ok(open.includes(statusOf(code)), code);
});

test('no space is told so that the caller can act on it', () => {
  assert.equal(statusOf('NoSpace', 'CreateVolume'), status.RESOURCE_EXHAUSTED);
  assert.equal(statusOf('NoSpace', 'ControllerExpandVolume'), status.OUT_OF_RANGE);
  assert.equal(statusOf('NoSpace', 'NodeExpandVolume'), status.OUT_OF_RANGE);
  assert.equal(statusOf('NoSpace'), status.RESOURCE_EXHAUSTED);
});

test('a stage that exceeds what a driver can is FAILED_PRECONDITION', () => {
  assert.equal(statusOf('NotSupported', 'NodeStageVolume'), status.FAILED_PRECONDITION);
  assert.equal(statusOf('NotSupported', 'NodePublishVolume'), status.FAILED_PRECONDITION);
});

test('a failure always has a message', () => {
  assert.equal(failureOf(new ConvoyError('NotFound', ''), 'DeleteVolume', 'r').message, 'no reason was given');
});

test('statuses have names', () => {
  assert.equal(statusName(status.OK), 'OK');
  assert.equal(statusName(status.RESOURCE_EXHAUSTED), 'RESOURCE_EXHAUSTED');
});
