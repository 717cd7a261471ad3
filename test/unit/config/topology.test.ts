import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import type { DaemonConfig, Role } from '../../../src/config/config.ts';
import { loadDaemonConfig } from '../../../src/config/load.ts';
import { isConvoyError } from '../../../src/convoy/errors.ts';
import { DriverRegistry } from '../../../src/convoy/registry.ts';

const directory = mkdtempSync(join(tmpdir(), 'convoy-config-topology-'));
after(() => rmSync(directory, { recursive: true }));
const registry = new DriverRegistry();
registry.register('vfs', () => Promise.reject(new Error('not opened here')), {
  summary: '',
  binaries: [],
  options: { 'vfs.path': 'where' },
});

const DRIVER = 'csi.convoy-csi.org';
const ZONE = 'topology.kubernetes.io/zone';
const AGENT = 'agent: {controllerCertificateFile: /c.crt, tokenFile: /token}\n';
const CONTROLLER =
  'controller: {agents: [{node: a, address: "127.0.0.1:9809"}], certificateFile: /c.crt, keyFile: /c.key, agentCaFile: /ca.crt}\n';

async function load(yaml: string, { env, role = 'all' }: { readonly env?: string; readonly role?: Role } = {}): Promise<DaemonConfig> {
  const path = join(directory, 'convoy.yaml');
  writeFileSync(path, yaml);
  return loadDaemonConfig({
    flags: { config: [path], role: [role] },
    env: env === undefined ? {} : { CONVOY_TOPOLOGY: env },
    drivers: registry,
  });
}

async function refusal(...given: Parameters<typeof load>): Promise<string> {
  try {
    await load(...given);
  } catch (error) {
    assert.ok(isConvoyError(error, 'InvalidArgument'), String(error));
    assert.doesNotMatch(error.message, /\n/);
    return error.message;
  }
  return assert.fail('it was accepted');
}

const pool = (segments: string): string =>
  `pools: [{name: one, driver: vfs}, {name: two, driver: vfs, options: {vfs.path: /srv/two}, segments: ${segments}}]\n`;

/** Wherever labels stand: in a pool, for the node in the file, for the node in the environment. */
const PLACES = [
  ['segments of a pool', 'pools[1].segments', (map: string) => load(pool(map)), (map: string) => refusal(pool(map))],
  ['the topology of a node', 'topology', (map: string) => load(`topology: ${map}`), (map: string) => refusal(`topology: ${map}`)],
] as const;

for (const [what, field, accept, refuse] of PLACES)
  describe(what, () => {
    const literal = (text: string): RegExp => new RegExp(`${field.replaceAll(/[[\].]/g, '\\$&')}${text}`);
    const BAD: readonly (readonly [string, string, string])[] = [
      ['a value that is no string', `{${ZONE}: 1}`, `\\["${ZONE}"\\] is 1; allowed is a label value in quotation marks`],
      ['a word that YAML takes for none', '{rack: null}', '\\.rack is null; allowed is a label value'],
      ['a list', '{rack: [a]}', '\\.rack is \\["a"\\]; allowed is a label value'],
      ['a list for the map', '[a]', ' is \\["a"\\]; allowed is a map of label keys'],
      ['an empty value', '{rack: ""}', '\\["rack"\\] is ""; allowed as the value of a node\'s label are up to 63'],
      ['a value with a blank', '{rack: "a b"}', '\\["rack"\\] is "a b"; allowed as the value'],
      ['a value that ends in a dash', '{rack: a-}', '\\["rack"\\] is "a-"; allowed as the value'],
      ['a value that is too long', `{rack: ${'x'.repeat(64)}}`, '\\["rack"\\] is "x{64}"; allowed as the value'],
      ['a value that was not expanded', '{rack: "$(RACK)"}', '\\["rack"\\] is "\\$\\(RACK\\)"; allowed as the value'],
      ['an empty key', '{"": a}', '\\[""\\] is "a"; allowed as its key is up to 63'],
      ['a key that ends in a dot', '{rack.: a}', '\\["rack."\\] is "a"; allowed as its key'],
      ['a key whose name is too long', `{${'k'.repeat(64)}: a}`, ' *.*allowed as its key'],
      ['a key without a name', '{example.org/: a}', '\\["example.org/"\\] is "a"; allowed as its key'],
      ['a key without its domain', '{/rack: a}', '\\["/rack"\\] is "a"; allowed as its key'],
      ['a key with two slashes', '{example.org/a/b: c}', '\\["example.org/a/b"\\] is "c"; allowed as its key'],
      ['a key of a domain with capitals', '{Example.org/rack: a}', '\\["Example.org/rack"\\] is "a"; allowed as its key'],
      ['a key of a domain that is none', '{example..org/rack: a}', '\\["example..org/rack"\\] is "a"; allowed as its key'],
      ['a key of a domain that is too long', `{${'d.'.repeat(31)}dd/rack: a}`, '.*allowed as its key'],
      ["the driver's own key", `{${DRIVER}/node: a}`, `\\["${DRIVER}/node"\\] is "a"; that key is the driver's own`],
      ['the same in other letters', `{${DRIVER}/NODE: a}`, `\\["${DRIVER}/NODE"\\] is "a"; that key is the driver's own`],
      ['keys that differ in letters only', '{rack: a, Rack: b}', ' has the keys "rack" and "Rack"; allowed is one of them'],
      ['nine keys', `{${[...'abcdefghi'].map((key) => `${key}: x`).join(', ')}}`, ' has 9 keys, of 18 bytes.*at most 8, of 200'],
      ['keys that are long together', `{${[...'abcd'].map((key) => `${key}: ${'x'.repeat(60)}`).join(', ')}}`, ' has 4 keys, of 244 bytes'],
    ];
    for (const [bad, map, pattern] of BAD)
      it(`refuses ${bad}, naming it`, async () => {
        assert.match(await refuse(map), literal(pattern));
      });

    it('refuses __proto__', async () => assert.match(await refuse('{__proto__: a}'), /"__proto__" is no key/));

    for (const map of [
      '{}',
      `{${ZONE}: eu-1.a_B, rack: "7"}`,
      `{${'d'.repeat(63)}/${'k'.repeat(63)}: ${'v'.repeat(63)}}`,
      '{constructor: x, toString: y, hasOwnProperty: z}',
      '{a: b}',
    ])
      it(`takes ${map}`, async () => void (await accept(map)));
  });

