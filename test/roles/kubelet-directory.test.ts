import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { ClusterRig } from '../support/cluster-rig.ts';

/** A kubelet's directory that is not one, or that pods do not see into: the agent says which key is wrong. */
suite('an agent whose kubelet directory', () => {
  const rig = new ClusterRig({ nodes: ['node-1'] });
  const node = rig.node('node-1');
  const directory = join(node.directory, 'kubelet');
  mkdirSync(directory);
  // What is mounted below decides, whatever this machine's own mounts are.
  execFileSync('mount', ['--bind', directory, directory]);
  node.configure((config) => ({ ...config, kubelet: { directory } }));
  after(() => rig.end());

  test('has no plugins_registry ends, and names the key', async () => {
    node.launch();
    assert.notEqual(await node.ended, 0);
    assert.match(node.log, /kubelet\.directory is .*; is that the directory of this node's kubelet.*chart value kubeletDir/);
  });

  test('belongs to no kubelet, or is not shared, is not ready and says why', async () => {
    mkdirSync(join(directory, 'plugins_registry'));
    execFileSync('mount', ['--make-private', directory]);
    await node.start();
    const unshared = await node.get('/readyz');
    assert.equal(unshared.status, 503);
    assert.match(
      unshared.text,
      /has not registered the driver yet.*is not the directory of this node's kubelet \(its --root-dir; chart value kubeletDir\)/,
    );
    assert.match(unshared.text, /which holds the kubelet's directory .* is not shared: .*mountPropagation: Bidirectional/);

    execFileSync('mount', ['--make-shared', directory]);
    const shared = await node.get('/readyz');
    assert.equal(shared.status, 503);
    assert.match(shared.text, /has not registered the driver yet/);
    assert.doesNotMatch(shared.text, /is not shared/);
  });
});
