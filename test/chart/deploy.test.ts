import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { outOfStep, renderManifests } from '../../scripts/deploy.ts';
import { findHelm } from '../../scripts/lib/helm.ts';
import { documents, NO_HELM } from './render.ts';

describe('deploy/', { skip: NO_HELM }, () => {
  const helm = findHelm() ?? '';

  it('is what the chart renders', () => assert.deepEqual(outOfStep(helm), [], 'run npm run deploy'));

  it('begins with its namespace, has no hook, and does not say that helm manages it', () => {
    for (const [file, text] of renderManifests(helm)) {
      const docs = documents(text);
      assert.equal(docs[0]?.id, 'Namespace/convoy-csi', file);
      assert.equal(docs[0].at('metadata', 'labels', 'pod-security.kubernetes.io/enforce'), 'privileged');
      assert.doesNotMatch(text, /managed-by|helm\.sh/);
      assert.ok(docs.length > 20);
    }
  });
});
