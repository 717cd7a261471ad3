import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Sample } from '../../../src/observe/metric-catalogue.ts';
import { METRICS } from '../../../src/observe/metric-catalogue.ts';
import { Metrics } from '../../../src/observe/metrics.ts';

describe('metrics', () => {
  it('count calls by method and code and time them', async () => {
    const metrics = new Metrics(async () => []);
    metrics.callFinished('CreateVolume', 'OK', 0.004);
    metrics.callFinished('CreateVolume', 'OK', 0.2);
    metrics.callFinished('CreateVolume', 'ABORTED', 58);
    const text = await metrics.render();
    assert.match(text, /^convoy_csi_calls_total\{method="CreateVolume",code="OK"\} 2$/m);
    assert.match(text, /^convoy_csi_calls_total\{method="CreateVolume",code="ABORTED"\} 1$/m);
    assert.match(text, /^convoy_csi_call_seconds_bucket\{le="0.005",method="CreateVolume"\} 1$/m);
    assert.match(text, /^convoy_csi_call_seconds_count\{method="CreateVolume"\} 3$/m);
  });

  it('show what is there at the scrape and forget what is gone', async () => {
    let samples: readonly Sample[] = [
      { name: 'convoy_pool_open', labels: { pool: 'a', driver: 'vfs' }, value: 1 },
      { name: 'convoy_pool_open', labels: { pool: 'b', driver: 'loop' }, value: 0 },
    ];
    const metrics = new Metrics(async () => samples);
    assert.match(await metrics.render(), /^convoy_pool_open\{pool="b",driver="loop"\} 0$/m);
    samples = samples.slice(0, 1);
    const text = await metrics.render();
    assert.match(text, /^convoy_pool_open\{pool="a",driver="vfs"\} 1$/m);
    assert.doesNotMatch(text, /pool="b"/);
  });

  it('escape hostile label values', async () => {
    const metrics = new Metrics(async () => [{ name: 'convoy_volumes', labels: { pool: 'a"\n\\b' }, value: 1 }]);
    assert.match(await metrics.render(), /^convoy_volumes\{pool="a\\"\\n\\\\b"\} 1$/m);
  });

  it('serve every metric of the catalogue with its help', async () => {
    const text = await new Metrics(async () => []).render();
    for (const [name, { help, type }] of Object.entries(METRICS)) {
      assert.ok(text.includes(`# HELP ${name} ${help}\n`), name);
      assert.ok(text.includes(`# TYPE ${name} ${type}\n`), name);
    }
    assert.match(text, /^process_resident_memory_bytes \d{7,}$/m);
  });

  it('share one gathering among scrapes that overlap', async () => {
    let gathered = 0;
    const metrics = new Metrics(async () => {
      gathered += 1;
      return [];
    });
    await Promise.all([metrics.render(), metrics.render()]);
    assert.equal(gathered, 1);
    await metrics.render();
    assert.equal(gathered, 2);
  });

  it('count the bytes of jobs', async () => {
    const metrics = new Metrics(async () => []);
    metrics.jobBytes('a', 'clone', 5);
    metrics.jobBytes('a', 'clone', 7);
    assert.match(await metrics.render(), /^convoy_job_bytes_total\{pool="a",kind="clone"\} 12$/m);
  });
});