describe('segments of a pool', () => {
  it('are the pool of its own, and none at all is none', async () => {
    const { pools } = await load(pool(`{${ZONE}: a}`));
    assert.deepEqual(
      pools.map(({ segments }) => segments),
      [undefined, { [ZONE]: 'a' }],
    );
    assert.equal(Object.hasOwn((await load(pool('{}'))).pools[1] ?? {}, 'segments'), false);
  });

  it('know the driver by the name that it has', async () => {
    assert.match(await refusal(`driverName: csi.example.org\n${pool('{csi.example.org/node: a}')}`), /that key is the driver's own/);
    assert.ok(await load(`driverName: csi.example.org\n${pool(`{${DRIVER}/node: a}`)}`));
  });

  it('may stand at a controller', async () => {
    const { pools } = await load(CONTROLLER + pool(`{${ZONE}: a}`), { role: 'controller' });
    assert.deepEqual(pools[1]?.segments, { [ZONE]: 'a' });
  });
});

describe('CONVOY_TOPOLOGY', () => {
  const topology = async (env: string, yaml = '', role: Role = 'all'): Promise<unknown> => (await load(yaml, { env, role })).topology;

  it('is read, and labels that the node has not are left out', async () => {
    assert.deepEqual(await topology(''), {});
    assert.deepEqual(await topology(`${ZONE}=a,rack=7`), { [ZONE]: 'a', rack: '7' });
    assert.deepEqual(await topology(` ${ZONE} = a ,, rack= ,=,region=,`), { [ZONE]: 'a' });
    assert.deepEqual(await topology('rack=,rack=7,rack=7'), { rack: '7' });
    assert.deepEqual(await topology('constructor=x'), Object.fromEntries([['constructor', 'x']]));
  });

  it("is merged with the file's", async () => {
    assert.deepEqual(await topology(`${ZONE}=a,row=`, `topology: {rack: "7", ${ZONE}: a, row: b}`), { rack: '7', [ZONE]: 'a', row: 'b' });
    assert.deepEqual(await topology(`${ZONE}=a`, `${AGENT}topology: {rack: "7"}`, 'node'), { rack: '7', [ZONE]: 'a' });
    assert.match(
      await refusal(`topology: {${ZONE}: a}`, { env: `${ZONE}=b` }),
      /topology\["topology\.kubernetes\.io\/zone"\] is "a" in the config file and "b" in CONVOY_TOPOLOGY: give it once/,
    );
    assert.match(await refusal('topology: {rack: a}', { env: 'Rack=a' }), /topology has the keys "rack" and "Rack"/);
    const five = (letter: string): string[] => [1, 2, 3, 4, 5].map((index) => `${letter}${index}`);
    const file = `topology: {${five('a').map((key) => `${key}: x`)}}`;
    assert.match(
      await refusal(file, {
        env: five('b')
          .map((key) => `${key}=x`)
          .join(),
      }),
      /topology has 10 keys/,
    );
  });

  const BAD: readonly (readonly [string, string, RegExp])[] = [
    ['an entry without a value', 'rack', /CONVOY_TOPOLOGY has the entry "rack"; allowed are KEY=VALUE,KEY=VALUE/],
    ['an entry without a key', '=a', /CONVOY_TOPOLOGY\[""\] is "a"; allowed as its key/],
    ['a bad key', 'a b=c', /CONVOY_TOPOLOGY\["a b"\] is "c"; allowed as its key/],
    ['a bad value', 'rack=a=b', /CONVOY_TOPOLOGY\["rack"\] is "a=b"; allowed as the value/],
    ['a value that was not expanded', 'rack=$(RACK)', /CONVOY_TOPOLOGY\["rack"\] is "\$\(RACK\)"/],
    ['two values of one key', 'rack=a,rack=b', /CONVOY_TOPOLOGY has "rack" twice, as "a" and "b"/],
    ["the driver's own key", `${DRIVER}/node=a`, /that key is the driver's own/],
    ['__proto__', '__proto__=a', /CONVOY_TOPOLOGY\["__proto__"\] is "a"; allowed as its key/],
    ['a very long value', `rack=${'x'.repeat(100_000)}`, /CONVOY_TOPOLOGY\["rack"\] is "x{128}…"; allowed/],
    ['very many entries', Array.from({ length: 10_000 }, (_, index) => `k${index}=v`).join(), /CONVOY_TOPOLOGY has 10000 keys/],
  ];
  for (const [what, env, pattern] of BAD) it(`with ${what} is refused`, async () => assert.match(await refusal('', { env }), pattern));
});

describe('role controller', () => {
  it('is on no node: it has no topology', async () => {
    const words = /^topology has the key "topology\.kubernetes\.io\/zone"; role controller has none.*pools\[\]\.segments/;
    assert.match(await refusal(`${CONTROLLER}topology: {${ZONE}: a}`, { role: 'controller' }), words);
    assert.match(await refusal(CONTROLLER, { role: 'controller', env: `${ZONE}=a` }), words);
    assert.deepEqual((await load(`${CONTROLLER}topology: {}`, { role: 'controller', env: `${ZONE}=` })).topology, {});
  });
});
