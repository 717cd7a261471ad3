import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import '@grpc/proto-loader';
import protobuf from 'protobufjs';
import { csiDefinitions } from '../../../src/csi/definitions.ts';

const ROOT = resolve(import.meta.dirname, '../../..');

const OFFICIAL = [
  { ours: 'proto/csi.proto', module: 'github.com/container-storage-interface/spec', path: 'csi.proto' },
  { ours: 'proto/pluginregistration.proto', module: 'k8s.io/kubelet', path: 'pkg/apis/pluginregistration/v1/api.proto' },
] as const;

for (const { ours, module, path } of OFFICIAL) {
  test(`${ours} is the official file of ${module}: names, numbers, options and all`, (t) => {
    const folder = moduleFolder(module);
    if (folder.found === undefined) {
      const reason = `SKIPPED: ${ours} was NOT compared with the official file: ${folder.reason}`;
      process.stderr.write(`\n*** ${reason}\n`);
      t.skip(reason);
      return;
    }
    assert.deepEqual(reflect(join(ROOT, ours)), reflect(join(folder.found, path)));
  });
}

test('the comparison sees a changed number and a lost option', () => {
  const text = (number: number, option: string): unknown =>
    protobuf.parse(`syntax = "proto3"; package p; message M { map<string, string> secrets = ${number} ${option}; }`).root.toJSON();
  assert.notDeepEqual(text(5, '[(csi_secret) = true]'), text(5, ''));
  assert.notDeepEqual(text(5, ''), text(6, ''));
});

test('every request is named after its RPC, on which redaction relies', () => {
  const root = protobuf.loadSync(join(ROOT, 'proto/csi.proto'));
  root.resolveAll();
  for (const service of ['Identity', 'Controller', 'Node']) {
    for (const method of root.lookupService(`csi.v1.${service}`).methodsArray) assert.equal(method.requestType, `${method.name}Request`);
  }
});

test('the trimmed descriptor puts the same bytes on the wire as the whole proto file', () => {
  const root = protobuf.loadSync(join(ROOT, 'proto/csi.proto'));
  const type = root.lookupType('csi.v1.CreateVolumeRequest');
  const request = {
    name: 'a',
    capacityRange: { requiredBytes: '9223372036854775807', limitBytes: '0' },
    volumeCapabilities: [{ accessMode: { mode: 'SINGLE_NODE_MULTI_WRITER' }, block: {} }],
    parameters: { k: 'v' },
    secrets: { s: 't' },
    accessibilityRequirements: { requisite: [{ segments: { k: 'v' } }] },
  };
  const whole = type.encode(type.fromObject(request)).finish();
  assert.deepEqual(Buffer.from(csiDefinitions.Controller.CreateVolume.requestSerialize(request as never)), Buffer.from(whole));
});

function reflect(path: string): unknown {
  const root = protobuf.loadSync(path);
  root.resolveAll();
  // By way of text: what is undefined does not count.
  return JSON.parse(JSON.stringify(root.toJSON()));
}

function moduleFolder(
  module: string,
): { readonly found: string; readonly reason?: never } | { readonly found?: undefined; readonly reason: string } {
  const cwd = join(ROOT, 'test/tools');
  const env = { ...process.env, GOFLAGS: '-mod=mod', GOTOOLCHAIN: 'local' };
  try {
    // Into the module cache if it is not there yet; go.sum pins what it must be.
    execFileSync('go', ['mod', 'download', module], { cwd, env, stdio: ['ignore', 'ignore', 'pipe'] });
    const found = execFileSync('go', ['list', '-m', '-f', '{{.Dir}}', module], {
      cwd,
      env,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    }).trim();
    return found === '' ? { reason: `${module} is not in the module cache` } : { found };
  } catch (error) {
    const { code, stderr } = error as { code?: string; stderr?: { toString(): string } };
    return {
      reason: code === 'ENOENT' ? 'Go is not installed' : `go could not find ${module}: ${stderr?.toString().trim() ?? String(error)}`,
    };
  }
}
