import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { NO_HELM, refusal, renderText } from './render.ts';

const pool = (rest: string): string => `pools: [{name: p, ${rest}}]`;
const group = (rest: string): string => `nodeGroups: [{name: g, ${rest}}]`;
const vfs = (path: string): string => pool(`driver: vfs, options: {vfs.path: ${path}}`);

/** What is wrong, the values, what the message has to say. */
const BAD: readonly (readonly [string, string, RegExp])[] = [
  ['an unknown value', 'diverName: x', /additional properties 'diverName' not allowed/],
  ['an unknown value in a map', 'node: {tolerances: []}', /at '\/node': additional properties 'tolerances' not allowed/],
  ['one in a sidecar', 'sidecars: {resizer: {images: {}}}', /at '\/sidecars\/resizer': additional properties 'images' not allowed/],
  ['one in an image', 'image: {repo: x}', /at '\/image': additional properties 'repo' not allowed/],
  [
    'one in a pool',
    pool('driver: vfs, options: {vfs.path: /x}, treshold: 1'),
    /at '\/pools\/0': additional properties 'treshold' not allowed/,
  ],
  ['one in a node group', group('selector: {a: b}'), /at '\/nodeGroups\/0': additional properties 'selector' not allowed/],
  ['one in a group’s pool', group('pools: [{name: p, driver: vfs, option: {}}]'), /nodeGroups\/0\/pools\/0.*'option' not allowed/s],
  [
    'one in a StorageClass',
    'storageClasses: [{name: a, bindingMode: Immediate}]',
    /storageClasses\/0': additional properties 'bindingMode' not/,
  ],
  [
    'one in a VolumeSnapshotClass',
    'volumeSnapshotClasses: [{name: a, policy: Retain}]',
    /volumeSnapshotClasses\/0': additional properties 'policy'/,
  ],
  [
    'one in a toleration',
    'node: {tolerations: [{effects: x}]}',
    /at '\/node\/tolerations\/0': additional properties 'effects' not allowed/,
  ],
  [
    'an option of no driver',
    pool('driver: vfs, options: {vfs.path: /x, vfs.pth: /x}'),
    /pools\/0\/options': additional properties 'vfs\.pth' not/,
  ],
  ['an option of another driver', pool('driver: loop, options: {vfs.path: /x}'), /pools\/0\/options'.*'vfs\.path' not allowed/s],
  ['no path', pool('driver: loop, options: {loop.fs: xfs}'), /pools\/0\/options': missing property 'loop\.path'/],
  ['no options', pool('driver: local'), /pools\/0': missing property 'options'/],
  ['a driver that does not exist', pool('driver: zfs'), /pools\/0\/driver': value must be one of 'local', 'loop', 'vfs'/],
  ['no pool', 'pools: []', /pools': minItems: got 0, want 1/],
  ['a pool’s name', 'pools: [{name: Fast, driver: vfs, options: {vfs.path: /x}}]', /pools\/0\/name': 'Fast' does not match pattern/],
  ['a reserved pool’s name', 'pools: [{name: global, driver: vfs, options: {vfs.path: /x}}]', /pools\/0\/name': 'not' failed/],
  ['a path that is not absolute', vfs('mnt/x'), /options\/vfs\.path': 'mnt\/x' does not match pattern/],
  ['a parameter that is no string', 'storageClasses: [{name: a, parameters: {pool: 1}}]', /parameters\/pool': got number, want string/],
  [
    'a binding mode',
    'storageClasses: [{name: a, volumeBindingMode: Late}]',
    /volumeBindingMode': value must be one of 'WaitForFirstConsumer'/,
  ],
  ['a log level', 'logLevel: verbose', /logLevel': value must be one of 'trace'/],
  ['snapshots: true', 'snapshots: true', /snapshots': value must be one of 'auto', 'always', 'never'/],
  ['a kubelet directory that is not absolute', 'kubeletDir: kubelet', /kubeletDir': 'kubelet' does not match pattern/],
  ['a timeout without a unit', 'sidecars: {timeout: "60"}', /sidecars\/timeout': '60' does not match pattern/],

  ['a default pool that is not there', 'defaultPool: fast', /defaultPool is "fast"; the pools are default/],
  [
    'a class of a pool that is not there',
    'storageClasses: [{name: a, parameters: {pool: fast}}]',
    /storageClasses\[0\]\.parameters\.pool is "fast"; the pools are default/,
  ],
  [
    'a class that names none of several pools',
    'pools: [{name: a, driver: vfs, options: {vfs.path: /a}}, {name: b, driver: vfs, options: {vfs.path: /b}}]',
    /storageClasses\[0\] \(convoy\) names no pool, and there are several \(a, b\): set its parameters\.pool, or defaultPool/,
  ],
  [
    'a pool that stands twice',
    'pools: [{name: a, driver: vfs, options: {vfs.path: /a}}, {name: a, driver: vfs, options: {vfs.path: /b}}]',
    /pool "a" stands twice: names of pools are unique on a node/,
  ],
  ['a group that stands twice', 'nodeGroups: [{name: a}, {name: a}]', /nodeGroups\[1\]\.name is "a", which stands twice/],
  [
    'a path of the container',
    vfs('/mnt/../etc/x'),
    /pool "p": vfs\.path \/mnt\/\.\.\/etc\/x would be mounted over the container's own \/etc\/x/,
  ],
  ['the path of everything', vfs('/var'), /would be mounted over the container's own \/var|holds the/],
  ['a path that holds the state', vfs('/var/lib/convoy'), /holds the root \/var\/lib\/convoy: give the pool a directory of its own/],
  ['a path above the kubelet', vfs('/var/lib'), /holds the (root|kubeletDir) /],
  ['a path in the kubelet', vfs('/var/lib/kubelet/pods'), /is within \/var\/lib\/kubelet, which has another use/],
  ['a path in the mounts', vfs('/var/lib/convoy/mounts/x'), /is within \/var\/lib\/convoy\/mounts, which has another use/],
  [
    'a mount whose parent is everything',
    pool('driver: vfs, options: {vfs.path: /disk, vfs.requiremount: true}'),
    /with requiremount the parent is mounted, so a disk at \/mnt\/disk works and one at \/disk does not/,
  ],
  [
    'a default file system type',
    'sidecars: {provisioner: {extraArgs: [--default-fstype=ext4]}}',
    /extraArgs\[0\] is --default-fstype=ext4: it makes every claim/,
  ],
  [
    'strict topology',
    'sidecars: {provisioner: {extraArgs: [--v=5, --strict-topology]}}',
    /extraArgs\[1\] is --strict-topology: a restore could/,
  ],
  [
    'a socket’s path that is too long',
    `kubeletDir: /var/lib/${'k'.repeat(70)}`,
    /a socket of the node would be .*: 1\d\d bytes, and a unix socket's path has at most 107; use a shorter driverName or kubeletDir/,
  ],
];

/** Values that look odd and are right. */
const GOOD: readonly (readonly [string, string])[] = [
  ['a chart within a chart', 'global: {anything: 1}'],
  ['no class at all', '{storageClasses: [], volumeSnapshotClasses: []}'],
  [
    'several pools and a default',
    'defaultPool: a\npools: [{name: a, driver: vfs, options: {vfs.path: /a}}, {name: b, driver: vfs, options: {vfs.path: /b}}]',
  ],
  ['boolean options as text', pool("driver: vfs, options: {vfs.path: /mnt/x, vfs.requiremount: 'true'}")],
  ['a path that only begins like the kubelet’s', vfs('/var/lib/kubelet-volumes')],
];

describe('values', { skip: NO_HELM }, () => {
  for (const [what, values, says] of BAD) it(`refuse ${what}`, () => assert.match(refusal(values), says));
  for (const [what, values] of GOOD) it(`take ${what}`, () => assert.match(renderText({ values }), /kind: DaemonSet/));
});
